# SPDX-License-Identifier: Apache-2.0
"""The whole way, on a stack whose handler "exec" answers with the task's index and argument.

`make test-languages` starts such a stack twice, on the local endpoint and on other
servers; without one these tests are skipped.
"""

import base64
import concurrent.futures
import datetime
import os
import random
import threading
import urllib.parse

import pytest

import starburst

pytestmark = pytest.mark.skipif("STARBURST_QUEUE_URL" not in os.environ, reason="no stack: run by make test-languages")

TIMEOUT = 90  # seconds, on a busy machine


@pytest.fixture(scope="module", autouse=True)
def only_this_machine():
    """These tests must never send anything to AWS."""
    for name in ("STARBURST_QUEUE_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_DYNAMODB", "STARBURST_LOCAL"):
        host = urllib.parse.urlsplit(os.environ.get(name, "http://127.0.0.1")).hostname
        assert host in ("127.0.0.1", "::1", "localhost"), f"{name} is on {host}"


@pytest.fixture(scope="module")
def client():
    return starburst.Client()


def test_map_yields_in_order(client):
    with starburst.Executor(client) as ex:
        got = list(ex.map("exec", (f"n{i}" for i in range(50)), timeout=TIMEOUT, chunksize=7))
    assert got == [f"{i} n{i}" for i in range(50)]


def test_map_of_several_iterables(client):
    with starburst.Executor(client) as ex:
        assert list(ex.map("exec", [1, 2], ["a", "b"], timeout=TIMEOUT)) == ['0 [1,"a"]', '1 [2,"b"]']
        assert list(ex.map("exec", [])) == []


def test_submit_returns_futures(client):
    with starburst.Executor(client) as ex:
        futures = [ex.submit("exec", f"s{i}") for i in range(25)]
        both = ex.submit("exec", 1, 2.5)
        named = ex.submit("exec", spot=100)
        assert concurrent.futures.wait([*futures, both, named], TIMEOUT).not_done == set()
    assert [f.result() for f in futures] == [f"0 s{i}" for i in range(25)]
    assert both.result() == "0 [1,2.5]" and named.result() == '0 {"spot":100}'
    with pytest.raises(RuntimeError):
        ex.submit("exec", 1)


def test_values_arrive_as_they_are(client):
    when = datetime.datetime(2026, 11, 24, 12, 30, tzinfo=datetime.timezone.utc)
    args = [float("nan"), 2**64 - 1, b"\x00\xff", None, "żółw 𝄞", when, 1.0]
    want = ['"NaN"', "18446744073709551615", '{"$bin":"AP8="}', "null", "żółw 𝄞", "2026-11-24T12:30:00Z", "1.0"]
    job = client.create_job("exec", args, chunk=len(args))
    assert list(job.results(TIMEOUT)) == [f"{i} {w}" for i, w in enumerate(want)]


def test_numpy_arguments(client):
    np = pytest.importorskip("numpy")
    job = client.create_job("exec", [np.arange(3), np.float32(0.5), np.array([[1.5, np.nan]])])
    assert list(job.results(TIMEOUT)) == ["0 [0,1,2]", "1 0.5", '2 [[1.5,"NaN"]]']


def test_large_arguments_and_results_go_through_the_bucket(client):
    large = base64.b64encode(os.urandom(90_000)).decode()  # its result does not fit an item
    too_large = "x" * (1 << 20)  # fits no message, nor a command line: its task fails
    job = client.create_job("exec", [large, too_large], max_attempts=1)
    first, second = job.outcomes(TIMEOUT)
    assert first.result() == f"0 {large}"
    with pytest.raises(starburst.TaskError, match="argument list too long") as e:
        second.result()
    assert (e.value.kind, e.value.index, e.value.attempts, e.value.argument) == ("error", 1, 1, too_large)
    with starburst.Executor(client) as ex:
        assert isinstance(ex.submit("exec", too_large).exception(TIMEOUT), starburst.TaskError)
        assert ex.submit("exec", large).result(TIMEOUT) == f"0 {large}"


def test_a_failed_task_is_an_exception_in_its_place(client):
    args = ["good", "x" * 200_000, "never seen"]  # the second is too long for a command line
    results = client.create_job("exec", args, max_attempts=2).results(TIMEOUT)
    assert next(results) == "0 good"
    with pytest.raises(starburst.TaskError) as e:
        next(results)
    assert (e.value.kind, e.value.attempts, e.value.index) == ("error", 2, 1)


