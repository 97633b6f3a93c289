# SPDX-License-Identifier: Apache-2.0
"""The parts of the Python helper that need no stack."""

import dataclasses
import datetime
import random

import msgpack
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import starburst

UTC = datetime.timezone.utc


class FakeSQS:
    """Confirms what it is sent, except as `plan` says: a list with one element a call, each an
    exception to raise or a dict from entry position to "fail", "fault" or "forget"."""

    def __init__(self, *plan):
        self.plan = list(plan)
        self.calls = []
        self.queue = []

    def send_message_batch(self, *, QueueUrl, Entries):
        bodies = [e["MessageBody"] for e in Entries]
        self.calls.append(bodies)
        assert QueueUrl == "q" and 1 <= len(bodies) <= 10 and sum(map(len, bodies)) <= 1 << 20
        assert len({e["Id"] for e in Entries}) == len(Entries)
        todo = self.plan.pop(0) if self.plan else {}
        if isinstance(todo, Exception):
            raise todo
        answer = {"Successful": [], "Failed": []}
        for k, e in enumerate(Entries):
            match todo.get(k):
                case "fail" | "fault" as what:
                    answer["Failed"].append({"Id": e["Id"], "Code": "Oops", "SenderFault": what == "fault", "Message": "m"})
                case "forget":
                    pass
                case _:
                    answer["Successful"].append({"Id": e["Id"], "MessageId": "x"})
                    self.queue.append(e["MessageBody"])
        return answer


def refusal(code, status):
    return ClientError({"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendMessageBatch")


def send(sqs, bodies, **options):
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    starburst.send_bodies(sqs, "q", bodies, sleep=sleep, clock=lambda: now[0], rand=lambda: 0.5, **options)
    return now[0]


def test_all_are_sent_in_calls_of_ten():
    sqs = FakeSQS()
    bodies = [f"b{i}" for i in range(25)]
    assert send(sqs, bodies) == 0.0
    assert sqs.queue == bodies and [len(c) for c in sqs.calls] == [10, 10, 5]


def test_calls_are_filled_by_bytes_too():
    sqs = FakeSQS()
    bodies = ["x" * (400 << 10)] * 5
    send(sqs, bodies)
    assert [len(c) for c in sqs.calls] == [2, 2, 1]
    assert list(starburst.batches([5, 5, 11, 1], max_bytes=10)) == [[0, 1], [2], [3]]


def test_only_failed_and_forgotten_entries_are_sent_again_as_they_were():
    sqs = FakeSQS({1: "fail", 3: "forget"}, {0: "fail"})
    bodies = [f"b{i}" for i in range(5)]
    assert send(sqs, bodies) > 0
    assert sqs.calls == [bodies, ["b1", "b3"], ["b1"]]
    assert sorted(sqs.queue) == bodies


def test_an_entry_that_would_be_refused_again_is_reported():
    sqs = FakeSQS({2: "fault"})
    with pytest.raises(starburst.SendError) as e:
        send(sqs, ["a", "b", "c"])
    assert e.value.unsent == {2: "Oops: m"} and sqs.queue == ["a", "b"] and len(sqs.calls) == 1


def test_a_lost_connection_and_a_throttled_call_are_tried_again():
    sqs = FakeSQS(EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), refusal("ThrottlingException", 400), refusal("InternalError", 500))
    send(sqs, ["a", "b"])
    assert sqs.queue == ["a", "b"] and len(sqs.calls) == 4


def test_one_bad_entry_does_not_spoil_its_neighbours():
    class Picky(FakeSQS):
        def send_message_batch(self, *, QueueUrl, Entries):
            if any(e["MessageBody"] == "bad" for e in Entries):
                raise refusal("AWS.SimpleQueueService.BatchRequestTooLong", 400)
            return super().send_message_batch(QueueUrl=QueueUrl, Entries=Entries)

    sqs = Picky()
    bodies = [f"b{i}" for i in range(9)] + ["bad"]
    with pytest.raises(starburst.SendError) as e:
        send(sqs, bodies)
    assert sorted(sqs.queue) == bodies[:9] and list(e.value.unsent) == [9]


def test_what_is_hopeless_ends_at_once():
    sqs = FakeSQS(refusal("AccessDeniedException", 400))
    with pytest.raises(starburst.SendError, match="AccessDenied") as e:
        send(sqs, [str(i) for i in range(12)])
    assert len(e.value.unsent) == 12 and len(sqs.calls) == 1


def test_it_gives_up_after_a_while():
    sqs = FakeSQS(*[{0: "fail"}] * 10_000)
    with pytest.raises(starburst.SendError) as e:
        send(sqs, ["a", "b"], give_up_after=30)
    assert e.value.unsent == {0: "Oops: m"} and sqs.queue == ["b"] and 5 < len(sqs.calls) < 100


