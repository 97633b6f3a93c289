"""Enqueues five tasks under the identity given as the argument: enqueue.py ID"""

import base64
import os
import sys

import boto3
import msgpack

task_id = sys.argv[1]
message = {
    "f": "exec",  # the handler
    "id": task_id,  # where the results will be: R#~<id>
    "t": [  # an argument per task
        "żółw, 日本, 𝄞",
        [0.1, -2.5, 1e300],
        [9007199254740993, -(2**63), 2**64 - 1],
        {"option": {"type": "put", "strikes": [95, 100.5], "note": None, "american": True}},
        b"\x00\x01\xfe\xff",
    ],
}
body = base64.b64encode(msgpack.packb(message)).decode()

boto3.client("sqs").send_message(QueueUrl=os.environ["STARBURST_QUEUE_URL"], MessageBody=body)
print(task_id)