def test_a_job_can_be_found_and_made_again(client):
    job = client.create_job("exec", ["a", "b", "c"], job_id=f"again-{os.getpid()}-{id(object())}", chunk=2)
    want = ["0 a", "1 b", "2 c"]
    assert list(job.results(TIMEOUT)) == want
    again = client.create_job("exec", ["a", "b", "c"], job_id=job.id, chunk=1)
    assert again.sizes == [2, 1] and list(again.results(TIMEOUT)) == want
    assert list(client.job(job.id).results(TIMEOUT)) == want
    with pytest.raises(starburst.JobExistsError):
        client.create_job("exec", ["a", "b"], job_id=job.id)
    with pytest.raises(starburst.NotFoundError):
        client.job("nobody-made-this")


class FlakySQS:
    """Fails or forgets some entries of each call, and sends some of those nevertheless."""

    def __init__(self, sqs, seed):
        self.sqs, self.rng, self.sent = sqs, random.Random(seed), 0

    def send_message_batch(self, *, QueueUrl, Entries):
        fate = {e["Id"]: self.rng.choice(["good"] * 6 + ["fail", "forget", "sent but failed", "sent but forgotten"]) for e in Entries}
        through = [e for e in Entries if fate[e["Id"]] not in ("fail", "forget")]
        self.sent += len(through)
        answer = self.sqs.send_message_batch(QueueUrl=QueueUrl, Entries=through) if through else {}
        return {
            "Successful": [s for s in answer.get("Successful", ()) if fate[s["Id"]] == "good"],
            "Failed": [{"Id": id, "Code": "InternalError", "SenderFault": False} for id, f in fate.items() if "fail" in f],
        }


def test_messages_that_fail_or_arrive_twice_count_once(client):
    flaky = starburst.Client(sqs=FlakySQS(client._sqs, seed=7))
    job = flaky.create_job("exec", range(60), chunk=2)
    assert flaky._sqs.sent > 30  # some arrived more than once
    assert list(job.results(TIMEOUT)) == [f"{i} {i}" for i in range(60)]
    with starburst.Executor(flaky) as ex:
        futures = [ex.submit("exec", i) for i in range(20)]
        assert [f.result(TIMEOUT) for f in futures] == [f"0 {i}" for i in range(20)]


class RefusingSQS:
    """Refuses the second call for good."""

    def __init__(self, sqs):
        self.sqs, self.calls, self.lock = sqs, 0, threading.Lock()

    def send_message_batch(self, *, QueueUrl, Entries):
        with self.lock:
            self.calls += 1
            if self.calls == 2:
                return {"Failed": [{"Id": e["Id"], "Code": "Refused", "SenderFault": True} for e in Entries]}
        return self.sqs.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)


def test_a_job_that_was_sent_in_part_is_completed(client):
    broken = starburst.Client(sqs=RefusingSQS(client._sqs))
    with pytest.raises(starburst.PartlySentError) as e:
        broken.create_job("exec", range(25), chunk=1)
    assert (e.value.confirmed, e.value.n) == (15, 25)
    job = client.create_job("exec", range(25), job_id=e.value.job)
    assert list(job.results(TIMEOUT)) == [f"{i} {i}" for i in range(25)]


def test_a_job_whose_upload_fails_is_completed(client):
    class NoS3:
        def put_object(self, **_):
            raise RuntimeError("no bucket today")

    args = ["a", "x" * (1 << 20)]
    with pytest.raises(starburst.PartlySentError) as e:
        starburst.Client(s3=NoS3()).create_job("exec", args, max_attempts=1)
    assert str(e.value.__cause__) == "no bucket today"
    first, second = client.create_job("exec", args, job_id=e.value.job).outcomes(TIMEOUT)
    assert first.value == "0 a" and second.error.argument == args[1]


def test_a_failing_task_without_a_job_is_tried_again(client):
    with starburst.Executor(client) as ex:
        error = ex.submit("exec", "x" * 200_000).exception(TIMEOUT)  # too long for a command line
    assert (error.kind, error.attempts, error.argument) == ("error", 3, "x" * 200_000)


def test_tasks_without_a_job(client):
    id = client.send_task("exec", {"k": [1, 2]})
    assert client.task_outcome(id, TIMEOUT).result() == '0 {"k":[1,2]}'
    with pytest.raises(TimeoutError):
        client.task_outcome("nobody sent this", timeout=0.05)


def test_unknown_handlers_are_refused(client):
    with pytest.raises(starburst.UnknownHandlerError, match="exec"):
        client.create_job("prize", [1])
    with starburst.Executor(client) as ex, pytest.raises(starburst.UnknownHandlerError):
        ex.submit("prize", 1)


def test_a_job_of_many_shards(client, monkeypatch):
    monkeypatch.setattr(starburst, "_shards_for", lambda messages: 8)
    job = client.create_job("exec", range(40), chunk=3)
    assert list(job.results(TIMEOUT)) == [f"{i} {i}" for i in range(40)]
    assert list(client.job(job.id).results(TIMEOUT)) == [f"{i} {i}" for i in range(40)]
