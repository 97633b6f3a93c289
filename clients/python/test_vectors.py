# SPDX-License-Identifier: Apache-2.0
"""Every golden vector of the wire format, read and written again by the Python helper."""

import json
import pathlib

import pytest

import starburst

VECTORS = json.loads((pathlib.Path(__file__).parents[2] / "codec/testdata/vectors/messages.json").read_text())


def wire(m: starburst.Message) -> dict:
    """A message as the vectors write it."""
    out = {"f": m.handler, "j": m.job, "q": m.first, "i": m.indices, "m": m.identity, "id": m.id, "a": m.attempt, "dl": m.deadline, "tp": m.trace}
    defaults = {"q": 0, "a": 1, "dl": 0, "i": None}
    out = {k: v for k, v in out.items() if v != defaults.get(k, "")}
    if m.offload:
        o = m.offload
        return out | {"s3": o.key, "sha": o.sha256.hex(), "len": o.length, "n": o.count}
    return out | {"t": [json.loads(starburst.to_json(arg)) for arg in m.args]}


def exact(value) -> str:
    """JSON in which 1 and 1.0 differ and the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


def bytes_of(vector: dict) -> tuple[str, bytes | None]:
    """The body and the msgpack in it, written out in full."""
    repeat = vector.get("repeat", {"body": "", "raw": "", "times": 0})
    raw = vector.get("raw")
    body = vector["body"] + repeat["body"] * repeat["times"]
    return body, None if raw is None else bytes.fromhex(raw + repeat["raw"] * repeat["times"])


def test_there_are_vectors():
    assert len(VECTORS) >= 60


@pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])
def test_vector(vector):
    body, raw = bytes_of(vector)
    if "reason" in vector:
        with pytest.raises(starburst.BadMessageError):
            starburst.decode(body)
        if raw is not None:
            with pytest.raises(starburst.BadMessageError):
                starburst.decode_message(raw)
        return
    want = exact(vector["message"])
    m = starburst.decode(body)
    assert exact(wire(m)) == want
    if raw is not None:
        assert exact(wire(starburst.decode_message(raw))) == want
    if "json" in vector:
        assert exact(json.loads(starburst.to_json(raw))) == exact(vector["json"])


@pytest.mark.parametrize("vector", [v for v in VECTORS if "message" in v], ids=[v["name"] for v in VECTORS if "message" in v])
def test_what_was_read_can_be_written(vector):
    m = starburst.decode(bytes_of(vector)[0])
    want = dict(vector["message"])
    if want.get("m", "").isdigit():
        del want["m"]  # a root's own identity goes without saying
    assert exact(wire(starburst.decode(m.body()))) == exact(want)
    if not m.offload:
        assert exact(wire(starburst.decode(m.json_body()))) == exact(want)
