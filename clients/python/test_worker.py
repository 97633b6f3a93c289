# SPDX-License-Identifier: Apache-2.0
"""The worker's side of the Python helper, as a child process with a test for a parent."""

import os
import random
import signal
import struct
import subprocess
import sys
import threading

import msgpack
import pytest

import starburst

HERE = os.path.dirname(os.path.abspath(__file__))

PROGRAM = """
import os, subprocess, sys, time
import starburst

@starburst.task
def square(x):
    print("squaring", x)
    return x * x

@starburst.task(name="add two")
def add(x, y):
    return x + y

@starburst.task
def fail(how):
    if how == "exit":
        sys.exit(3)
    raise {"permanent": starburst.PermanentError, "value": ValueError}[how](how)

@starburst.task
def where(_):
    return vars(starburst.current())

@starburst.task
def draw(seed):
    return starburst.stream(seed).random()

@starburst.task
def wait(how):
    starburst.progress(1, 2, "begun")
    try:
        while how == "sleep" or not starburst.cancelled():
            time.sleep(0.01)
    finally:
        print("cleaned up")
    return "gave up"

@starburst.task
def child(_):
    return subprocess.run([sys.executable, "-c", "import os; os.write(4, b'garbage')"], capture_output=True).returncode

@starburst.task
def stubborn(_):
    while True:
        try:
            starburst.progress(0, 1)
            while True:
                time.sleep(0.01)
        except starburst.TaskCancelledError:
            starburst.log("warn", "not me", n=1)
            while True:
                time.sleep(0.01)

starburst.serve()
"""


