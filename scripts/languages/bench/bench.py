# SPDX-License-Identifier: Apache-2.0
"""Pushes no-op tasks through queue, worker and table of a stack on this machine, whose one worker has
one slot, served by a child in Python and then in Node.js. `make bench-workers` measures the child alone."""

import os
import sys
import time

import starburst

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {"Python": [sys.executable, os.path.join(HERE, "noop.py")], "Node.js": ["node", os.path.join(HERE, "noop.mjs")]}


def throughput(command, n):
    """Tasks a second: from the begin of the first message to the end of the last, and from the caller's
    call until it has all results."""
    with starburst.Executor(workers=1, serve=command) as ex:
        for _ in ex.map("noop", range(2_000)):  # warm
            pass
        began = time.monotonic()
        job = ex.client.create_job("noop", range(n), chunk=1000)
        for _ in job.results():
            pass
        whole = time.monotonic() - began
        items = [item for shard in range(job.shards) for page in ex.client._pages(f"R#{job.id}#{shard}", attrs=("t0", "t1")) for item in page]
    worked = max(int(i["t1"]["N"]) for i in items) - min(int(i["t0"]["N"]) for i in items)
    return n / worked * 1000, n / whole


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"{n:,} no-op tasks, chunks of 1,000, one slot")
    for language, command in PROGRAMS.items():
        slot, whole = throughput(command, n)
        print(f"{language:9}{slot:10,.0f} tasks/s on the worker{whole:10,.0f} tasks/s from submit to the last result")


if __name__ == "__main__":
    main()
