# SPDX-License-Identifier: Apache-2.0
"""One test for two executors: what concurrent.futures.ProcessPoolExecutor does, starburst.Executor does.

The executor starts a stack of its own with the command that STARBURST_BIN names, or the PATH has.
"""

import concurrent.futures
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import pytest

import starburst

have = os.environ.get("STARBURST_BIN") or shutil.which("starburst")
pytestmark = [
    pytest.mark.skipif("STARBURST_QUEUE_URL" in os.environ, reason="a stack is configured; these tests start their own"),
    pytest.mark.skipif(not have and "STARBURST_TEST_LANGUAGES" not in os.environ, reason="no starburst command (STARBURST_BIN)"),
]

TIMEOUT = 90  # seconds, on a busy machine


def pool(workers, **options):
    return concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), **options)


def ours(workers, **options):
    return starburst.Executor(workers=workers, **options)


both = pytest.mark.parametrize("make", [pool, ours], ids=["ProcessPoolExecutor", "starburst"])


@pytest.fixture(scope="module", params=[pool, ours], ids=["ProcessPoolExecutor", "starburst"])
def ex(request):
    """One executor for the tests that do not end it."""
    with request.param(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def mine():
    """One executor for what only ours can do."""
    with ours(2) as executor:
        yield executor


# What runs on the workers.


def square(x):
    return x * x


def power(base, exponent=2, *, add=0):
    return base**exponent + add


class Refused(Exception):
    def __init__(self, x, reason):
        super().__init__(x, reason)
        self.x, self.reason = x, reason


def refuse_5(x):
    if x == 5:
        try:
            {}["missing"]
        except KeyError as e:
            raise Refused(x, "not five") from e
    return x


def nap(seconds):
    time.sleep(seconds)
    return seconds


def leave(status):
    sys.exit(status)


def die(_):
    os._exit(3)


def make_lock():
    return threading.Lock()


class Unmakeable(Exception):
    def __init__(self, one, two):
        super().__init__(one)


def raise_unmakeable():
    raise Unmakeable(1, 2)


def touch(path):
    with open(path, "w") as f:
        f.write("x")


# Order and arguments.


def test_map_yields_ten_thousand_in_order(ex):
    assert list(ex.map(square, range(10_000))) == [x * x for x in range(10_000)]


def test_map_yields_in_order_whatever_the_chunk(ex):
    for chunksize in (1, 7, 1000):
        assert list(ex.map(square, range(50), chunksize=chunksize)) == [x * x for x in range(50)]
    with pytest.raises(ValueError):
        ex.map(square, range(5), chunksize=0)


def test_map_ends_with_the_shortest_iterable(ex):
    assert list(ex.map(power, [1, 2, 3, 4], (n for n in (5, 6, 7)))) == [1, 64, 2187]
    assert list(ex.map(square, [])) == []


def test_map_reads_its_iterables_at_once(ex):
    read = []
    results = ex.map(square, (read.append(x) or x for x in range(3)))
    assert read == [0, 1, 2]
    assert list(results) == [0, 1, 4]


def test_submit_passes_arguments_and_keywords(ex):
    futures = [ex.submit(power, 2), ex.submit(power, 2, 3), ex.submit(power, 2, 3, add=1), ex.submit(power, base=5, exponent=1)]
    assert [f.result(TIMEOUT) for f in futures] == [4, 8, 9, 5]
    assert all(f.done() and not f.running() and f.exception() is None for f in futures)


def test_futures_work_with_wait_and_as_completed(ex):
    futures = {ex.submit(square, x): x for x in range(20)}
    assert {futures[f]: f.result() for f in concurrent.futures.as_completed(futures, TIMEOUT)} == {x: x * x for x in range(20)}
    called = []
    future = ex.submit(square, 9)
    future.add_done_callback(called.append)
    assert concurrent.futures.wait([future], TIMEOUT).done == {future}
    assert future.result() == 81 and called == [future]


# Exceptions.


def check_refusal(e):
    assert type(e) is Refused and (e.x, e.reason) == (5, "not five")
    text = str(e.__cause__)
    assert "KeyError: 'missing'" in text and "direct cause" in text and "in refuse_5" in text


def test_map_raises_what_the_function_raised_in_its_place(ex):
    results = ex.map(refuse_5, range(10))
    got = []
    with pytest.raises(Refused) as raised:
        for x in results:
            got.append(x)
    assert got == [0, 1, 2, 3, 4]
    check_refusal(raised.value)
    assert list(results) == []


def test_a_future_raises_what_the_function_raised(ex):
    check_refusal(ex.submit(refuse_5, 5).exception(TIMEOUT))
    assert ex.submit(refuse_5, 4).result(TIMEOUT) == 4


def test_sys_exit_is_an_exception_like_others(ex):
    e = ex.submit(leave, 3).exception(TIMEOUT)
    assert type(e) is SystemExit and e.code == 3


def test_arguments_that_cannot_be_pickled(ex):
    assert "pickle" in str(ex.submit(square, threading.Lock()).exception(TIMEOUT))
    results = ex.map(square, [1, threading.Lock(), 3])
    assert next(results) == 1
    with pytest.raises(TypeError, match="pickle"):
        next(results)


def test_results_that_cannot_be_pickled(ex):
    assert "pickle" in str(ex.submit(make_lock).exception(TIMEOUT))


# Time.


def test_a_result_that_takes_too_long_is_a_timeout(ex):
    future = ex.submit(nap, 1.5)
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(timeout=0.05)
    assert future.result(TIMEOUT) == 1.5


def test_map_has_a_timeout_for_all_of_it(ex):
    results = ex.map(nap, [0, 0, 3], timeout=1.5)
    got = []
    with pytest.raises(concurrent.futures.TimeoutError):
        for seconds in results:
            got.append(seconds)
    assert got in ([0, 0], [0], [])  # on a busy machine none may be in time


# Ends.


@both
def test_what_waits_can_be_cancelled(make):
    with make(1) as ex:
        naps = [ex.submit(nap, 1) for _ in range(2)]
        many = [ex.submit(square, x) for x in range(60)]
        assert many[-1].cancel() and many[-1].cancelled() and many[-1].done()
        assert [f.result(TIMEOUT) for f in naps] == [1, 1]
        assert not naps[0].cancel()
        assert [f.result(TIMEOUT) for f in many[:-1]] == [x * x for x in range(59)]
        with pytest.raises(concurrent.futures.CancelledError):
            many[-1].result()


@both
def test_shutdown_waits_and_refuses_more(make, tmp_path):
    ex = make(2)
    future = ex.submit(nap, 0.5)
    results = ex.map(square, range(10))
    ex.map(touch, [str(tmp_path / str(i)) for i in range(3)])  # nobody reads the results
    ex.shutdown()
    assert future.done() and future.result() == 0.5
    assert list(results) == [x * x for x in range(10)]
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "2"]
    with pytest.raises(RuntimeError):
        ex.submit(square, 1)
    with pytest.raises(RuntimeError):
        ex.map(square, [1])
    ex.shutdown()


