# SPDX-License-Identifier: Apache-2.0
"""Measures no-op tasks in one warm child of each language: the round trip of a single task with
1 KiB over the worker protocol, and chunks through queue, worker and table on a stack of its own.

    STARBURST_BINARY=bin/starburst PYTHONPATH=clients/python python3 scripts/languages/bench/bench.py [TASKS]
"""

import os
import statistics
import subprocess
import sys
import time

import msgpack

import starburst

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {"Python": [sys.executable, os.path.join(HERE, "noop.py")], "Node.js": ["node", os.path.join(HERE, "noop.mjs")]}


def round_trips(command, n=5_000):
    """Microseconds of each task alone in its frame, as seen by this process."""
    to_child, ours = os.pipe()
    answers, from_child = os.pipe()
    env = os.environ | {"STARBURST_PROTOCOL": "1", "STARBURST_FD_IN": str(to_child), "STARBURST_FD_OUT": str(from_child)}
    with subprocess.Popen(command, env=env, pass_fds=(to_child, from_child)) as child, open(answers, "rb", buffering=0) as reader:
        os.close(to_child)
        os.close(from_child)

        def read():
            return reader.read(int.from_bytes(reader.read(4), "big"))

        read()  # hello
        argument, times = starburst.pack("x" * 1024), []
        for id in range(1, n + 1):
            payload = msgpack.packb({"t": "task", "id": id, "handler": "noop", "tasks": [[id, argument]]})
            frame = len(payload).to_bytes(4, "big") + payload
            began = time.perf_counter()
            os.write(ours, frame)
            read()
            times.append(1e6 * (time.perf_counter() - began))
        os.close(ours)
        child.wait()
    return times[n // 10 :]


def throughput(command, n):
    """Tasks a second of one worker with one slot: from the begin of the first message to the end of the last, and
    from the caller's call until it has all results."""
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
    print(f"{'child':10}{'round trip, 1 KiB: median':>27}{'99 %':>10}{'one slot, chunks of 1,000':>28}{'with submit and results':>26}")
    for language, command in PROGRAMS.items():
        times = round_trips(command)
        slot, whole = throughput(command, n)
        p99 = statistics.quantiles(times, n=100)[98]
        print(f"{language:10}{statistics.median(times):24.0f} µs{p99:7.0f} µs{slot:20,.0f} tasks/s{whole:18,.0f} tasks/s")


if __name__ == "__main__":
    main()
