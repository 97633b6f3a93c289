# SPDX-License-Identifier: Apache-2.0
"""Call Starburst handlers from Python.

    import starburst

    with starburst.Executor() as ex:
        for price in ex.map("price", options):        # a job: chunked, in order
            print(price)
        one = ex.submit("price", ["AAPL", 187.25])     # a task of its own: a Future
        print(one.result())

An Executor finds the stack in the environment (STARBURST_QUEUE_URL, STARBURST_TABLE,
STARBURST_BUCKET, STARBURST_FLEET), as `starburst dev` and `starburst init` print it.
A handler is named, never shipped: the code that runs is the workers' own.

`Client` is the layer below: jobs, tasks without a job, results. Below that are
`Message`, `decode`, `pack` and `unpack`: the wire format of docs/wire-format.md.

Copy this file into your program. It needs boto3 and msgpack, and to read compressed
results Python 3.14 or the package backports.zstd. numpy values are accepted; numpy
itself is not needed.
"""

from __future__ import annotations

import base64
import binascii
import concurrent.futures
import dataclasses
import datetime
import hashlib
import json
import math
import os
import queue
import random
import re
import struct
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgpack

__all__ = [
    "ArgumentError", "BadMessageError", "Message", "Offload", "StarburstError", "decode", "decode_message", "pack", "to_json", "unpack",
]

# Limits of the wire format (codec/limits.go), in bytes unless they count something.
MAX_INDEX = 2**31 - 1
MAX_TASKS = 10_000
MAX_BODY = 1 << 20
MAX_RAW = 8 << 20
MAX_DEPTH = 64
MAX_VALUE_DEPTH = MAX_DEPTH - 2
MAX_KEYS = 32
MAX_OFFLOAD = 256 << 20
MAX_DEADLINE = 253402300799999  # the end of the year 9999, in Unix ms


# ---------------------------------------------------------------- errors


class StarburstError(Exception):
    """Whatever this module raises of its own."""


class BadMessageError(StarburstError, ValueError):
    """Bytes that are not a message. `reason` is one word, `detail` is for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"bad message ({reason}): {detail}")
        self.reason, self.detail = reason, detail


class ArgumentError(StarburstError, TypeError):
    """An argument that msgpack cannot carry to every language."""


class ArgumentTooLargeError(ArgumentError):
    """An argument that fits neither a message nor, for want of one, a bucket."""


class SendError(StarburstError):
    """Messages that SQS did not confirm. `unsent` maps each one's position to the reason."""

    def __init__(self, unsent: dict[int, str], total: int) -> None:
        first = min(unsent)
        super().__init__(f"{len(unsent)} of {total} messages were not confirmed; the first is number {first}: {unsent[first]}")
        self.unsent = unsent


class TaskError(StarburstError):
    """A task that failed for good.

    `kind` is error, panic, decode, timeout, deadline, died or result; `message` and
    `stack` are the handler's; `attempts` is how often it ran; `argument` is what it was given.
    """

    def __init__(self, kind: str, message: str, stack: str = "", attempts: int = 0, argument: Any = None, index: int = 0) -> None:
        super().__init__(f"task {index} failed ({kind}): {message}")
        self.kind, self.message, self.stack = kind, message, stack
        self.attempts, self.argument, self.index = attempts, argument, index


class TaskTimeoutError(TaskError, TimeoutError):
    """The task's time limit, or its message's deadline, had passed."""


class TaskDiedError(TaskError):
    """The worker died while it ran the task, more than once."""


class NotFoundError(StarburstError, LookupError):
    """No such job, or it has expired."""


class JobExistsError(StarburstError):
    """The job's id is taken."""


class JobCancelledError(StarburstError):
    """The job was cancelled before all its tasks were settled."""


class UnknownHandlerError(StarburstError, LookupError):
    """No worker and no deployment has named the handler: its tasks would wait in vain."""


class CorruptResultError(StarburstError):
    """A result item that is not what the table's schema says."""


# ---------------------------------------------------------------- values