@both
def test_shutdown_without_waiting_lets_futures_end(make):
    ex = make(1)
    future = ex.submit(nap, 1)
    ex.shutdown(wait=False)
    assert future.result(TIMEOUT) == 1


def begun(future):
    """Waits until a call can no longer be cancelled."""
    end = time.monotonic() + 60
    while not (future.running() or future.done()) and time.monotonic() < end:
        time.sleep(0.01)


@both
def test_shutdown_can_cancel_what_waits(make):
    with make(1) as ex:
        first = ex.submit(nap, 0.5)
        begun(first)
        many = [ex.submit(square, x) for x in range(60)]
        ex.shutdown(wait=True, cancel_futures=True)
    assert first.result() == 0.5
    assert many[-1].cancelled()
    assert all(f.done() for f in many)


def set_base(value):
    global base
    base = value


def plus_base(x):
    return base + x


def refuse_to_start():
    raise LookupError("no licence")


def times_base(x):
    return base * x


@both
def test_an_initializer_runs_before_the_functions_of_a_process(make):
    with make(2, initializer=set_base, initargs=(40,)) as ex:
        assert list(ex.map(plus_base, range(3))) == [40, 41, 42]
        assert ex.submit(times_base, 2).result(TIMEOUT) == 80
    with pytest.raises(TypeError):
        make(1, initializer=3)


