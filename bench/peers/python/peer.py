"""Celery on SQS with its DynamoDB result backend, as one of the peers: `peer.py produce|consume`."""

import json
import os
import resource
import subprocess
import sys
import time
from urllib.parse import urlparse

from celery import Celery

N = int(os.environ["PEER_N"])
NAME = os.environ["PEER_QUEUE_NAME"]
SQS = urlparse(os.environ["AWS_ENDPOINT_URL_SQS"])
DYNAMODB = urlparse(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
DONE = os.environ.get("PEER_DONE", "")

app = Celery(
    "peer",
    broker=f"sqs://test:test@{SQS.netloc}//",
    backend=f"dynamodb://test:test@{DYNAMODB.hostname}:{DYNAMODB.port}/{os.environ['PEER_TABLE']}",
)
app.conf.update(
    task_default_queue=NAME,
    broker_transport_options={
        "region": "us-east-1", "is_secure": False, "wait_time_seconds": 1, "polling_interval": 0,
        "predefined_queues": {NAME: {"url": os.environ["PEER_QUEUE_URL"], "access_key_id": "test", "secret_access_key": "test"}},
    },
    worker_prefetch_multiplier=16,
    task_acks_late=True,
    task_store_errors_even_if_ignored=True,
    worker_send_task_events=False,
    result_backend_thread_safe=True,
)


@app.task(name="noop")
def noop(_argument):
    if DONE:
        with open(DONE, "ab", buffering=0) as f:
            f.write(b".")
    return 1


def cpu(who):
    r = resource.getrusage(who)
    return r.ru_utime + r.ru_stime


def produce():
    start, before = time.monotonic(), cpu(resource.RUSAGE_SELF)
    for i in range(N):
        noop.delay(f"{i:064d}")
    return time.monotonic() - start, cpu(resource.RUSAGE_SELF) - before


def consume():
    """Runs a worker with two processes until every task has said that it ran; the clock starts with the first."""
    done = f"/tmp/peer-done-{os.getpid()}"
    open(done, "wb").close()
    worker = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "-A", "peer", "worker", "--concurrency=2", "--loglevel=ERROR", "--without-gossip", "--without-mingle",
         "--without-heartbeat"],
        cwd=os.path.dirname(os.path.abspath(__file__)), env={**os.environ, "PEER_DONE": done}, stdout=sys.stderr)
    try:
        start = None
        while (size := os.path.getsize(done)) < N:
            if start is None and size:
                start = time.monotonic()
            if worker.poll() is not None:
                raise SystemExit("the Celery worker ended")
            time.sleep(0.005)
        took = time.monotonic() - (start or time.monotonic() - 1e-3)
    finally:
        worker.terminate()  # a warm shutdown: it stores and acknowledges what it has done
        worker.wait(60)
        os.remove(done)
    return took, cpu(resource.RUSAGE_CHILDREN)


if __name__ == "__main__":
    took, used = {"produce": produce, "consume": consume}[sys.argv[1]]()
    print(json.dumps({"n": N, "seconds": took, "cpu_seconds": used}))