class Child:
    """A child and the parent's ends of its pipes."""

    def __init__(self, program, **env):
        to_child, self.fd = os.pipe()
        answers, from_child = os.pipe()
        env = os.environ | {"STARBURST_PROTOCOL": "1", "PYTHONPATH": HERE} | env
        env |= {"STARBURST_FD_IN": str(to_child), "STARBURST_FD_OUT": str(from_child)}
        command = [sys.executable, "-c", program] if isinstance(program, str) else [sys.executable, *program]
        self.process = subprocess.Popen(
            command, pass_fds=(to_child, from_child), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        os.close(to_child)
        os.close(from_child)
        self.answers = os.fdopen(answers, "rb")
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.communicate()
        self.answers.close()
        if self.fd is not None:
            os.close(self.fd)

    def send(self, **frame):
        payload = msgpack.packb(frame)
        os.write(self.fd, struct.pack(">I", len(payload)) + payload)

    def task(self, handler, *args, id=1, first=0, **keys):
        tasks = [[first + k, starburst.pack(arg)] for k, arg in enumerate(args)]
        self.send(t="task", id=id, handler=handler, tasks=tasks, **keys)

    def read(self):
        head = self.answers.read(4)
        return msgpack.unpackb(self.answers.read(struct.unpack(">I", head)[0])) if head else None

    def results(self, n):
        answers = [self.read() for _ in range(n)]
        return [starburst.unpack(a["result"]) if a["t"] == "done" else a for a in answers]

    def end(self):
        """The exit status, and what was printed."""
        out, err = self.process.communicate()
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
def child():
    with Child(PROGRAM) as c:
        hello = c.read()
        assert hello["t"] == "hello" and hello["v"] == 1 and hello["pid"] == c.process.pid
        assert hello["handlers"] == ["square", "add two", "fail", "where", "draw", "wait", "child", "stubborn"]
        yield c


def test_tasks_are_answered_in_order(child):
    child.task("square", 2, 3, 4, id=1)
    child.task("square", 1.5, id=4)
    answers = [child.read() for _ in range(4)]
    assert [(a["t"], a["id"], starburst.unpack(a["result"])) for a in answers] == [("done", 1, 4), ("done", 2, 9), ("done", 3, 16), ("done", 4, 2.25)]
    child.send(t="bye")
    code, out, err = child.end()
    assert (code, out, err) == (0, "squaring 2\nsquaring 3\nsquaring 4\nsquaring 1.5\n", "")


def test_several_parameters_take_arrays_and_maps(child):
    child.task("add two", [1, 2], {"y": "b", "x": "a"}, [1], {"x": 1, "z": 2}, 5)
    three, ab, *bad = child.results(5)
    assert (three, ab) == (3, "ab")
    assert [b["kind"] for b in bad] == ["decode"] * 3 and "missing a required argument: 'y'" in bad[0]["message"]


def test_what_a_handler_raises_is_a_failure(child):
    child.task("fail", "value", "permanent", "exit")
    value, permanent, ended = child.results(3)
    assert (value["type"], value["message"], value["permanent"]) == ("ValueError", "value", False)
    assert value["stack"].endswith("ValueError: value\n") and "starburst.py" not in value["stack"]
    assert (permanent["type"], permanent["permanent"]) == ("PermanentError", True)
    assert (ended["type"], ended["message"]) == ("SystemExit", "3")
    child.task("no such", 1, id=4)
    child.task("square", "text", {"a": 1}, 5, id=5)
    unknown, *wrong, good = child.results(4)
    assert unknown["permanent"] and "no such" in unknown["message"]
    assert [w["type"] for w in wrong] == ["TypeError"] * 2 and good == 25


def test_bytes_that_are_no_msgpack_fail_their_task_alone(child):
    child.send(t="task", id=1, handler="square", tasks=[[0, b"\xc1"], [1, b"\x03"], [2, b"\x03\x04"]])
    bad, good, long = child.results(3)
    assert (bad["kind"], good, long["kind"]) == ("decode", 9, "decode")


def test_unknown_frames_and_keys_are_ignored(child):
    child.send(t="weather", degrees=20)
    child.send(t="quiet", deadline_ms=1)
    child.send(t="cancel", id=99, reason="timeout")
    child.task("square", 3, colour="red", trace=None)
    assert child.results(1) == [9]


def test_a_task_knows_what_it_is(child):
    child.task("where", None, None, id=1, first=7, job="j", attempt=2, deadline_ms=5)
    first, second = child.results(2)
    assert first == {"handler": "where", "job": "j", "task": None, "index": 7, "attempt": 2, "deadline_ms": 5, "timeout_ms": None, "trace": None}
    assert second["index"] == 8


def test_streams_belong_to_the_index(child):
    child.task("draw", *[42] * 3, first=10)
    child.task("draw", 42, id=4, first=11)
    a, b, c, again = child.results(4)
    assert [a, b, c] == [starburst.stream(42, i).random() for i in (10, 11, 12)] and again == b and len({a, b, c}) == 3


@pytest.mark.parametrize("how", ["sleep", "ask"])
def test_a_cancelled_task_stops_and_the_child_goes_on(child, how):
    child.task("wait", how, how, how)
    progress = child.read()
    assert progress == {"t": "progress", "id": 1, "done": 1, "total": 2, "message": "begun"}
    child.send(t="cancel", id=1, reason="timeout")
    first, *rest = child.results(3)
    assert first == "gave up" or first["type"] == "TaskCancelledError"
    assert [r["message"] for r in rest] == ["the task was cancelled before it began"] * 2
    child.task("square", 5, id=4)
    assert child.results(1) == [25]


def test_the_tasks_before_a_cancelled_one_are_run(child):
    child.task("wait", "ask", 1, 1)
    assert child.read()["t"] == "progress"
    child.send(t="cancel", id=2, reason="cancelled")
    child.send(t="cancel", id=1, reason="cancelled")
    assert len(child.results(3)) == 3


def test_sigterm_without_a_cancel_ends_the_child(child):
    child.task("wait", "sleep")
    child.read()
    child.process.send_signal(signal.SIGTERM)
    assert child.end()[0] == -signal.SIGTERM


def test_a_task_that_does_not_stop_is_left_to_the_parent(child):
    child.task("stubborn", None)
    assert child.read()["t"] == "progress"
    child.send(t="cancel", id=1, reason="timeout")
    assert child.read() == {"t": "log", "id": 1, "level": "warn", "message": "not me", "fields": {"n": 1}}
    child.process.send_signal(signal.SIGTERM)
    child.process.kill()
    assert child.end()[0] == -signal.SIGKILL


def test_the_parents_end_is_the_childs(child):
    child.task("wait", "sleep")
    child.read()
    os.close(child.fd)
    child.fd = None
    assert child.end()[0] == 0


def test_processes_of_a_handler_do_not_get_the_pipes(child):
    child.task("child", None)
    assert child.results(1) == [1]


def test_a_program_started_by_hand_says_what_it_is():
    env = {k: v for k, v in os.environ.items() if k != "STARBURST_PROTOCOL"} | {"PYTHONPATH": HERE}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)
    assert done.returncode == 64 and "starburst worker --serve" in done.stderr


def test_a_protocol_of_the_future_is_refused():
    with Child(PROGRAM, STARBURST_PROTOCOL="3,2") as c:
        assert c.read() is None
        assert c.end()[0] == 76


def test_a_program_of_handlers_can_be_served_by_this_file(tmp_path):
    program = tmp_path / "my program.py"
    program.write_text("import starburst\n\n@starburst.task\ndef twice(x):\n    return 2 * x\n\nif __name__ == '__main__':\n    raise SystemExit('not the caller')\n")
    with Child([os.path.join(HERE, "starburst.py"), str(program)], PYTHONPATH="") as c:
        assert c.read()["handlers"] == ["twice"]
        c.task("twice", 21)
        assert c.results(1) == [42]