def pack(value: Any) -> bytes:
    """Encodes one argument as msgpack, within the profile that every language can read.

    Beyond what msgpack knows it takes numpy scalars and arrays (as numbers and nested
    lists; anything else with a `tolist` method too), dataclasses (as maps), and datetimes
    with a time zone (as timestamps, which Go reads as time.Time and others as RFC 3339
    text). NaN and infinities are numbers. Map keys must be strings and integers fit 64
    bits; anything else is an ArgumentError.
    """
    try:
        _check_value(value, MAX_VALUE_DEPTH)
        return msgpack.packb(value, default=_plain, datetime=True)
    except ArgumentError:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError) as e:
        raise ArgumentError(f"the argument cannot be encoded: {e}") from e


def unpack(raw: bytes) -> Any:
    """Decodes one msgpack value from a worker. Timestamps become datetimes in UTC; text
    that is not UTF-8 keeps its bytes as surrogates (os.fsencode gives them back)."""
    return msgpack.unpackb(
        raw, raw=False, strict_map_key=False, unicode_errors="surrogateescape", timestamp=3, ext_hook=_ext,
        max_str_len=MAX_OFFLOAD, max_bin_len=MAX_OFFLOAD,
    )


def _ext(code: int, data: bytes) -> msgpack.ExtType:
    # ExtType itself refuses the codes below 0, which the format reserves but allows.
    return tuple.__new__(msgpack.ExtType, (code, data))


def _check_value(value: Any, depth: int) -> None:
    """Finds what packb would write although others cannot read it."""
    kind = type(value)
    if kind in (int, float, str, bytes, bool, type(None)):
        return
    if isinstance(value, (dict, list, tuple)):
        if depth == 0:
            raise ArgumentError(f"the argument nests deeper than {MAX_VALUE_DEPTH} levels")
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    raise ArgumentError(f"the map key {key!r} is no string; other languages cannot read such maps")
                _check_value(item, depth - 1)
        else:
            for item in value:
                _check_value(item, depth - 1)
    elif isinstance(value, datetime.datetime) and value.utcoffset() is None:
        raise ArgumentError(f"the datetime {value} has no time zone; value.astimezone() gives it the local one")
    elif dataclasses.is_dataclass(value) or hasattr(value, "tolist"):
        _check_value(_plain(value), depth)


def _plain(value: Any) -> Any:
    """Turns a value that msgpack does not know into one that it does."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(value, "tolist"):  # numpy, and whoever follows its example
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if kind == "M" and getattr(value, "ndim", 0) == 0:
            return _from_datetime64(value)
        plain = list(value) if kind == "M" else value.tolist()
        if type(plain) is not type(value) and kind not in ("c", "m", "V"):
            return plain
    raise ArgumentError(f"a value of type {type(value).__module__}.{type(value).__qualname__} cannot be encoded as msgpack")


def _from_datetime64(value: Any) -> datetime.datetime | None:
    """numpy's datetime64 counts in UTC by convention; NaT is nil."""
    us = int(value.astype("datetime64[us]").astype("int64"))
    if us == -(2**63):
        return None
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=us)


# ---------------------------------------------------------------- msgpack, byte by byte
#
# Foreign bytes are walked before the library sees them: every declared length is held
# against the bytes left, nesting is bounded, small maps have no key twice.

_FIXED = {0xC0: 1, 0xC2: 1, 0xC3: 1, 0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9}
_SIZED = {
    0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4),
    0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4), 0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4),
}
_NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
_CHECKED_KEYS = 64  # larger maps are their reader's business