@pytest.mark.parametrize("seed", range(50))
def test_whatever_fails_all_arrive(seed):
    rng = random.Random(seed)
    plan = [{k: rng.choice(["fail", "forget", ""]) for k in range(10)} if rng.random() < 0.8 else refusal("RequestThrottled", 403) for _ in range(30)]
    sqs = FakeSQS(*plan)
    bodies = [f"b{i}" * rng.randint(1, 50_000) for i in range(rng.randint(1, 40))]
    send(sqs, bodies)
    assert sorted(sqs.queue) == sorted(bodies)


@dataclasses.dataclass
class Option:
    strike: float
    expiry: datetime.datetime


class Stamp(datetime.datetime):
    """A datetime that is not exactly one, as pandas has."""


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (1.0, "1.0"),
        (float("inf"), '"Infinity"'),
        (-(2**63), "-9223372036854775808"),
        (2**64 - 1, "18446744073709551615"),
        (b"\xff", '{"$bin":"/w=="}'),
        ((1, [2]), "[1,[2]]"),
        (Option(95.5, datetime.datetime(2026, 1, 2, tzinfo=UTC)), '{"strike":95.5,"expiry":"2026-01-02T00:00:00Z"}'),
        ([datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)], '["1969-12-31T23:59:59.500000Z"]'),
        (datetime.datetime(2026, 1, 2, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), '"2026-01-02T00:00:00Z"'),
        (Stamp(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00Z"'),
    ],
)
def test_values(value, json):
    assert starburst.to_json(starburst.pack(value)) == json


@pytest.mark.parametrize(
    "value",
    [{1: "a"}, {"a": {(1, 2): 3}}, {1, 2}, 2**64, -(2**63) - 1, datetime.datetime(2026, 1, 2), 1j, object(), "\ud800", [datetime.date(2026, 1, 2)]],
)
def test_what_others_could_not_read_is_refused(value):
    with pytest.raises(starburst.ArgumentError):
        starburst.pack(value)


def test_nesting_is_bounded():
    value = None
    for _ in range(62):
        value = [value]
    assert starburst.unpack(starburst.pack(value)) == value
    with pytest.raises(starburst.ArgumentError, match="62"):
        starburst.pack([value])


def test_numpy():
    np = pytest.importorskip("numpy")

    def json(value):
        return starburst.to_json(starburst.pack(value))

    assert json([np.int64(-3), np.uint8(255), np.float32(0.5), np.float64("nan"), np.bool_(True), np.str_("é")]) == '[-3,255,0.5,"NaN",true,"é"]'
    assert json(np.arange(6, dtype=np.int16).reshape(2, 3)) == "[[0,1,2],[3,4,5]]"
    assert json({"x": np.asfortranarray([[1.0, np.inf], [2.0, 3.0]])}) == '{"x":[[1.0,"Infinity"],[2.0,3.0]]}'
    assert json(np.array([[True], [False]])) == "[[true],[false]]"
    assert json(np.array(["a", None, 1.5], dtype=object)) == '["a",null,1.5]'
    assert json(np.datetime64("2026-01-02T03:04:05.25")) == '"2026-01-02T03:04:05.250000Z"'
    assert json(np.array(["2026-01-02", "NaT"], dtype="datetime64[D]")) == '["2026-01-02T00:00:00Z",null]'
    for bad in (np.complex64(1), np.array([1j]), np.longdouble(1), np.timedelta64(1, "s"), np.array([{1: 2}], dtype=object)):
        with pytest.raises(starburst.ArgumentError):
            starburst.pack(bad)


def test_results_are_python_values():
    for value in (None, True, 1.0, -1, 2**64 - 1, "é", b"\xff", [1, [2]], {"a": {"b": 1}}):
        got = starburst.unpack(starburst.pack(value))
        assert got == value and type(got) is type(value)
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)  # as a Go handler may return it
    assert starburst.unpack(msgpack.packb(when, datetime=True)) == when
    assert starburst.unpack(b"\xa1\xff") == "\udcff"
    assert starburst.unpack(b"\x81\x01\x02") == {1: 2}
    assert starburst.unpack(b"\xd4\x85\x07") == (-123, b"\x07")


def test_chunks():
    assert starburst.chunk_size(10) == 1
    assert starburst.chunk_size(10_000) == 7
    assert starburst.chunk_size(10**9) == 1000
    assert starburst.chunk_size(100_000, workers=10, slots=4) == 157
    assert starburst.chunk_size(10_000, task_time=60) == 1
    assert starburst.chunk_size(1_000_000, task_time=0.001) == 1000
    assert starburst.cut([1] * 10, 4) == [4, 4, 2]
    assert starburst.cut([30, 30, 30, 200, 1], 10, 64) == [2, 1, 1, 1]


