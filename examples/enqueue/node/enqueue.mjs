// Enqueues five tasks under the identity given as the argument: node enqueue.mjs ID
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { encode } from "@msgpack/msgpack";

const id = process.argv[2];
const message = {
  f: "exec", // the handler
  id, // where the results will be: R#~<id>
  t: [ // an argument per task
    "żółw, 日本, 𝄞",
    [0.1, -2.5, 1e300],
    // Beyond 2^53 a number has lost digits: a BigInt keeps them.
    [9007199254740993n, -(2n ** 63n), 2n ** 64n - 1n],
    { option: { type: "put", strikes: [95, 100.5], note: null, american: true } },
    new Uint8Array([0x00, 0x01, 0xfe, 0xff]),
  ],
};
const body = Buffer.from(encode(message, { useBigInt64: true })).toString("base64");

const sqs = new SQSClient({});
await sqs.send(new SendMessageCommand({ QueueUrl: process.env.STARBURST_QUEUE_URL, MessageBody: body }));
console.log(id);