def _head(b: bytes, at: int) -> tuple[str, int, int]:
    """Reads a value's first bytes: its kind ("scalar" for what has no length), its length
    in bytes or elements, and where its content begins."""
    if at >= len(b):
        raise BadMessageError("msgpack", "ends in the middle of a value")
    c = b[at]
    if c < 0x80 or c >= 0xE0:
        return "scalar", 1, at
    if c < 0xC0:
        kind, n = ("map", c & 15) if c < 0x90 else ("array", c & 15) if c < 0xA0 else ("str", c & 31)
        start = at + 1
    elif c in _FIXED:
        kind, n, start = "scalar", _FIXED[c], at
    elif 0xD4 <= c <= 0xD8:
        kind, n, start = "ext", 1 << (c - 0xD4), at + 2
    elif c in _SIZED:
        kind, width = _SIZED[c]
        start = at + 1 + width + (kind == "ext")
        n = int.from_bytes(b[at + 1 : at + 1 + width], "big")
    else:
        raise BadMessageError("msgpack", f"byte {at} is c1, which msgpack does not use")
    if n * (2 if kind == "map" else 1) > len(b) - start:
        raise BadMessageError("msgpack", f"a value at byte {at} declares {n}, but only {max(0, len(b) - start)} bytes follow")
    return kind, n, start


def _skip(b: bytes, at: int, depth: int, unique: bool) -> int:
    """Validates the value at `at` and returns where it ends."""
    kind, n, at = _head(b, at)
    if kind not in ("array", "map"):
        return at + n
    if depth == 0:
        raise BadMessageError("limit", f"nested too deep at byte {at}")
    seen: set[Any] | None = set() if unique and kind == "map" and n <= _CHECKED_KEYS else None
    for _ in range(n):
        if kind == "map":
            start, at = at, _skip(b, at, depth - 1, unique)
            if seen is not None:
                key = _map_key(b[start:at])
                if key in seen:
                    raise BadMessageError("msgpack", f"map with a duplicate key at byte {start}")
                seen.add(key)
        at = _skip(b, at, depth - 1, unique)
    return at


def _map_key(b: bytes) -> tuple[str, Any]:
    """What tells a map's key from the others, whatever the form of its length or number."""
    kind, n, start = _head(b, 0)
    if kind in ("str", "bin"):
        return kind, b[start : start + n]
    number = _number(b, 0)
    if number is None:
        return "other", b
    whole = _whole(number)
    return ("number", number if isinstance(number, int) else struct.pack(">d", number)) if whole is None else ("number", whole)


def _number(b: bytes, at: int) -> int | float | None:
    c = b[at]
    if c < 0x80:
        return c
    if c >= 0xE0:
        return c - 256
    return struct.unpack_from(_NUMBERS[c], b, at + 1)[0] if c in _NUMBERS else None


def _whole(number: int | float | None) -> int | None:
    """An integer within int64. A float counts up to 2^53, since R and JavaScript write their whole numbers so."""
    if isinstance(number, float):
        return int(number) if abs(number) <= 2**53 and number == int(number) else None
    return number if number is not None and number < 2**63 else None


# ---------------------------------------------------------------- messages


@dataclasses.dataclass(frozen=True)
class Offload:
    """Points to an object in the stack's bucket that holds a message's arguments."""

    key: str
    sha256: bytes
    length: int
    count: int