@both
def test_an_initializer_that_raises_breaks_the_executor(make):
    with make(1, initializer=refuse_to_start) as ex, pytest.raises(concurrent.futures.BrokenExecutor):
        ex.submit(square, 2).result(TIMEOUT)


@both
def test_a_function_that_kills_its_process_breaks_its_own_future(make):
    with make(1) as ex:
        with pytest.raises(concurrent.futures.BrokenExecutor):
            ex.submit(die, 1).result(TIMEOUT)
        if make is ours:  # and no other
            assert ex.submit(square, 3).result(TIMEOUT) == 9


# What a process pool cannot do.


def test_lambdas_closures_and_classes_of_here(mine):
    factor = 3

    class Point:
        def __init__(self, x):
            self.x = x

    assert list(mine.map(lambda x: factor * x, [1, 2])) == [3, 6]
    point = mine.submit(lambda x: Point(x + 1), 1).result(TIMEOUT)
    assert type(point) is Point and point.x == 2


def test_a_large_function_travels_once(mine):
    table = os.urandom(3 << 20)
    assert list(mine.map(lambda i: table[i], range(100))) == list(table[:100])


def test_large_arguments_and_results(mine):
    large = os.urandom(2 << 20)
    assert mine.submit(lambda b: b + b, large).result(TIMEOUT) == large + large


def test_an_exception_that_cannot_be_made_again_is_told(mine):
    e = mine.submit(raise_unmakeable).exception(TIMEOUT)
    assert isinstance(e, starburst.TaskError) and "Unmakeable" in e.message and "raise_unmakeable" in e.stack and e.attempts == 1


def test_the_report_of_a_map(tmp_path):
    with ours(2) as ex:
        with pytest.raises(starburst.StarburstError, match="nothing to report on"):
            ex.report(tmp_path / "none.html")
        assert list(ex.map(square, range(50))) == [i * i for i in range(50)]
        ex.report(tmp_path / "r.md")
        with pytest.raises(starburst.StarburstError, match="format"):
            ex.report(tmp_path / "r.pdf")
    text = (tmp_path / "r.md").read_text()
    assert "50 ok, 0 failed" in text and "as if on Fargate" in text and "The bill" in text, text


def test_retry_error_is_tried_again(mine, tmp_path):
    seen = str(tmp_path / "seen")

    def flaky(path):
        if os.path.exists(path):
            return starburst.current().attempt
        touch(path)
        raise starburst.RetryError("not yet")

    assert mine.submit(flaky, seen).result(TIMEOUT) == 2


def test_each_task_has_a_random_stream_of_its_own(mine):
    got = list(mine.map(lambda _: starburst.stream(42).random(), range(5)))
    assert got == [starburst.stream(42, i).random() for i in range(5)]


def test_a_handler_that_the_workers_do_not_have_is_sent(mine, monkeypatch):
    monkeypatch.setattr(starburst, "_handlers", {})

    @starburst.task
    def made_late(x):
        return -x

    assert list(mine.map(made_late, [1, 2])) == [-1, -2]
    assert mine.submit(made_late, 3).result(TIMEOUT) == -3


def test_what_functions_print_is_logged(mine):
    mine.submit(print, "printed by a function").result(TIMEOUT)
    until = time.monotonic() + TIMEOUT
    while not any("printed by a function" in open(os.path.join(mine.logs, name)).read() for name in os.listdir(mine.logs)):
        assert time.monotonic() < until
        time.sleep(0.05)


def say(x):
    print("out", x)
    print("err", x, file=sys.stderr)


def test_what_is_printed_is_told_of_its_task():
    with ours(1) as ex:
        list(ex.map(say, range(60), chunksize=30))
        logs = "".join(open(os.path.join(ex.logs, name)).read() for name in os.listdir(ex.logs))
        said = re.findall(r'msg="(out|err) (\d+)".* stream=(\w+) task=(\S+)', logs)
    assert sorted(said) == sorted((word, str(k), stream, str(k)) for k in range(60) for word, stream in (("out", "stdout"), ("err", "stderr")))