def test_shards_and_keys_are_those_of_the_table():
    # From the Go package: store.ShardOf(root, 8) and the partition of a job in the index.
    assert [starburst._shard_of(root, 8) for root in (0, 1, 7, 100, 12345, 2**31 - 1)] == [3, 6, 0, 5, 5, 7]
    assert [starburst._spread(name.encode(), 4) for name in ("a", "job-7", "0123456789abcdef")] == [3, 2, 3]
    assert starburst._root_sk("1200.1.r2") == "0000001200.1.r2"
    assert starburst._escape("a b/ü:@$!'()*~") == "a%20b%2F%C3%BC:@$%21%27%28%29%2A~"


def test_plans_survive():
    for sizes in ([3, 3, 2, 7, 10_000, 1], list(range(1, 300)), [1]):
        assert starburst._decode_sizes(starburst._encode_sizes(sizes)) == sizes


def packed(value):
    return b"\x00" + msgpack.packb(value)


def item(ix, d=None):
    return {"ix": {"B": packed(ix)}, "tok": {"S": "t"}} | ({} if d is None else {"d": {"B": packed(d)}})


def outcomes(*items):
    records = [starburst._record(it, identity) for identity, it in items]
    records.sort(key=lambda r: starburst._walk_order(r.identity))
    return starburst._merge(starburst._outcomes(r, r.packed) for r in records)


def test_children_and_retries_are_merged():
    got = outcomes(
        ("0.1.r1", item({"o": [3, 1]}, {"r": ["again"]})),
        ("0", item({"o": [0, 2], "e": [4, 1], "c": [[1, 2, [2, 2]]]}, {"r": ["a", "b"], "f": [["panic", "boom", "st", 3, [1]]]})),
        ("0.1", item({"o": [2, 1], "e": [3, 1]}, {"r": ["c"], "f": [["error", "first", "", 2]]})),
        ("0.r2", item({"e": [4, 1]}, {"f": [["died", "later", "", 1]]})),
    )
    assert [(o.index, o.value) for o in got if not o.error] == [(0, "a"), (1, "b"), (2, "c"), (3, "again")]
    error = got[4].error
    assert (error.kind, error.message, error.index) == ("died", "later", 4) and isinstance(error, starburst.TaskDiedError)


def test_kinds_of_failure_are_types():
    kinds = ["error", "panic", "decode", "timeout", "deadline", "died", "result", "something new"]
    got = outcomes(("0", item({"e": [0, len(kinds)]}, {"f": [[k, "m", "s", 1, {"a": k}] for k in kinds]})))
    assert [o.error.kind for o in got] == kinds
    assert [isinstance(o.error, TimeoutError) for o in got] == [k in ("timeout", "deadline") for k in kinds]
    assert got[1].error.argument == {"a": "panic"} and got[1].error.stack == "s"
    with pytest.raises(starburst.TaskError, match="task 2 failed .decode.: m"):
        got[2].result()


@pytest.mark.parametrize(
    ("ix", "d"),
    [({"o": [0, 2]}, {"r": [1]}), ({"o": [0, 20_000]}, {"r": []}), ({"o": [0, 0]}, None), ({"o": [-1, 1]}, {"r": [1]}), ({"o": [0, 1]}, None),
     ({"e": [0, 1]}, {"f": [["error"]]}), (7, None), ({"o": [0, 1]}, 7)],
)
def test_a_broken_item_is_an_error_of_its_own(ix, d):
    with pytest.raises(starburst.CorruptResultError):
        outcomes(("0", item(ix, d)))


def test_compressed_results_are_read():
    zstd = pytest.importorskip("backports.zstd")
    raw = msgpack.packb({"r": ["x" * 10_000]})
    record = starburst._record(item({"o": [0, 1]}) | {"d": {"B": b"\x01" + zstd.compress(raw)}}, "0")
    assert starburst._outcomes(record, record.packed)[0].value == "x" * 10_000
    with pytest.raises(starburst.CorruptResultError):
        starburst._outcomes(record, b"\x01" + zstd.compress(raw)[:-9])


def test_a_stack_must_be_named(monkeypatch):
    monkeypatch.delenv("STARBURST_TABLE", raising=False)
    with pytest.raises(starburst.StarburstError, match="STARBURST_TABLE is not set"):
        starburst.Client(queue_url="q")


def test_functions_need_a_key(monkeypatch):
    monkeypatch.delenv("STARBURST_CALLABLES_KEY", raising=False)
    monkeypatch.delenv("STARBURST_CALLABLES_KEY_FILE", raising=False)
    with starburst.Executor(object()) as ex:
        with pytest.raises(starburst.StarburstError, match="only with a key"):
            ex.submit(len, [1])
        with pytest.raises(starburst.StarburstError, match="only with a key"):
            ex.map(len, [[1]])
        with pytest.raises(TypeError, match="neither a function nor"):
            ex.submit(5, 1)