@dataclasses.dataclass
class Message:
    """One SQS message: a chunk of tasks of one job, or of none, that share a handler.

    Args:
        handler: names what runs the tasks ("f").
        args: one msgpack-encoded argument a task ("t"); see `pack`.
        job: the job's id ("j"); empty for tasks without one.
        first: index of the first task in the job ("q").
        indices: index of each task when they are not first, first + 1, … ("i").
        identity: of the message in its job ("m"); empty means its own root, `first`.
        id: identity of a message without a job ("id"). Whoever may send it twice sets it.
        attempt: 1-based ("a").
        deadline: when running it stops making sense, in Unix ms; 0 is never ("dl").
        trace: a W3C traceparent ("tp").
        offload: where the arguments are when they are not in `args`.
    """

    handler: str
    args: list[bytes] = dataclasses.field(default_factory=list)
    job: str = ""
    first: int = 0
    indices: list[int] | None = None
    identity: str = ""
    id: str = ""
    attempt: int = 1
    deadline: int = 0
    trace: str = ""
    offload: Offload | None = None

    def __len__(self) -> int:
        return self.offload.count if self.offload else len(self.args)

    def values(self) -> list[Any]:
        """The arguments as Python values."""
        return [unpack(arg) for arg in self.args]

    def encode(self) -> bytes:
        """The msgpack map. What a reader would refuse is refused here (BadMessageError)."""
        self.check()
        p = msgpack.Packer()
        fields: list[tuple[str, Any]] = [("v", 1), ("f", self.handler)]
        identity = "" if self.identity.isdigit() else self.identity
        for key, value in (("j", self.job), ("q", self.first), ("i", self.indices), ("m", identity), ("id", self.id),
                           ("a", self.attempt if self.attempt > 1 else 0), ("dl", self.deadline), ("tp", self.trace)):
            if value:
                fields.append((key, value))
        if self.offload:
            o = self.offload
            fields += [("s3", o.key), ("sha", o.sha256), ("len", o.length), ("n", o.count)]
        parts = [p.pack_map_header(len(fields) + (not self.offload))]
        for key, value in fields:
            parts += [p.pack(key), p.pack(value)]
        if not self.offload:
            for arg in self.args:
                if _skip(arg, 0, MAX_VALUE_DEPTH, True) != len(arg):
                    raise BadMessageError("msgpack", "bytes after an argument")
            parts += [p.pack("t"), p.pack_array_header(len(self.args)), *self.args]
        raw = b"".join(parts)
        if len(raw) > MAX_RAW:
            raise BadMessageError("limit", f"{len(raw)} bytes; a message has at most {MAX_RAW}")
        return raw

    def body(self) -> str:
        """The SQS body: base64 of `encode`. Raw msgpack must never be a body, since SQS replaces what is not text."""
        return base64.b64encode(self.encode()).decode()

    def json_body(self) -> str:
        """The SQS body as JSON, for people and tests; three times as long as it need be."""
        return to_json(self.encode())

    def check(self) -> None:
        """Holds the message to the rules of the format; raises BadMessageError."""
        if not self.handler or not _is_text(self.handler, 256):
            raise _wrong('"f" must be 1 to 256 bytes of UTF-8 without control characters')
        if self.job and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", self.job):
            raise _wrong('"j" must be 1 to 128 letters, digits, ".", "_" or "-", starting with a letter or digit')
        if not _is_text(self.id, 128) or not _is_text(self.trace, 256):
            raise _wrong('"id" and "tp" must be at most 128 and 256 bytes of UTF-8 without control characters')
        if not 1 <= self.attempt <= MAX_INDEX or not 0 <= self.deadline <= MAX_DEADLINE:
            raise _wrong('"a" counts from 1, "dl" in milliseconds from 1970 to the year 9999')
        o = self.offload
        if o and (self.args or not o.key or not _is_text(o.key, 1024) or not 1 <= o.length <= MAX_OFFLOAD or len(o.sha256) != 32):
            raise _wrong('"s3", "sha" or "len" is wrong, or there is "t" beside them')
        n = len(self)
        if not 1 <= n <= MAX_TASKS:
            raise _wrong(f"{n} tasks; a message holds 1 to {MAX_TASKS}")
        if not 0 <= self.first <= MAX_INDEX - (n - 1):
            raise _wrong(f'"q" is {self.first} for {n} tasks; indices go from 0 to {MAX_INDEX}')
        i = self.indices
        if i is not None and (len(i) != n or i[0] != self.first or i[-1] > MAX_INDEX or any(b <= a for a, b in zip(i, i[1:]))):
            raise _wrong('"i" must strictly increase from "q", one index a task')
        if self.identity:
            self._check_identity()

    def _check_identity(self) -> None:
        root, *rest = self.identity.split(".")
        good = len(self.identity) <= 512 and len(rest) <= 64 and re.fullmatch(r"(0|[1-9][0-9]*)(\.r?[1-9][0-9]*)*", self.identity)
        if not good or any(int(part.lstrip("r")) >= 2**63 for part in [root, *rest]):
            raise _wrong('"m" must be an index followed by up to 64 elements ".n" or ".rn"')
        if int(root) > self.first or not rest and int(root) != self.first:
            raise _wrong(f'"m" descends from root {root}, but the first task is {self.first}')