# Functions as tasks.


KEY = "k" * 32


class NoBucket:
    bucket = ""


def call(index, function, *args, key=KEY, identity=""):
    argument, value = starburst._Caller(key.encode(), NoBucket).calls(function, identity)
    return argument(index, args, {}), value


def test_functions_are_off_without_a_key():
    with Child(PROGRAM) as c:
        assert starburst.CALLABLES not in c.read()["handlers"]
        c.task(starburst.CALLABLES, call(0, abs, -1)[0])
        assert "no handler" in c.results(1)[0]["message"]


def test_functions_run_with_the_right_key_only():
    with Child(PROGRAM, STARBURST_CALLABLES_KEY=KEY) as c:
        assert starburst.CALLABLES in c.read()["handlers"]
        good, value = call(0, lambda x: x + 1, 41, identity="job")
        forged, _ = call(0, os.getpid, key="another key of 32 bytes or so..", identity="job")
        moved, _ = call(1, abs, -1, identity="job")  # it is sent as task 0
        replayed, _ = call(0, abs, -1, identity="another job")
        c.task(starburst.CALLABLES, good, id=1, job="job")
        c.task(starburst.CALLABLES, forged, id=2, job="job")
        c.task(starburst.CALLABLES, moved, id=3, job="job")
        c.task(starburst.CALLABLES, replayed, id=4, job="job")
        done, *refused = c.results(4)
        assert value(starburst.Outcome(0, done)) == 42
        assert [(r["permanent"], "not signed" in r["message"]) for r in refused] == [(True, True)] * 3
        with pytest.raises(starburst.CorruptResultError):
            value(starburst.Outcome(1, done))
        with pytest.raises(starburst.CorruptResultError):
            value(starburst.Outcome(0, done[:-1] + b"x"))


def test_what_is_no_call_is_refused():
    good, _ = call(0, abs, -1)
    bad = [None, 5, "x" * 5, good[:4], [*good, 1], [*good[:3], b"short", good[4]], [good[0], "zz" * 32, *good[2:]], [good[0], 5, *good[2:]], [*good[:4], "mac"]]
    with Child(PROGRAM, STARBURST_CALLABLES_KEY=KEY) as c:
        c.read()
        c.task(starburst.CALLABLES, *bad, [good[0], b"other", *good[2:]])
        *refused, forged = c.results(len(bad) + 1)
        assert [r["kind"] for r in refused] == ["decode"] * len(bad)
        assert "not signed" in forged["message"]
        c.task(starburst.CALLABLES, good, id=len(bad) + 2)
        assert isinstance(c.results(1)[0], bytes)


def test_a_worker_that_runs_functions_says_so():
    with Child("import starburst; starburst.serve()", STARBURST_CALLABLES_KEY=KEY) as c:
        c.read()
        c.send(t="bye")
        assert "everybody with its key can run anything here" in c.end()[2]


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        starburst._callables_key("secret")


def test_another_python_is_refused(monkeypatch):
    monkeypatch.setattr(starburst, "_PYTHON", "2.7")
    argument, _ = call(0, abs, 1)
    with Child(PROGRAM, STARBURST_CALLABLES_KEY=KEY) as c:
        c.read()
        c.task(starburst.CALLABLES, argument)
        failed = c.results(1)[0]
    assert failed["permanent"] and "Python 2.7" in failed["message"]


# Random streams.


def test_streams_are_numpys():
    np = pytest.importorskip("numpy")
    for seed in (0, 1, 42, 2**31, 2**64 - 1, 2**200 + 7):
        spawned = np.random.SeedSequence(seed).spawn(3)
        for index, sequence in [*enumerate(spawned), (2**31 - 1, np.random.SeedSequence(seed, spawn_key=(2**31 - 1,)))]:
            assert starburst.seed_words(seed, index, 9) == sequence.generate_state(9).tolist()
            want = np.random.default_rng(sequence).random(5).tolist()
            plain = starburst.stream(seed, index)
            assert [plain.random() for _ in range(5)] == want == starburst.rng(seed, index).random(5).tolist()


def test_streams_without_numpy_have_known_numbers():
    s = starburst.stream(42, 7)
    assert [s.random() for _ in range(3)] == KNOWN
    assert isinstance(s, random.Random) and s.randrange(10**40) < 10**40
    with pytest.raises(ValueError):
        starburst.stream(-1, 0)
    with pytest.raises(NotImplementedError):
        s.getstate()


KNOWN = [0.0015791460415535141, 0.09275783559869999, 0.8990427120008879]