def test_a_map_that_is_given_up_is_cancelled(mine):
    results = mine.map(nap, [0] + [0.2] * 500, chunksize=1)
    assert next(results) == 0
    job = mine._maps[-1]._job
    results.close()
    assert mine._maps == []
    assert mine.client._meta(job.id)["state"]["S"] == "cancelled"


def test_a_configured_stack_runs_functions_with_its_key_only(mine, monkeypatch):
    for name, value in mine._stack.env.items():
        monkeypatch.setenv(name, value)
    with starburst.Executor(callables_key=mine._stack.key) as other:
        assert other._stack is None
        results = other.map(square, range(3))
    assert list(results) == [0, 1, 4]
    with starburst.Executor(callables_key="another key of 32 bytes or more..") as other:
        e = other.submit(square, 1).exception(TIMEOUT)
        assert isinstance(e, starburst.TaskError) and "not signed with this worker's key" in e.message and e.attempts == 1
    with starburst.Executor() as other, pytest.raises(starburst.StarburstError, match="only with a key"):
        other.submit(square, 1)


def test_a_stack_can_run_another_program(tmp_path):
    program = tmp_path / "it's a program.py"
    program.write_text("import starburst\n@starburst.task\ndef twice(x):\n    return 2 * x\nstarburst.serve()\n")
    with starburst.Executor(workers=1, serve=[sys.executable, str(program)]) as other:
        assert list(other.map("twice", [1, 2])) == [2, 4]
        with pytest.raises(starburst.UnknownHandlerError, match="STARBURST_CALLABLES_KEY"):
            other.submit(square, 1)


def test_the_workers_own_self_test_holds():
    command = [have or "starburst", "worker", "--selftest", "--", sys.executable, "-c", "import starburst; starburst.serve()"]
    env = os.environ | {"PYTHONPATH": os.path.dirname(starburst.__file__)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0 and "not ok" not in done.stdout, done.stdout + done.stderr


def test_no_stack_and_no_command_is_told(monkeypatch):
    monkeypatch.delenv("STARBURST_BIN", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(starburst.StarburstError, match="STARBURST_QUEUE_URL.*PATH"):
        starburst.Executor(workers=1)


def test_a_stack_that_does_not_start_is_told(monkeypatch, tmp_path):
    command = tmp_path / "starburst"
    command.write_text("#!/bin/sh\necho no way >&2\nexit 1\n")
    command.chmod(0o755)
    with pytest.raises(starburst.StarburstError, match="no way"):
        starburst.Executor(workers=1, binary=str(command))


PROGRAM = """
import os, sys
import starburst

@starburst.task
def twice(x):
    return [2 * x, os.getpid()]

if __name__ == "__main__":
    with starburst.Executor(workers=1) as ex:
        doubled = list(ex.map(twice, range(3)))
        assert [d for d, _ in doubled] == [0, 2, 4] and doubled[0][1] != os.getpid(), doubled
        assert ex.submit("twice", 21).result(60)[0] == 42
        assert list(ex.map(lambda x: twice(x)[0], [5])) == [10]
        folder = ex._stack._dir
        if len(sys.argv) > 1:
            print(ex._stack.process.pid, folder, flush=True)
            os.kill(os.getpid(), 9)
    assert not os.path.exists(folder)
"""


def test_a_programs_own_handlers_are_served(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    env = os.environ | {"PYTHONPATH": os.path.dirname(starburst.__file__)}
    done = subprocess.run([sys.executable, str(program)], env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_killed_program_takes_its_stack_with_it(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    env = os.environ | {"PYTHONPATH": os.path.dirname(starburst.__file__)}
    done = subprocess.run([sys.executable, str(program), "die"], env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == -9, done.stderr
    pid, folder = done.stdout.split()
    until = time.monotonic() + TIMEOUT
    while alive(int(pid)):
        assert time.monotonic() < until, f"the stack {pid} is still there"
        time.sleep(0.05)
    shutil.rmtree(folder)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