def _wrong(detail: str) -> BadMessageError:
    return BadMessageError("envelope", detail)


def _is_text(s: str, limit: int) -> bool:
    try:
        return len(s.encode()) <= limit and not re.search(r"[\x00-\x1f\x7f]", s)
    except UnicodeEncodeError:
        return False


def decode(body: str) -> Message:
    """Reads the body of an SQS message: base64 of msgpack, "z1." and base64 of zstd, or JSON.
    Whatever else it is, however large or deep, it raises BadMessageError and nothing else."""
    if len(body) > MAX_BODY or len(body.encode("utf-8", "surrogatepass")) > MAX_BODY:
        raise BadMessageError("limit", f"SQS carries at most {MAX_BODY} bytes")
    body = body.strip(" \t\r\n")
    if not body:
        raise BadMessageError("empty", "the body is empty")
    if body[0] == "{":
        raw = _json_to_msgpack(body)
    elif body.startswith("z1."):
        packed = _from_base64(body[3:])
        raw = _decompress(packed, min(MAX_RAW, (64 << 10) + 1024 * len(packed)))
    else:
        raw = _from_base64(body)
    return decode_message(raw)


def _from_base64(s: str) -> bytes:
    """Either alphabet, padded or not, with line breaks as base64(1) makes them; strict otherwise."""
    s = s.replace("\r", "").replace("\n", "")
    padded = s if s.endswith("=") else s + "=" * (-len(s) % 4)
    alt = b"-_" if "-" in s or "_" in s else b"+/"
    try:
        raw = base64.b64decode(padded, altchars=alt, validate=True)
        if base64.b64encode(raw, altchars=alt).decode() != padded:
            raise ValueError("characters that mean nothing")
    except (binascii.Error, ValueError) as e:
        raise BadMessageError("base64", f'neither base64 nor a JSON object nor "z1.": {e}') from None
    if not raw:
        raise BadMessageError("empty", "the body holds no bytes")
    return raw


def decode_message(raw: bytes) -> Message:
    """Decodes the msgpack map of a message; raises BadMessageError."""
    if len(raw) > MAX_RAW:
        raise BadMessageError("limit", f"{len(raw)} bytes; a message has at most {MAX_RAW}")
    kind, n, at = _head(raw, 0)
    if kind != "map":
        raise _wrong("the body is no map")
    if n > MAX_KEYS:
        raise BadMessageError("limit", f"{n} keys; an envelope has at most {MAX_KEYS}")
    fields = _Fields(raw)
    seen: set[str] = set()
    for _ in range(n):
        end = _skip(raw, at, MAX_DEPTH - 1, False)
        key = fields.text_at(at, "a key")
        if key in seen:
            raise _wrong(f"{key!r} is there twice")
        seen.add(key)
        at = fields.scan(key, end)
    if at != len(raw):
        raise BadMessageError("msgpack", f"{len(raw) - at} bytes after the message")
    return fields.message()


class _Fields:
    """The keys of an envelope that were found, by where their values begin."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at: dict[str, int] = {}
        self.args: list[bytes] = []

    def scan(self, key: str, at: int) -> int:
        """Validates the value of key and returns where it ends."""
        kind, n, start = _head(self.raw, at)
        if key == "t" and kind == "array":
            if n > MAX_TASKS:
                raise BadMessageError("limit", f"{n} tasks; a message holds at most {MAX_TASKS}")
            end = start
            for _ in range(n):
                start, end = end, _skip(self.raw, end, MAX_VALUE_DEPTH, True)
                self.args.append(self.raw[start:end])
        else:
            end = _skip(self.raw, at, MAX_DEPTH - 1, False)
        if end > len(self.raw):
            raise BadMessageError("msgpack", "ends in the middle of a value")
        if self.raw[at] != 0xC0:
            self.at[key] = at
        return end

    def text_at(self, at: int, what: str) -> str:
        kind, n, start = _head(self.raw, at)
        try:
            if kind == "str":
                return self.raw[start : start + n].decode()
        except UnicodeDecodeError:
            pass
        raise _wrong(f"{what} is no string in UTF-8")

    def text(self, key: str) -> str:
        return self.text_at(self.at[key], f'"{key}"') if key in self.at else ""

    def integer(self, key: str, missing: int, low: int, high: int) -> int:
        if key not in self.at:
            return missing
        n = _whole(_number(self.raw, self.at[key]))
        if n is None or not low <= n <= high:
            raise _wrong(f'"{key}" must be an integer from {low} to {high}')
        return n

    def indices(self) -> list[int] | None:
        if "i" not in self.at:
            return None
        kind, n, at = _head(self.raw, self.at["i"])
        if kind != "array" or n > MAX_TASKS:
            raise _wrong('"i" must be an array with an index a task')
        out = []
        for _ in range(n):
            i = _whole(_number(self.raw, at))
            if i is None or not 0 <= i <= MAX_INDEX:
                raise _wrong(f'"i" must hold integers from 0 to {MAX_INDEX}')
            out.append(i)
            at = _skip(self.raw, at, 0, False)
        return out

    def message(self) -> Message:
        if self.integer("v", 1, 1, 2**63 - 1) != 1:
            raise BadMessageError("version", "this program knows version 1")
        if "t" in self.at and _head(self.raw, self.at["t"])[0] != "array":
            raise _wrong('"t" must be an array with an argument a task')
        indices = self.indices()
        first = self.integer("q", indices[0] if indices else 0, 0, MAX_INDEX)
        count = self.integer("n", max(len(self.args), len(indices or ())), 1, MAX_TASKS)
        offload = None
        if self.at.keys() & {"s3", "sha", "len"}:
            offload = Offload(self.text("s3"), self.sha(), self.integer("len", 0, 1, MAX_OFFLOAD), count)
        elif "n" in self.at and count != len(self.args):
            raise _wrong(f'"n" is {count} but "t" holds {len(self.args)} tasks')
        m = Message(
            self.text("f"), self.args, self.text("j"), first, indices, self.text("m"), self.text("id"),
            self.integer("a", 1, 1, MAX_INDEX), self.integer("dl", 0, 0, MAX_DEADLINE), self.text("tp"), offload,
        )
        m.check()
        return m

    def sha(self) -> bytes:
        """32 bytes, or their hexadecimal digits, since JSON has no binary."""
        if "sha" not in self.at:
            raise _wrong('"sha" is missing')
        kind, n, start = _head(self.raw, self.at["sha"])
        content = self.raw[start : start + n]
        if kind == "bin" and n == 32:
            return content
        if kind == "str" and re.fullmatch(rb"[0-9a-fA-F]{64}", content):
            return bytes.fromhex(content.decode())
        raise _wrong('"sha" must be 32 bytes, or 64 hexadecimal digits')


# ---------------------------------------------------------------- JSON


def to_json(raw: bytes) -> str:
    """Renders one msgpack value as JSON: NaN as "NaN", binary as {"$bin": base64}, timestamps
    as RFC 3339 text, other extensions as {"$ext": [type, base64]}, keys that are no strings as their JSON."""
    value, end = _view(raw, 0)
    if end != len(raw):
        raise BadMessageError("msgpack", "bytes after the value")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _view(b: bytes, at: int) -> tuple[Any, int]:
    kind, n, start = _head(b, at)
    content, end = b[start : start + n], start + n
    if kind == "scalar":
        number = _number(b, at)
        if number is None:
            return {0xC0: None, 0xC2: False, 0xC3: True}[b[at]], end
        if isinstance(number, float):
            if not math.isfinite(number):
                return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity", end
            if b[at] == 0xCA:  # the shortest text that is the same float of 32 bits
                number = next(f for p in range(1, 10) if struct.pack(">f", f := float(f"{number:.{p}g}")) == b[at + 1 : end])
        return number, end
    if kind == "str":
        try:
            return content.decode(), end
        except UnicodeDecodeError:
            kind = "bin"
    if kind == "bin":
        return {"$bin": base64.b64encode(content).decode()}, end
    if kind == "ext":
        code = struct.unpack_from(">b", b, start - 1)[0]
        return _rfc3339(code, content) or {"$ext": [code, base64.b64encode(content).decode()]}, end
    out: Any = [] if kind == "array" else {}
    for _ in range(n):
        if kind == "array":
            value, start = _view(b, start)
            out.append(value)
        else:
            key, start = _view(b, start)
            value, start = _view(b, start)
            out[key if isinstance(key, str) else json.dumps(key, ensure_ascii=False, separators=(",", ":"))] = value
    return out, start


def _rfc3339(code: int, data: bytes) -> str | None:
    if code != -1 or len(data) not in (4, 8, 12):
        return None
    if len(data) == 4:
        nano, second = 0, int.from_bytes(data, "big")
    elif len(data) == 8:
        nano, second = divmod(int.from_bytes(data, "big"), 2**34)
    else:
        nano, second = struct.unpack(">Iq", data)
    if nano > 999_999_999 or not -62167219200 + 366 * 86400 <= second < 253402300800:  # the years of datetime
        return None
    text = datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(seconds=second)
    return text.strftime("%Y").zfill(4) + text.strftime("-%m-%dT%H:%M:%S") + (f".{nano:09}".rstrip("0") if nano else "") + "Z"


def _json_to_msgpack(text: str) -> bytes:
    """Transcodes JSON strictly: no key twice, no integers beyond 64 bits, no lone surrogates."""
    try:
        value = json.loads(text, object_pairs_hook=_json_object, parse_int=_json_int, parse_float=_json_float, parse_constant=_json_float)
        return msgpack.packb(value)
    except RecursionError:
        raise BadMessageError("limit", f"nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, OverflowError) as e:
        raise BadMessageError("json", str(e)) from None


def _json_object(pairs: list[tuple[str, Any]]) -> Any:
    value = dict(pairs)
    if len(value) < len(pairs) <= _CHECKED_KEYS:
        raise ValueError("an object has a duplicate key")
    if len(pairs) == 1:
        key, inner = pairs[0]
        if key == "$bin" and isinstance(inner, str):
            return _json_base64(inner)
        if key == "$ext" and type(inner) is list and [type(x) for x in inner] == [int, str] and -128 <= inner[0] <= 127:
            return _ext(inner[0], _json_base64(inner[1]))
    return value


def _json_base64(s: str) -> bytes:
    s = s.replace("\r", "").replace("\n", "")
    if not re.fullmatch(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", s):
        raise ValueError('"$bin" or "$ext" is not base64')
    return base64.b64decode(s)


def _json_int(s: str) -> int:
    n = int(s)
    if not -(2**63) <= n < 2**64:
        raise ValueError("an integer does not fit 64 bits (a float needs a decimal point)")
    return n


def _json_float(s: str) -> float:
    f = float(s)
    if not math.isfinite(f):
        raise ValueError(f"{s} is no number of JSON, or does not fit a float of 64 bits")
    return f


# ---------------------------------------------------------------- zstd


def _zstd() -> Any:
    try:
        from compression import zstd  # Python 3.14
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            raise StarburstError("compressed data needs Python 3.14 or the package backports.zstd") from None
    return zstd


def _decompress(packed: bytes, limit: int) -> bytes:
    """Decompresses one or more zstd frames to at most `limit` bytes."""
    zstd = _zstd()
    out = b""
    while packed or not out:
        # A window of 8 MiB at most: what a frame declares is reserved before it is read.
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
        try:
            out += frame.decompress(packed, max_length=limit + 1 - len(out))
        except zstd.ZstdError as e:
            raise BadMessageError("zstd", str(e)) from None
        if len(out) > limit:
            raise BadMessageError("zstd", f"{len(packed)} compressed bytes become more than {limit}")
        if not frame.eof:
            raise BadMessageError("zstd", "the frame is cut short")
        packed = frame.unused_data
    return out
