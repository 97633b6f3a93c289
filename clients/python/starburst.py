# SPDX-License-Identifier: Apache-2.0
"""Run Python functions on many workers, and call Starburst handlers in any language.

    import starburst

    with starburst.Executor(workers=2) as ex:          # as concurrent.futures.ProcessPoolExecutor
        for y in ex.map(f, xs):                        # any function: a job, chunked, in order
            print(y)
        for price in ex.map("price", options):         # a handler that the workers have
            print(price)
        one = ex.submit("price", ["AAPL", 187.25])     # a task of its own: a Future
        print(one.result())

An Executor finds the stack in the environment (STARBURST_QUEUE_URL, STARBURST_TABLE,
STARBURST_BUCKET, STARBURST_FLEET), as `starburst dev` and `starburst init` print it; when
there is none, it starts one on this machine, with the command `starburst`.

Workers are programs of `@task` functions that end with `serve()`. `starburst worker
--serve 'python3 program.py'` starts them. Functions that are no handlers travel as pickles,
and run only on workers that have the caller's key: see Executor.

`Client` is the layer below: jobs, tasks without a job, results. Below that are
`Message`, `decode`, `pack` and `unpack`: the wire format of docs/wire-format.md.

Copy this file into your program. Workers need msgpack; callers boto3 too, and to read compressed
results Python 3.14 or the package backports.zstd; functions as tasks need cloudpickle. numpy
values are accepted; numpy itself is not needed.
"""

from __future__ import annotations

import base64
import binascii
import collections
import concurrent.futures
import dataclasses
import datetime
import decimal
import hashlib
import hmac
import importlib
import inspect
import json
import math
import os
import pickle
import platform
import queue
import random
import re
import runpy
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgpack

__all__ = [
    "ArgumentError", "ArgumentTooLargeError", "BadMessageError", "CALLABLES", "Client", "Context", "CorruptResultError",
    "Executor", "Job", "JobCancelledError", "JobExistsError", "Message", "NotFoundError", "Offload", "Outcome", "PartlySentError",
    "PermanentError", "RemoteTraceback", "RetryError", "SendError", "StarburstError", "TaskCancelledError", "TaskDiedError",
    "TaskError", "TaskTimeoutError", "UnknownHandlerError", "batches", "cancelled", "chunk_size", "current", "cut", "decode",
    "decode_message", "log", "pack", "progress", "rng", "seed_words", "send_bodies", "serve", "stream", "task", "to_json",
    "unpack",
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


class PartlySentError(StarburstError):
    """A job that is on the queue in part: `confirmed` of the `n` tasks of `job`. The cause tells why."""

    def __init__(self, job: str, confirmed: int, n: int) -> None:
        super().__init__(f"job {job}: {confirmed} of {n} tasks are enqueued; create_job with this job_id and the same arguments sends the rest")
        self.job, self.confirmed, self.n = job, confirmed, n


class TaskError(StarburstError):
    """A task that failed for good.

    `kind` is error, panic, decode, timeout, deadline, died or result; `message` and
    `stack` are the handler's; `attempts` is how often it ran; `argument` is what it was given; `detail`
    is what the worker's helper has added.
    """

    def __init__(
        self, kind: str, message: str, stack: str = "", attempts: int = 0, argument: Any = None, index: int = 0, detail: Any = None,
    ) -> None:
        super().__init__(f"task {index} failed ({kind}): {message}")
        self.kind, self.message, self.stack = kind, message, stack
        self.attempts, self.argument, self.index, self.detail = attempts, argument, index, detail


class TaskTimeoutError(TaskError, TimeoutError):
    """The task's time limit, or its message's deadline, had passed."""


class TaskDiedError(TaskError, concurrent.futures.BrokenExecutor):
    """The worker died while it ran the task, in each attempt. Unlike a process pool's, the executor goes on."""


class InitializerError(StarburstError, concurrent.futures.BrokenExecutor):
    """An executor's initializer has raised on a worker."""


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


if concurrent.futures.TimeoutError is TimeoutError:
    _TimeoutError: type[TimeoutError] = TimeoutError
else:  # before Python 3.11 they are two

    class _TimeoutError(TimeoutError, concurrent.futures.TimeoutError):  # type: ignore[no-redef]
        pass


# ---------------------------------------------------------------- values


def pack(value: Any) -> bytes:
    """Encodes one argument as msgpack, within the profile that every language can read.

    Beyond what msgpack knows it takes numpy scalars and arrays (as numbers and nested
    lists; anything else with a `tolist` method too), dataclasses (as maps), and datetimes
    with a time zone (as RFC 3339 text in UTC, which Go handlers read as time.Time). NaN and
    infinities are numbers. Map keys must be strings and integers fit 64 bits; anything
    else is an ArgumentError.
    """
    try:
        _check_value(value, MAX_VALUE_DEPTH)
        return msgpack.packb(value, default=_plain)
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


_NUMPY_PLAIN = ("b", "i", "u", "f", "S", "U")  # dtypes of numbers and texts: nothing to find inside


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
    elif getattr(getattr(value, "dtype", None), "kind", "") in _NUMPY_PLAIN and getattr(value, "ndim", 0) <= depth:
        return
    elif dataclasses.is_dataclass(value) or hasattr(value, "tolist"):
        _check_value(_plain(value), depth)


def _plain(value: Any) -> Any:
    """Turns a value that msgpack does not know into one that it does."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, datetime.datetime):
        return _time(value)
    if hasattr(value, "tolist"):  # numpy, and whoever follows its example
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if kind == "M" and getattr(value, "ndim", 0) == 0:
            return _from_datetime64(value)
        plain = list(value) if kind == "M" else value.tolist()
        if type(plain) is not type(value) and kind not in ("c", "m", "V"):
            return plain
    raise ArgumentError(f"a value of type {type(value).__module__}.{type(value).__qualname__} cannot be encoded as msgpack")


def _time(value: datetime.datetime) -> str:
    return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def _from_datetime64(value: Any) -> str | None:
    """numpy's datetime64 counts in UTC by convention; NaT is nil."""
    us = int(value.astype("datetime64[us]").astype("int64"))
    if us == -(2**63):
        return None
    return _time(datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=us))


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
            out[key if isinstance(key, str) else _key_text(key)] = value
    return out, start


def _key_text(key: Any) -> str:
    text = json.dumps(key, ensure_ascii=False, separators=(",", ":"))
    if isinstance(key, float) and "e" in text and 1e-6 <= abs(key) < 1e21:
        # Exponents for the very large and the very small only, as other languages write them.
        text = f"{decimal.Decimal(text):f}"
        text += "" if "." in text else ".0"
    return text


def _rfc3339(code: int, data: bytes) -> str | None:
    if code != -1 or len(data) not in (4, 8, 12):
        return None
    if len(data) == 4:
        nano, second = 0, int.from_bytes(data, "big")
    elif len(data) == 8:
        nano, second = divmod(int.from_bytes(data, "big"), 2**34)
    else:
        nano, second = struct.unpack(">Iq", data)
    if nano > 999_999_999 or not -62167219200 <= second < 253402300800:
        return None
    # Counted from the year 400, since datetime has no year 0; the calendar repeats after 400 years.
    shift = 400 if second < -62135596800 else 0
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second + shift * 31556952)
    return f"{t.year - shift:04}{t:-%m-%dT%H:%M:%S}" + (f".{nano:09}".rstrip("0") if nano else "") + "Z"


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


# ---------------------------------------------------------------- sending

_BATCH_COUNT = 10  # entries in one SendMessageBatch, and 1 MiB together (SQS API reference)
_GIVE_UP_AFTER = 120.0  # seconds
_AT_ONCE = 8  # calls under way
_ONE_ENTRY = {"BatchRequestTooLong", "InvalidMessageContents", "InvalidBatchEntryId", "TooManyEntriesInBatchRequest"}
_HOPELESS = {
    "QueueDoesNotExist", "NonExistentQueue", "InvalidAddress", "InvalidSecurity", "UnsupportedOperation", "ResourceNotFoundException",
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException", "InvalidClientTokenId",
    "InvalidAccessKeyId", "MissingAuthenticationToken", "IncompleteSignature", "InvalidSignatureException", "SignatureDoesNotMatch",
    "ExpiredToken", "ExpiredTokenException", "OptInRequired", "NotAuthorized", "NoSuchBucket",
}
_THROTTLED = {"OverLimit", "SlowDown", "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"}


def batches(sizes: Iterable[int], max_count: int = _BATCH_COUNT, max_bytes: int = MAX_BODY) -> Iterator[list[int]]:
    """Groups the positions of messages of these sizes into calls, filled by count and by bytes."""
    call: list[int] = []
    filled = 0
    for position, size in enumerate(sizes):
        if call and (len(call) == max_count or filled + size > max_bytes):
            yield call
            call, filled = [], 0
        call.append(position)
        filled += size
    if call:
        yield call


def send_bodies(
    sqs: Any, queue_url: str, bodies: Sequence[str], *, give_up_after: float = _GIVE_UP_AFTER,
    sleep: Callable[[float], None] = time.sleep, rand: Callable[[], float] = random.random, clock: Callable[[], float] = time.monotonic,
) -> None:
    """Sends the bodies and returns when SQS has confirmed every one, else raises SendError.

    A call can succeed for some of its entries: only the others are sent again, as they
    are. An entry that the answer does not mention counts as failed. Between tries it waits
    a random time of up to 50 ms, doubling to 5 s; after `give_up_after` seconds what is left is unsent.
    """
    sending = _Sending(sqs, queue_url, bodies)
    began = clock()
    while sending.left:
        call = sending.next_call()
        tries = max(sending.streak, sending.tries[call[0]])
        if tries:
            if clock() - began > give_up_after:
                sending.abandon(call)
                break
            sleep(rand() * min(5.0, 0.05 * 2 ** min(tries - 1, 10)))
        sending.send(call)
    if sending.unsent:
        raise SendError(sending.unsent, len(bodies)) from sending.cause


class _Sending:
    """The state of send_bodies: which entries are left, and how the last calls went."""

    def __init__(self, sqs: Any, queue_url: str, bodies: Sequence[str]) -> None:
        self.sqs, self.queue_url, self.bodies = sqs, queue_url, bodies
        self.left = list(range(len(bodies)))
        self.tries = [0] * len(bodies)
        self.why = [""] * len(bodies)
        self.unsent: dict[int, str] = {}
        self.cause: Exception | None = None
        self.per_call = _BATCH_COUNT  # halves when one entry spoils a whole call
        self.streak = 0  # calls since the last one that achieved something

    def next_call(self) -> list[int]:
        n = len(next(batches((len(self.bodies[i].encode()) for i in self.left[: self.per_call]), self.per_call)))
        call, self.left = self.left[:n], self.left[n:]
        return call

    def send(self, call: list[int]) -> None:
        entries = [{"Id": str(k), "MessageBody": self.bodies[i]} for k, i in enumerate(call)]
        try:
            answer = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
        except Exception as e:  # judged below
            self.refused(call, e)
            return
        confirmed = {s["Id"] for s in answer.get("Successful", ())}
        failed = {f["Id"]: f for f in answer.get("Failed", ())}
        self.streak += 1
        for k, i in enumerate(call):
            f = failed.get(str(k))
            if str(k) in confirmed:
                self.streak = 0
            elif f and f.get("SenderFault"):  # it would be refused again
                self.unsent[i] = f"{f.get('Code')}: {f.get('Message', '')}"
                self.streak = 0
            else:
                self.again(i, f"{f.get('Code')}: {f.get('Message', '')}" if f else "SQS's answer does not mention it")

    def again(self, entry: int, why: str) -> None:
        self.tries[entry] += 1
        self.why[entry] = why
        self.left.append(entry)

    def refused(self, call: list[int], e: Exception) -> None:
        verdict = _judge(e)
        self.cause = e
        if verdict == "again":
            self.streak += 1
            for i in call:
                self.again(i, str(e))
        elif verdict == "smaller" and len(call) > 1:
            self.per_call = max(1, len(call) // 2)
            self.left = call + self.left
        else:
            lost = call if verdict == "smaller" else call + self.left
            self.unsent.update(dict.fromkeys(lost, str(e)))
            self.left = [i for i in self.left if i not in self.unsent]

    def abandon(self, call: list[int]) -> None:
        for i in call + self.left:
            self.unsent[i] = self.why[i] or "time is up"
        self.left = []


def _judge(e: Exception) -> str:
    """What to do about an error of a whole call: the same "again", with "smaller" calls, or "never"."""
    import botocore.exceptions as b

    if not isinstance(e, b.ClientError):
        return "again" if isinstance(e, (b.HTTPClientError, b.ConnectionError)) else "never"
    code = e.response.get("Error", {}).get("Code", "").rpartition(".")[2]
    status = e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _ONE_ENTRY:
        return "smaller"
    if status >= 500 or status == 429 or code in _THROTTLED or "Throttl" in code:
        return "again"
    return "never" if code in _HOPELESS or code.lower().startswith("kms") or status in (401, 403) else "smaller"


# ---------------------------------------------------------------- chunks and shards

_CHUNK_BYTES = 48 << 10  # raw bytes of a message with more than one task: 64 KiB in base64, what SQS bills as one request
_CHILD_ROOM = 1 << 10  # kept free beside a large argument, for the identity and attempt of a retry


def chunk_size(n: int, workers: int = 100, slots: int = 1, task_time: float = 0.0) -> int:
    """The default number of tasks in a message: a sixteenth of a slot's share, 1 to 1000; with
    the duration of a task known, also no more than 30 s of work and no less than 1 s."""
    slots_in_all = max(1, workers) * max(1, slots)
    size = min(max(-(-n // (16 * slots_in_all)), 1), 1000)
    if task_time > 0:
        size = max(size, min(math.ceil(1 / task_time), 1000, -(-n // slots_in_all)))
        size = min(size, max(1, int(30 / task_time)))
    return size


def cut(sizes: Iterable[int], chunk: int, max_bytes: int = _CHUNK_BYTES) -> list[int]:
    """Cuts arguments of these sizes into messages of up to `chunk` tasks and, where there is
    more than one, `max_bytes`; returns the number of tasks in each."""
    return [len(call) for call in batches(sizes, chunk, max_bytes)]


def _mix(h: int) -> int:
    """The 32-bit finaliser of MurmurHash3."""
    h ^= h >> 16
    h = h * 0x85EBCA6B & 0xFFFFFFFF
    h ^= h >> 13
    h = h * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def _spread(name: bytes, n: int) -> int:
    """FNV-1a, mixed, as the table's schema spreads names and roots over partitions."""
    h = 2166136261
    for c in name:
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    return _mix(h) % n


def _shard_of(root: int, shards: int) -> int:
    return _spread(root.to_bytes(4, "little"), shards) if shards > 1 else 0


def _shards_for(messages: int) -> int:
    return next((s for limit, s in ((2_000, 1), (100_000, 8), (1_000_000, 16)) if messages < limit), 32)


def _encode_sizes(sizes: Sequence[int]) -> bytes:
    """Zigzag varints of the differences between neighbours."""
    out, before = bytearray(), 0
    for size in sizes:
        d, before = size - before, size
        u = d << 1 if d >= 0 else ~(d << 1)
        while u >= 0x80:
            out.append(u & 0x7F | 0x80)
            u >>= 7
        out.append(u)
    return bytes(out)


def _decode_sizes(b: bytes) -> list[int]:
    sizes, size, u, shift = [], 0, 0, 0
    for c in b:
        u |= (c & 0x7F) << shift
        shift += 7
        if c < 0x80:
            size += u >> 1 if not u & 1 else ~(u >> 1)
            sizes.append(size)
            u = shift = 0
    return sizes


# ---------------------------------------------------------------- results


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one task: a value, or the error that it failed with for good."""

    index: int
    value: Any = None
    error: TaskError | None = None

    def result(self) -> Any:
        """The value; raises the error."""
        if self.error:
            raise self.error
        return self.value


@dataclasses.dataclass
class _Record:
    """A result item: what one message settled and which children carry the rest."""

    identity: str
    ok: list[int]
    failed: list[int]
    children: list[str]
    packed: bytes
    s3: str
    sha: bytes
    token: str


_RESULT_ATTRS = ("pk", "sk", "exp", "ix", "d", "s3", "sha", "tok")


def _record(item: dict[str, Any], identity: str) -> _Record:
    def get(name: str, kind: str, default: Any) -> Any:
        return item.get(name, {}).get(kind, default)

    try:
        ix = unpack(_unpacked(get("ix", "B", b"\x00\x80")))
        children = [f"{identity}.{c[0]}" for c in ix.get("c", ())]
        return _Record(
            identity, _indices(ix.get("o", ())), _indices(ix.get("e", ())), children,
            get("d", "B", b""), get("s3", "S", ""), get("sha", "B", b""), get("tok", "S", ""),
        )
    except (BadMessageError, ValueError, TypeError, AttributeError) as e:
        raise CorruptResultError(f"the result item of message {identity}: {e}") from e


def _indices(flat: Sequence[int]) -> list[int]:
    """Expands [gap, length, gap, length, …], each gap counted from the end of the range before."""
    out: list[int] = []
    end = 0
    for gap, length in zip(flat[::2], flat[1::2]):
        if gap < 0 or not 0 < length <= MAX_TASKS - len(out):
            raise ValueError("an index set leaves the limits")
        out.extend(range(end + gap, end + gap + length))
        end += gap + length
    return out


def _unpacked(b: bytes) -> bytes:
    """Undoes the table's packing: a first byte 0 for bytes as they are, 1 for zstd."""
    if b[:1] == b"\x00":
        return b[1:]
    if b[:1] == b"\x01":
        return _decompress(b[1:], MAX_OFFLOAD)
    raise ValueError("unknown packing")


def _outcomes(record: _Record, packed: bytes) -> list[Outcome]:
    """Decodes what a record settled, in the order of the tasks."""
    if not record.ok and not record.failed:
        return []
    try:
        d = unpack(_unpacked(packed))
        values, failures = d.get("r", []), d.get("f", [])
        if len(values) != len(record.ok) or len(failures) != len(record.failed):
            raise ValueError("other numbers of outcomes than its index says")
        out = [Outcome(i, value=v) for i, v in zip(record.ok, values)]
        out += [Outcome(i, error=_task_error(i, *f)) for i, f in zip(record.failed, failures)]
        return sorted(out, key=lambda o: o.index)
    except (BadMessageError, ValueError, TypeError, AttributeError) as e:
        raise CorruptResultError(f"the outcomes of message {record.identity}: {e}") from e


def _task_error(
    index: int, kind: str, message: str, stack: str, attempts: int, argument: Any = None, detail: Any = None, *_: Any,
) -> TaskError:
    classes = {"timeout": TaskTimeoutError, "deadline": TaskTimeoutError, "died": TaskDiedError}
    return classes.get(kind, TaskError)(kind, message, stack, attempts, argument, index, detail)


def _walk_order(identity: str) -> list[tuple[int, int]]:
    """Sorts a parent before its children, and children before those that `retry --failed` made (".r1")."""
    return [(part.startswith("r"), int(part.lstrip("r"))) for part in identity.split(".")]


def _merge(outcomes_by_record: Iterable[list[Outcome]]) -> list[Outcome]:
    """One outcome a task. Only a retry brings a second: then the first success stands, else the last failure."""
    best: dict[int, Outcome] = {}
    for outcomes in outcomes_by_record:
        for o in outcomes:
            if o.index not in best or best[o.index].error:
                best[o.index] = o
    return [best[i] for i in sorted(best)]


class _Pace:
    """Waits between polls: a fiftieth of the time so far (5 to 100 ms), growing by a quarter up to 1 s until something comes."""

    def __init__(self) -> None:
        self.began, self.grown = time.monotonic(), 0.0

    def progress(self) -> None:
        self.grown = 0.0

    def next_wait(self) -> float:
        floor = min(max((time.monotonic() - self.began) / 50, 0.005), 0.1)
        wait = min(max(self.grown, floor), 1.0)
        self.grown = wait * 1.25
        return wait


# ---------------------------------------------------------------- the client


class Client:
    """A stack: its queue, table and bucket, and the AWS clients for them.

    Args:
        queue_url, table, bucket, fleet: default to STARBURST_QUEUE_URL, STARBURST_TABLE,
            STARBURST_BUCKET (none: large arguments are refused) and STARBURST_FLEET ("default").
        session: a boto3.Session; default: boto3's own configuration, or the endpoint in STARBURST_LOCAL.
        sqs, dynamodb, s3: boto3 clients to use instead.
        env: the variables to read instead of the process's own.

    It is safe for concurrent use.
    """

    def __init__(
        self, *, queue_url: str | None = None, table: str | None = None, bucket: str | None = None, fleet: str | None = None,
        session: Any = None, sqs: Any = None, dynamodb: Any = None, s3: Any = None, env: Mapping[str, str] | None = None,
    ) -> None:
        get = (os.environ if env is None else env).get
        self.queue_url = queue_url or get("STARBURST_QUEUE_URL", "")
        self.table = table or get("STARBURST_TABLE", "")
        self.bucket = bucket if bucket is not None else get("STARBURST_BUCKET", "")
        self.fleet = fleet or get("STARBURST_FLEET") or "default"
        for name, value in (("STARBURST_QUEUE_URL", self.queue_url), ("STARBURST_TABLE", self.table)):
            if not value:
                raise StarburstError(f"{name} is not set: export the lines that `starburst dev` or `starburst init` prints")
        made: dict[str, Any] = {"sqs": sqs, "dynamodb": dynamodb, "s3": s3}
        missing = [name for name, given in made.items() if given is None]
        made.update(zip(missing, _aws_clients(session, missing, env)))
        self._sqs, self._db, self._s3 = made["sqs"], made["dynamodb"], made["s3"]
        self._known_handlers: set[str] = set()

    # Tasks without a job.

    def send_task(self, handler: str, arg: Any, *, id: str = "", deadline_ms: int = 0) -> str:
        """Enqueues one task without a job and returns its id, under which its result will be.
        Sending twice under the same id is one task. Arguments beyond a message need a job."""
        id = id or uuid.uuid4().hex
        body = self._task_body(Message(handler, [pack(arg)], id=id, deadline=deadline_ms))
        if body is None:
            raise ArgumentTooLargeError("the argument does not fit a message; create_job puts it into the bucket")
        send_bodies(self._sqs, self.queue_url, [body])
        return id

    def task_outcome(self, id: str, timeout: float | None = None) -> Outcome:
        """Waits for the task of `send_task`; raises TimeoutError after `timeout` seconds."""
        pending = _Pending("~" + id, 0)
        pace, deadline = _Pace(), None if timeout is None else time.monotonic() + timeout
        while True:
            done = self._poll([pending]).get(pending)
            if isinstance(done, Exception):
                raise done
            if done:
                return done
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"task {id} has no result yet")
            time.sleep(pace.next_wait())

    @staticmethod
    def _task_body(m: Message) -> str | None:
        """The body, or None when it leaves no room for what a retry adds."""
        body = m.body()
        return body if len(body) <= MAX_BODY - 4 * _CHILD_ROOM // 3 else None

    # Jobs.

    def create_job(
        self, handler: str, args: Iterable[Any], *, job_id: str = "", chunk: int = 0, max_workers: int = 100, slots: int = 1,
        task_time: float = 0.0, max_attempts: int = 3, task_timeout: float = 0.0, deadline_ms: int = 0, keep: float = 30 * 86400.0,
        label: str = "", trace: str = "", max_cost: float = 0.0,
    ) -> Job:
        """Makes a job of the arguments, one task each, and enqueues them in chunks.

        Args:
            handler: the name of what runs the tasks; UnknownHandlerError when no worker or deployment has named it.
            args: the arguments; all are held in memory, encoded.
            job_id: default a new one. The same id with the same arguments sends again what has no result
                yet; with others it raises JobExistsError.
            chunk: tasks in a message, 1 to 10,000; default: `chunk_size(n, max_workers, slots, task_time)`.
            max_attempts: how often a failing task is run in all.
            task_timeout: seconds one run of a task may take, at most 42,300; 0 is none.
            deadline_ms: when running the tasks stops making sense, in Unix ms; 0 is never.
            keep: seconds after which the job and its results may vanish.
            label: free text for people. trace: a W3C traceparent for the handlers.
            max_cost: cap in dollars; 0 is none.

        It returns when SQS has confirmed every message. PartlySentError means that the job exists
        and some tasks are not on the queue: calling again with its id as `job_id` sends the rest.
        """
        packed = [pack(arg) for arg in args]
        if not packed:
            raise ValueError("a job needs at least one task")
        if not 0 <= task_timeout <= 42_300 or max_attempts < 1 or not 0 <= chunk <= MAX_TASKS:
            raise ValueError("task_timeout is 0 to 42,300 s, max_attempts at least 1, chunk 0 to 10,000")
        self._check_handler(handler)
        now_ms = time.time_ns() // 1_000_000
        template = Message(handler, job=job_id or _new_job_id(now_ms), deadline=deadline_ms, trace=trace)
        frame = len(dataclasses.replace(template, args=[b"\xc0"], first=MAX_INDEX).encode()) - 1 + 4
        inline = MAX_BODY // 4 * 3 - frame - _CHILD_ROOM
        self._check_sizes(packed, inline)
        sizes = cut(map(len, packed), chunk or chunk_size(len(packed), max_workers, slots, task_time), _CHUNK_BYTES - frame)
        sha = hashlib.sha256()
        for arg in packed:
            sha.update(len(arg).to_bytes(8, "big") + arg)
        job = Job(self, template.job, handler, len(packed), sizes, _shards_for(len(sizes)), now_ms)
        fields = {"fleet": self.fleet, "sha": sha.digest(), "attempts": max_attempts, "timeout_ms": int(task_timeout * 1000),
                  "cap_pico": int(max_cost * 10**12), "label": label, "exp": now_ms // 1000 + int(keep)}
        done = self._create(job, fields)
        self._send_job(job, template, packed, inline, done)
        return job

    def job(self, id: str) -> Job:
        """Finds a job, whoever made it. Raises NotFoundError."""
        return self._job_of(self._meta(id))

    def _job_of(self, item: dict[str, Any]) -> Job:
        n = int(item["n"]["N"])
        if "chunk" in item:
            chunk = int(item["chunk"]["N"])
            sizes = [chunk] * (n // chunk) + [n % chunk] * (n % chunk > 0)
        else:
            id, sum = item["id"]["S"], item.get("plan_sha", {}).get("B")
            plan = self._get_object(f"in/{id}/plan-{sum.hex()}", sum) if sum else item["plan"]["B"]
            sizes = _decode_sizes(_unpacked(plan))
        created = int(item["created"]["N"])
        return Job(self, item["id"]["S"], item["handler"]["S"], n, sizes, int(item["shards"]["N"]), created)

    def _meta(self, id: str) -> dict[str, Any]:
        item = self._db.get_item(TableName=self.table, Key=_key(f"J#{id}", "META"), ConsistentRead=True).get("Item")
        if not item or 0 < int(item.get("exp", {}).get("N", 0)) <= time.time():
            raise NotFoundError(f"there is no job {id!r} in table {self.table}, or it has expired")
        return item

    def _check_handler(self, handler: str) -> None:
        if handler in self._known_handlers:
            return
        names = {i["sk"]["S"] for page in self._pages(f"H#{self.fleet}", attrs=("sk",)) for i in page}
        self._known_handlers |= names
        if handler == CALLABLES and handler not in names:
            raise UnknownHandlerError(f"no worker of fleet {self.fleet} runs functions: start workers with STARBURST_CALLABLES_KEY")
        if handler not in names:
            raise UnknownHandlerError(f"no worker knows handler {handler!r}; known to fleet {self.fleet}: {', '.join(sorted(names)) or 'none yet'}")

    def _check_sizes(self, packed: Sequence[bytes], inline: int) -> None:
        limit = MAX_OFFLOAD - 5 if self.bucket else inline
        for i, arg in enumerate(packed):
            if len(arg) > limit:
                hint = "" if self.bucket else " (STARBURST_BUCKET is not set, which larger ones need)"
                raise ArgumentTooLargeError(f"argument {i} has {len(arg)} bytes; {limit} are possible{hint}")

    def _create(self, job: Job, fields: dict[str, Any]) -> set[int]:
        """Lists the job and writes its META item, as store.CreateJob does. For a job that exists
        with the same input it takes over its plan and returns the roots that have a result item."""
        token = uuid.uuid4().hex
        meta = {"id": job.id, "handler": job.handler, "n": job.n, "shards": job.shards, "created": job.created_ms, "state": "open", "tok": token}
        item = _item(f"J#{job.id}", "META", meta | fields)
        item["confirmed"] = {"N": "0"}
        sizes = job.sizes
        if all(s == sizes[0] for s in sizes[:-1]) and sizes[-1] <= sizes[0]:
            item["chunk"] = {"N": str(sizes[0])}
        else:
            plan = b"\x00" + _encode_sizes(sizes)
            if len(plan) <= 256 << 10:
                item["plan"] = {"B": plan}
            else:
                sum = hashlib.sha256(plan).digest()
                self._put_object(f"in/{job.id}/plan-{sum.hex()}", plan)
                item["plan_sha"] = {"B": sum}
        created = datetime.datetime.fromtimestamp(job.created_ms / 1000, datetime.timezone.utc)
        sk = created.strftime("%Y-%m-%dT%H:%M:%S.") + f"{job.created_ms % 1000:03}Z#{job.id}"
        # The index goes first: an entry without its META is skipped, a META without its entry never seen.
        self._db.put_item(TableName=self.table, Item=_item(f"I#{created:%Y%m}#{_spread(job.id.encode(), 4)}", sk, {"exp": fields["exp"]}))
        try:
            self._db.put_item(
                TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(pk) OR #exp <= :now",
                ExpressionAttributeNames={"#exp": "exp"}, ExpressionAttributeValues={":now": {"N": str(int(time.time()))}},
            )
        except self._db.exceptions.ConditionalCheckFailedException:
            old = self._meta(job.id)
            if old.get("tok", {}).get("S") == token:
                return set()  # an earlier attempt of the SDK landed although its answer was lost
            same = all(old.get(k) == item[k] for k in ("handler", "n", "sha", "fleet")) and old["state"]["S"] != "cancelled"
            if not same:
                raise JobExistsError(f"job {job.id!r} exists with another input, handler or fleet, or was cancelled") from None
            job._take_over(self._job_of(old))
            return {int(i["sk"]["S"]) for s in range(job.shards) for page in self._pages(f"R#{job.id}#{s}", attrs=("sk",))
                    for i in page if len(i["sk"]["S"]) == 10}
        return set()

    def _send_job(self, job: Job, template: Message, packed: list[bytes], inline: int, done: set[int]) -> None:
        """Sends the messages whose roots are not in done, eight batches at a time, and seals the job."""
        confirmed = sum(size for first, size in job.roots() if first in done)
        written = time.monotonic()
        cause: Exception | None = None

        def land(batch: list[tuple[str, int]], sent: concurrent.futures.Future[None]) -> None:
            nonlocal confirmed, cause
            error = sent.exception()
            cause = cause or (error if isinstance(error, Exception) else None)
            lost = error.unsent if isinstance(error, SendError) else range(len(batch)) if error else ()
            confirmed += sum(tasks for k, (_, tasks) in enumerate(batch) if k not in lost)

        def confirm() -> None:
            self._update(job.id, "SET #c = :n", "#c < :n", {"#c": "confirmed"}, {":n": confirmed})

        flying: dict[concurrent.futures.Future[None], list[tuple[str, int]]] = {}
        try:
            with concurrent.futures.ThreadPoolExecutor(_AT_ONCE, "starburst-send") as pool:
                for batch in self._job_batches(job, template, packed, inline, done):
                    while len(flying) == _AT_ONCE:
                        for sent in concurrent.futures.wait(flying, return_when=concurrent.futures.FIRST_COMPLETED).done:
                            land(flying.pop(sent), sent)
                    if cause:
                        break
                    flying[pool.submit(send_bodies, self._sqs, self.queue_url, [body for body, _ in batch])] = batch
                    if time.monotonic() - written > 1:
                        written = time.monotonic()
                        confirm()
        except Exception as e:  # of an upload, or of the table
            cause = e
        for sent, batch in flying.items():  # all have ended with the pool
            land(batch, sent)
        if confirmed:
            confirm()
        if cause:
            raise PartlySentError(job.id, confirmed, job.n) from cause
        self._update(job.id, "SET #s = :to", "#s = :from", {"#s": "state"}, {":to": "sealed", ":from": "open"})

    def _job_batches(self, job: Job, template: Message, packed: list[bytes], inline: int, done: set[int]) -> Iterator[list[tuple[str, int]]]:
        """Yields the content of each SendMessageBatch call: bodies and how many tasks each has."""
        batch: list[tuple[str, int]] = []
        filled = 0
        for first, size in job.roots():
            if first in done:
                continue
            args = packed[first : first + size]
            m = dataclasses.replace(template, first=first, args=args)
            if sum(map(len, args)) > inline:
                blob = msgpack.Packer().pack_array_header(len(args)) + b"".join(args)
                sum_ = hashlib.sha256(blob).digest()
                m.args, m.offload = [], Offload(f"in/{job.id}/{sum_.hex()}", sum_, len(blob), len(args))
                self._put_object(m.offload.key, blob)
            body = m.body()
            if batch and (len(batch) == _BATCH_COUNT or filled + len(body) > MAX_BODY):
                yield batch
                batch, filled = [], 0
            batch.append((body, size))
            filled += len(body)
        if batch:
            yield batch

    # The table and the bucket.

    def _update(self, job: str, change: str, condition: str, names: dict[str, str], values: dict[str, Any]) -> bool:
        """Changes a META item if the condition holds."""
        try:
            self._db.update_item(
                TableName=self.table, Key=_key(f"J#{job}", "META"), UpdateExpression=change,
                ConditionExpression="attribute_exists(pk) AND " + condition, ExpressionAttributeNames=names,
                ExpressionAttributeValues={k: _attribute(v) for k, v in values.items()},
            )
            return True
        except self._db.exceptions.ConditionalCheckFailedException:
            return False

    def _query(self, pk: str, low: str = "", high: str = "", *, attrs: Sequence[str], start: Any = None) -> dict[str, Any]:
        """One page of a partition's items, in order from low to high."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if low:
            condition += " AND sk BETWEEN :a AND :b" if high else " AND sk >= :a"
            values |= {":a": {"S": low}} | ({":b": {"S": high}} if high else {})
        names = {f"#p{i}": name for i, name in enumerate(attrs)}
        more = {"ExclusiveStartKey": start} if start else {}
        return self._db.query(
            TableName=self.table, KeyConditionExpression=condition, ExpressionAttributeValues=values,
            ProjectionExpression=", ".join(names), ExpressionAttributeNames=names, **more,
        )

    def _pages(self, pk: str, *, attrs: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        start = None
        while True:
            page = self._query(pk, attrs=attrs, start=start)
            yield page["Items"]
            start = page.get("LastEvaluatedKey")
            if not start:
                return

    def _put_object(self, key: str, body: bytes) -> None:
        if not self.bucket:
            raise ArgumentTooLargeError(f"{key} needs a bucket, and STARBURST_BUCKET is not set")
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/octet-stream")

    def _get_object(self, key: str, sha: bytes) -> bytes:
        if not self.bucket:
            raise StarburstError(f"{key} is in the stack's bucket, and STARBURST_BUCKET is not set")
        body = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read(MAX_OFFLOAD + 1)
        if hashlib.sha256(body).digest() != sha:
            raise CorruptResultError(f"object {key} does not have the SHA-256 recorded for it")
        return body

    def _outcomes_of(self, record: _Record, place: str) -> list[Outcome]:
        """Decodes a record of a job, or of a task without one ("~" and its id), fetching an offloaded one."""
        packed = record.packed
        if record.s3:
            under = f"~/{_escape(place[1:])}" if place.startswith("~") else _escape(place)
            want = f"out/{under}/{record.identity}/{_escape(record.token)}"
            # Not taken on trust: whoever can write an item must not make readers fetch any object.
            if record.s3 != want:
                raise CorruptResultError(f"message {record.identity} may point to {want} only, not to {record.s3}")
            packed = self._get_object(want, record.sha)
        return _outcomes(record, packed)

    def _poll(self, pending: Sequence[_Pending]) -> dict[_Pending, Outcome | Exception]:
        """Looks once for the outcomes of single tasks, at most 100 (BatchGetItem). What is wrong with one is its own."""
        keys = {(p.pk, p.sk): p for p in pending}
        names = {f"#p{i}": name for i, name in enumerate(_RESULT_ATTRS)}
        answer = self._db.batch_get_item(RequestItems={self.table: {
            "Keys": [_key(*k) for k in keys], "ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names,
        }})
        done: dict[_Pending, Outcome | Exception] = {}
        for item in answer.get("Responses", {}).get(self.table, ()):
            p = keys[item["pk"]["S"], item["sk"]["S"]]
            if int(item.get("exp", {}).get("N", time.time() + 1)) <= time.time():
                continue
            try:
                record = _record(item, p.identity)
                outcomes = self._outcomes_of(record, p.place)
            except Exception as e:  # its object may be missing, its item broken
                if _judge(e) != "again":
                    done[p] = e
                continue
            if outcomes:
                done[p] = outcomes[0]
            elif record.children:
                p.identity = record.children[0]  # a single task has one child
        return done


@dataclasses.dataclass(eq=False)
class _Pending:
    """A task whose outcome is waited for: where its item will be. place is a job, or "~" and a task's id."""

    place: str
    shard: int
    identity: str = "0"

    @property
    def pk(self) -> str:
        return f"R#{self.place}" + ("" if self.place.startswith("~") else f"#{self.shard}")

    @property
    def sk(self) -> str:
        return self.identity if self.place.startswith("~") else _root_sk(self.identity)


def _root_sk(identity: str) -> str:
    """A sort key: the root's index in ten digits, so that items sort by it."""
    root, dot, rest = identity.partition(".")
    return f"{int(root):010}{dot}{rest}"


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _attribute(v: Any) -> dict[str, Any]:
    return {"S": v} if isinstance(v, str) else {"B": v} if isinstance(v, bytes) else {"N": str(v)}


def _item(pk: str, sk: str, fields: dict[str, Any]) -> dict[str, Any]:
    """An item; what is empty or zero is left out, as a missing attribute reads as zero."""
    return _key(pk, sk) | {k: _attribute(v) for k, v in fields.items() if v}


def _escape(s: str) -> str:
    """Percent-encodes a segment of a path, as Go's url.PathEscape does."""
    return urllib.parse.quote(s, safe="$&+=:@~")


def _new_job_id(now_ms: int) -> str:
    """16 lowercase letters and digits that sort by time: 48 bits of milliseconds and 32 random ones."""
    return base64.b32hexencode(now_ms.to_bytes(6, "big") + os.urandom(4)).decode().lower()


def _aws_clients(session: Any, names: Sequence[str], given: Mapping[str, str] | None = None) -> Iterator[Any]:
    if not names:
        return
    import boto3
    from botocore.config import Config

    env = (os.environ if given is None else given).get
    # boto3 itself finds AWS_ENDPOINT_URL in the process's environment only.
    local = env("STARBURST_LOCAL") or given and env("AWS_ENDPOINT_URL")
    options: dict[str, Any] = {"region_name": env("AWS_REGION") or env("AWS_DEFAULT_REGION")}
    if local:
        key = "starburst-local"  # the laptop's endpoint checks none
        options = {"endpoint_url": local, "region_name": "us-east-1", "aws_access_key_id": key, "aws_secret_access_key": key}
    # Virtual-hosted buckets need DNS, which an endpoint on this machine does not have.
    style = "path" if local or env("AWS_ENDPOINT_URL_S3") or env("AWS_ENDPOINT_URL") else "auto"
    config = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=32, connect_timeout=10, s3={"addressing_style": style})
    session = session or boto3.Session()
    for name in names:
        yield session.client(name, config=config, **options)


class Job:
    """The tasks submitted together: see Client.create_job and Client.job."""

    def __init__(self, client: Client, id: str, handler: str, n: int, sizes: list[int], shards: int, created_ms: int) -> None:
        self._client, self.id, self.handler, self.n = client, id, handler, n
        self.sizes, self.shards, self.created_ms = sizes, shards, created_ms

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return f"<Job {self.id}: {self.n} tasks of {self.handler}>"

    def _take_over(self, other: Job) -> None:
        self.sizes, self.shards, self.created_ms = other.sizes, other.shards, other.created_ms

    def roots(self) -> Iterator[tuple[int, int]]:
        """The first index and the number of tasks of each message, in order."""
        first = 0
        for size in self.sizes:
            yield first, size
            first += size

    def results(self, timeout: float | None = None) -> Iterator[Any]:
        """Yields the results in the order of the tasks, each as soon as it and those before it are
        there. Raises the TaskError of a task that failed, which ends the iteration: `outcomes` goes on."""
        return (o.result() for o in self.outcomes(timeout))

    def outcomes(self, timeout: float | None = None) -> Iterator[Outcome]:
        """Yields what became of each task, in order, waiting for what is not settled yet.
        Raises TimeoutError `timeout` seconds from now, JobCancelledError, NotFoundError."""
        deadline = None if timeout is None else time.monotonic() + timeout
        return self._follow(_Follower(self, deadline))

    def cancel(self) -> bool:
        """Ends the job: workers begin no more of its tasks as soon as they hear of it. What is settled stays. False
        when it has ended before."""
        return self._client._update(self.id, "SET #s = :to, #f = :at", "#s IN (:open, :sealed)", {"#s": "state", "#f": "finished"},
                                    {":to": "cancelled", ":at": time.time_ns() // 1_000_000, ":open": "open", ":sealed": "sealed"})

    def _follow(self, follower: _Follower) -> Iterator[Outcome]:
        for first, size in self.roots():
            outcomes = follower.root(first, size)
            if first + size == self.n:
                self._mark_done()  # before the last is yielded: the caller may not come back for more
            yield from outcomes

    def _mark_done(self) -> None:
        """For lists of jobs; not while failed tasks are run again. The results themselves are the truth."""
        names, now = {"#s": "state", "#f": "finished"}, time.time_ns() // 1_000_000
        self._client._update(self.id, "SET #s = :done, #f = :at", "#s IN (:open, :sealed) AND attribute_not_exists(retried)", names,
                             {":done": "done", ":at": now, ":open": "open", ":sealed": "sealed"})


class _Follower:
    """Reads a job's result items in order. A shard is asked from the root that is waited for on;
    what lies behind it is kept, about a page (1 MB) a shard."""

    def __init__(self, job: Job, deadline: float | None) -> None:
        self.job, self.client, self.deadline = job, job._client, deadline
        self.lanes: list[dict[int, dict[str, _Record]]] = [{} for _ in range(job.shards)]
        self.pace = _Pace()
        self.looked = time.monotonic()

    def root(self, first: int, size: int) -> list[Outcome]:
        """The outcomes of one message's tasks, when all are settled."""
        shard = _shard_of(first, self.job.shards)
        lane = self.lanes[shard]
        self.pace.progress()
        narrow, known = False, -1
        while True:
            records = lane.get(first, {})
            if len({i for r in records.values() for i in (*r.ok, *r.failed)}) == size:
                lane.pop(first)
                ordered = sorted(records.values(), key=lambda r: _walk_order(r.identity))
                return _merge(self.client._outcomes_of(r, self.job.id) for r in ordered)
            if len(records) == known:  # the last look brought nothing for this root
                narrow = len(lane) > (first in lane)
                self.wait(first)
            known = len(records)
            self.ask(shard, first, narrow)

    def ask(self, shard: int, first: int, narrow: bool) -> None:
        """Asks for the items from the root on: one page, or with narrow for that root alone, when
        the last look found nothing and what lies behind it is here already."""
        lane, start = self.lanes[shard], None
        low = f"{first:010}"
        while True:
            page = self.client._query(f"R#{self.job.id}#{shard}", low, low + "~" if narrow else "", attrs=_RESULT_ATTRS, start=start)
            at = first
            for item in page["Items"]:
                sk = item["sk"]["S"]
                at = int(sk[:10])
                identity = f"{at}{sk[10:]}"
                # An expired job of the same id may have left items behind.
                current = int(item.get("exp", {}).get("N", 1 << 60)) > self.job.created_ms // 1000
                if current and identity not in lane.get(at, ()):
                    lane.setdefault(at, {})[identity] = _record(item, identity)
            start = page.get("LastEvaluatedKey")
            if not start or at > first:
                return

    def wait(self, first: int) -> None:
        now = time.monotonic()
        if self.deadline is not None and now >= self.deadline:
            raise _TimeoutError(f"task {first} of job {self.job.id} has no result yet")
        if now - self.looked > 5:
            self.looked = now
            if self.client._meta(self.job.id)["state"]["S"] == "cancelled":
                raise JobCancelledError(f"job {self.job.id} was cancelled; task {first} has no result")
        wait = self.pace.next_wait()
        time.sleep(wait if self.deadline is None else min(wait, max(0.0, self.deadline - now)))


# ---------------------------------------------------------------- random streams
#
# A task's random numbers depend on the seed and the task's index alone: not on the worker,
# the chunk, the order or a retry. Streams are numpy's SeedSequence(seed).spawn(n)[index]
# in front of numpy's default generator, PCG64; without numpy the same words come from below.


def rng(seed: int, index: int | None = None) -> Any:
    """The numpy Generator of one task: numpy.random.default_rng(SeedSequence(seed).spawn(n)[index]).

    Without an index it is that of the running task.
    """
    import numpy as np

    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_index(index),)))


def stream(seed: int, index: int | None = None) -> random.Random:
    """The same stream without numpy, as a random.Random: its random() gives what rng(seed, index).random() gives.

    Its other methods draw from it as Python's do, which differ from numpy's.
    """
    return _PCG64(seed, _index(index))


def _index(index: int | None) -> int:
    return current().index if index is None else index


_M32, _M64, _M128 = (1 << 32) - 1, (1 << 64) - 1, (1 << 128) - 1


def seed_words(seed: int, index: int, n: int) -> list[int]:
    """The first n 32-bit words of SeedSequence(seed, spawn_key=(index,)), numpy's way to make
    well-mixed seeds of numbers that are alike (M. O'Neill's seed_seq with other constants)."""
    constant = 0x43B0D7E5

    def mixed_in(value: int) -> int:
        nonlocal constant
        value ^= constant
        constant = constant * 0x931E8875 & _M32
        value = value * constant & _M32
        return value ^ value >> 16

    def mix(x: int, y: int) -> int:
        x = (0xCA01F9DD * x - 0x4973F715 * y) & _M32
        return x ^ x >> 16

    entropy = _words(seed)
    entropy += [0] * (4 - len(entropy)) + _words(index)  # a seed is padded when a key follows
    pool = [mixed_in(word) for word in entropy[:4]]
    for source in range(4):
        for into in range(4):
            if source != into:
                pool[into] = mix(pool[into], mixed_in(pool[source]))
    for word in entropy[4:]:
        for into in range(4):
            pool[into] = mix(pool[into], mixed_in(word))
    constant, out = 0x8B51F9DD, []
    for i in range(n):
        value = pool[i % 4] ^ constant
        constant = constant * 0x58F38DED & _M32
        value = value * constant & _M32
        out.append(value ^ value >> 16)
    return out


def _words(n: int) -> list[int]:
    """A whole number as 32-bit words, the lowest first; 0 is one word."""
    if n < 0:
        raise ValueError("seeds and indices are not negative")
    words = [n & _M32]
    while n := n >> 32:
        words.append(n & _M32)
    return words


class _PCG64(random.Random):
    """PCG XSL RR 128/64 (O'Neill 2014), seeded as numpy does."""

    _MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645

    def __new__(cls, *_: Any) -> _PCG64:
        return super().__new__(cls)  # before Python 3.11 it takes one argument at most

    def __init__(self, seed: int, index: int) -> None:
        super().__init__(0)
        low = seed_words(seed, index, 8)
        a, b, c, d = (low[2 * k] | low[2 * k + 1] << 32 for k in range(4))
        self._increment = (c << 65 | d << 1 | 1) & _M128
        self._state = (self._increment + (a << 64 | b)) * self._MULTIPLIER + self._increment & _M128

    def _next(self) -> int:
        self._state = s = self._state * self._MULTIPLIER + self._increment & _M128
        x, rotation = (s >> 64 ^ s) & _M64, s >> 122
        return (x >> rotation | x << (64 - rotation)) & _M64

    def random(self) -> float:
        return (self._next() >> 11) * 2.0**-53

    def getrandbits(self, k: int) -> int:
        words = -(-k // 64)
        return sum(self._next() << 64 * i for i in range(words)) >> (64 * words - k)

    def seed(self, *_: Any) -> None:
        """A stream keeps its seed."""
        self.gauss_next = None

    def getstate(self) -> Any:
        raise NotImplementedError("a stream has no state to save: make it again from its seed and index")

    setstate = getstate  # type: ignore[assignment]


# ---------------------------------------------------------------- workers
#
# The child's side of docs/worker-protocol.md: frames on descriptors 3 and 4. Standard
# output and error belong to the user.


class PermanentError(StarburstError):
    """Raise it in a handler when no further attempt can help: the task has failed for good."""


class RetryError(StarburstError):
    """Raise it in a function sent by Executor when another attempt may help. (Handlers need
    it not: whatever else they raise is tried again.)"""


class TaskCancelledError(BaseException):
    """Raised inside a running handler when its result is not wanted any more: its time limit has
    passed, its job was cancelled, or the worker stops. Clean up and let it pass."""


@dataclasses.dataclass
class Context:
    """What is known of the running task; see `current`."""

    handler: str = ""
    job: str | None = None  # the job's id; None for a task without a job
    task: str | None = None  # the id of a task without a job
    index: int = 0
    attempt: int = 1
    deadline_ms: int | None = None
    timeout_ms: int | None = None
    trace: str | None = None


_current = Context()
_child: _Child | None = None
_handlers: dict[str, Callable[[Any], Any]] = {}


def task(function: Any = None, /, *, name: str = "") -> Any:
    """Makes a function a handler, under its own name or another: `@task`, `@task(name="price")`.

    A function with one parameter gets the task's argument. One with several required parameters gets
    the elements of an array, or the entries of a map by their names. What it returns is the
    result. What it raises fails the attempt, and the task is run again up to its job's
    attempts; PermanentError ends it at once. The function itself stays what it is.
    """
    if isinstance(function, str):
        name, function = function, None
    if function is None:
        return lambda f: task(f, name=name)
    name = name or function.__name__
    if not 1 <= len(name.encode()) <= 256 or name in _handlers and _handlers[name].__module__ != function.__module__:
        raise ValueError(f"the handler {name!r} exists, or its name has not 1 to 256 bytes")
    _handlers[name] = function
    function.starburst_handler = name
    return function


def current() -> Context:
    """The task that runs in this process; outside a worker one with index 0."""
    return _current


def cancelled() -> bool:
    """Whether the running task is not wanted any more. Long loops may ask; a handler that does
    not is interrupted by TaskCancelledError between two of its instructions."""
    return _child is not None and _child.cancelled


def progress(done: float, total: float, message: str = "") -> None:
    """Tells the worker's log how far the running task is; no-op outside a worker."""
    if _child:
        _child.tell("progress", done=done, total=total, message=message)


def log(level: str, message: str, **fields: Any) -> None:
    """Writes a line to the worker's log, with fields: level is debug, info, warn or error."""
    if _child:
        _child.tell("log", level=level, message=message, fields=fields)
    else:
        print(level, message, fields or "", file=sys.stderr)


def serve(*, callables_key: str | bytes = "") -> None:
    """Runs tasks of the `@task` functions, one at a time, until the worker says bye. Put it last in a
    program that `starburst worker --serve 'python3 program.py'` starts.

    WARNING: with a key, it also runs functions that an Executor with the same key has sent: whoever
    knows the key and may send to the queue can run anything with this worker's rights. It is
    off without one. Default: the environment's STARBURST_CALLABLES_KEY, or the content of the file
    that STARBURST_CALLABLES_KEY_FILE names.
    """
    global _child
    offered = os.environ.get("STARBURST_PROTOCOL")
    if offered is None:
        print("this program is a worker: start it by: starburst worker --serve 'python3 PROGRAM'", file=sys.stderr)
        sys.exit(64)
    if "1" not in re.split(r"[ ,]+", offered):
        print(f"the worker speaks version {offered} of the protocol, this helper version 1", file=sys.stderr)
        sys.exit(76)
    handlers = dict(_handlers)
    if os.environ.get("STARBURST_SELFTEST") == "1":
        handlers |= _selftest()
    key = _callables_key(callables_key)
    if key:
        print("W! this worker runs functions that it is sent: everybody with its key can run anything here", file=sys.stderr)
        handlers[CALLABLES] = _Callee(key)
    if not handlers:
        print("no handler is defined: decorate functions with @starburst.task", file=sys.stderr)
        sys.exit(64)
    _child = _Child(handlers, int(os.environ.get("STARBURST_FD_IN", "3")), int(os.environ.get("STARBURST_FD_OUT", "4")))
    _child.run()


class _Failure(Exception):
    """A failure in the protocol's own words."""

    def __init__(self, message: str, **frame: Any) -> None:
        super().__init__(message)
        self.frame = {"message": message} | frame



class _Child:
    """One child process: a thread reads frames, the main thread runs tasks."""

    def __init__(self, handlers: dict[str, Callable[[Any], Any]], fd_in: int, fd_out: int) -> None:
        self._call = {name: _spread_arguments(f) for name, f in handlers.items()}
        self._max = int(os.environ.get("STARBURST_MAX_FRAME", str(64 << 20)))
        for fd in (fd_in, fd_out):
            os.set_inheritable(fd, False)
        self._in, self._out = open(fd_in, "rb", buffering=1 << 16), fd_out
        self._frames: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._write_lock = threading.Lock()
        self._pack = msgpack.Packer(unicode_errors="surrogateescape").pack
        self._given = 0  # the last id that was read
        self._unwanted = range(0)  # ids that were cancelled
        self._running = 0  # the id of the task that runs; 0 is none
        self._interruptible = False  # the handler may be interrupted

    def run(self) -> None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(line_buffering=True)  # so that a line is logged with its task
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._interrupt)
        self._send({
            "t": "hello", "v": 1, "handlers": list(self._call), "pid": os.getpid(),
            "lang": f"python {platform.python_version()}", "lib": "starburst.py 1",
        })
        threading.Thread(target=self._read, daemon=True, name="starburst-frames").start()
        while (frame := self._frames.get()) is not None:
            self._tasks(frame)
        _flush()
        # Not sys.exit: a thread that a handler has left behind must not keep the worker waiting.
        os._exit(0)

    def _read(self) -> None:
        """The reading thread: what says stop must be heard while a task runs."""
        while True:
            head = self._in.read(4)
            payload = self._in.read(int.from_bytes(head, "big")) if len(head) == 4 else b""
            if not payload:  # the worker is gone
                os._exit(0)
            frame = msgpack.unpackb(payload, raw=False, strict_map_key=False, unicode_errors="surrogateescape",
                                    max_str_len=self._max, max_bin_len=self._max)
            kind = frame.get("t")
            if kind == "task":
                self._given = int(frame["id"]) + len(frame["tasks"]) - 1
                self._frames.put(frame)
            elif kind == "bye":
                self._frames.put(None)
            elif kind == "cancel":
                self._unwanted = range(int(frame["id"]), self._given + 1)
                if self.cancelled and threading.main_thread().ident:
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)

    @property
    def cancelled(self) -> bool:
        """Whether the running task is among those that are not wanted."""
        return self._running in self._unwanted

    def _interrupt(self, number: int, _: Any) -> None:
        """SIGTERM: interrupts the handler when its task is cancelled; without a cancel it ends the process, as by default."""
        if not self._unwanted:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        if self._interruptible and self.cancelled:
            self._interruptible = False
            raise TaskCancelledError("the task is not wanted any more")

    def _tasks(self, frame: dict[str, Any]) -> None:
        """Runs the tasks of a frame, answering each before the next begins."""
        global _current
        get = frame.get
        id, name = int(frame["id"]), frame["handler"]
        call = self._call.get(name)
        if self._unwanted and id >= self._unwanted.stop:
            self._unwanted = range(0)  # all of those are answered
        for index, argument in frame["tasks"]:
            _current = Context(name, get("job"), get("task"), int(index), int(get("attempt") or 1), get("deadline_ms"), get("timeout_ms"), get("trace"))
            try:
                if call is None:
                    raise _Failure(f"no handler {name!r} here", permanent=True)
                if id in self._unwanted:
                    raise TaskCancelledError("the task was cancelled before it began")
                result = self._one(id, call, argument)
                if len(result) > self._max - 256:
                    raise _Failure(f"the result has {len(result)} bytes; {self._max} are possible", kind="result")
                answer = {"t": "done", "id": id, "result": result}
            except BaseException as e:  # SystemExit too: it must not end the other tasks' process
                answer = {"t": "fail", "id": id} | _failure_of(e)
            self._send(answer)
            id += 1

    def _one(self, id: int, call: Callable[[Any], Any], argument: bytes) -> bytes:
        try:
            value = unpack(argument)
        except Exception as e:
            raise _Failure(f"the argument is no msgpack that Python can read: {e}", kind="decode") from None
        try:
            self._running = id
            self._interruptible = True
            value = call(value)
        finally:
            self._interruptible = False
            self._running = 0
        try:
            return pack(value)
        except ArgumentError as e:
            raise _Failure(str(e).replace("argument", "result"), kind="result") from None

    def tell(self, kind: str, **keys: Any) -> None:
        if id := self._running:
            was, self._interruptible = self._interruptible, False  # half a frame must not be left behind
            self._send({"t": kind, "id": id} | {key: unpack(pack(value)) for key, value in keys.items()})
            self._interruptible = was
            if was and self.cancelled:
                self._interrupt(signal.SIGTERM, None)

    def _send(self, frame: dict[str, Any]) -> None:
        with self._write_lock:
            payload = self._pack(frame)
            data = memoryview(len(payload).to_bytes(4, "big") + payload)
            while data:
                data = data[os.write(self._out, data) :]


def _flush() -> None:
    for out in (sys.stdout, sys.stderr):
        try:
            out.flush()
        except (OSError, ValueError, AttributeError):
            pass


def _spread_arguments(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Gives a function with several required parameters the elements of an array, or the entries of a map."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return function
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in signature.parameters.values() if p.kind in positional and p.default is p.empty]

    def call(value: Any) -> Any:
        args, kwargs = (value, {}) if isinstance(value, list) else ((), value) if isinstance(value, dict) else ((value,), {})
        try:
            signature.bind(*args, **kwargs)
        except TypeError as e:
            raise _Failure(f"the argument does not fit {function.__name__}{signature}: {e}", kind="decode") from None
        return function(*args, **kwargs)

    return call if len(required) > 1 else function


def _failure_of(e: BaseException) -> dict[str, Any]:
    """The keys of a fail frame."""
    if isinstance(e, _Failure):
        return e.frame
    message = str(e) if str(e) or not isinstance(e, PermanentError) else "failed for good"
    return {
        "message": message, "type": _type_name(e), "stack": _stack_of(e),
        "permanent": isinstance(e, PermanentError), "kind": "error",
    }


def _type_name(e: BaseException) -> str:
    module = type(e).__module__
    return type(e).__qualname__ if module in ("builtins", "__main__", "starburst", __name__) else f"{module}.{type(e).__qualname__}"


def _stack_of(e: BaseException) -> str:
    """The traceback without this file's own lines, the innermost call last."""
    tb = e.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename == __file__:
        tb = tb.tb_next
    text = "".join(traceback.format_exception(type(e), e, tb))
    return text.encode(errors="replace")[-_MAX_STACK:].decode(errors="replace")


def _selftest() -> dict[str, Callable[[Any], Any]]:
    """The handlers of `starburst worker --selftest`."""

    def fail(text: Any) -> None:
        raise RuntimeError(text)

    def permanent(text: Any) -> None:
        raise PermanentError(text)

    def detail(value: Any) -> None:
        raise _Failure("it has a detail", detail=pack(value))

    def unpackable(_: Any) -> Any:
        return unpackable

    def prints(text: Any) -> None:
        print(text)
        print(text, file=sys.stderr)

    def context(_: Any) -> Any:
        return {key: getattr(_current, key) for key in ("job", "task", "index", "attempt", "deadline_ms")}

    return {
        "selftest.echo": lambda value: value, "selftest.context": context, "selftest.fail": fail, "selftest.permanent": permanent,
        "selftest.detail": detail, "selftest.unpackable": unpackable, "selftest.print": prints,
        "selftest.progress": lambda text: progress(1, 2, text), "selftest.log": lambda text: log("warn", text),
        "selftest.sleep": lambda seconds: time.sleep(seconds), "selftest.exit": lambda status: os._exit(status),
    }


# ---------------------------------------------------------------- functions as tasks
#
# A function travels as a pickle under the handler CALLABLES. Loading a pickle runs code, so both
# directions carry a MAC: workers run what was sent with their key, callers load what such workers made.

CALLABLES = "starburst.python"
_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"  # pickles of code fit one minor version
_INLINE_FUNCTION = 1 << 10  # larger ones are put into the bucket, once, instead of into each task
_MAX_STACK = 8 << 10
_MAX_DETAIL = 64 << 10  # what the table keeps of an exception
_NONCE = 16  # bytes that tell one submit or map from others


class RemoteTraceback(Exception):
    """The worker's traceback: the cause of an exception that a function raised there."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def _dumps(value: Any) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        raise StarburstError("functions are sent as pickles, for which the package cloudpickle is needed; handlers can be named without it") from None
    return cloudpickle.dumps(value)


def _callables_key(given: str | bytes) -> bytes:
    """The key that workers and callers of functions share; empty when there is none."""
    path = os.environ.get("STARBURST_CALLABLES_KEY_FILE")
    if not given:
        given = os.environ.get("STARBURST_CALLABLES_KEY", "")
    if not given and path:
        with open(path, "rb") as f:
            given = f.read().strip()
    key = given.encode() if isinstance(given, str) else given
    if key and len(key) < 16:
        raise ValueError("the key for callables must have 16 bytes or more; `openssl rand -hex 32` makes one")
    return key


class _Signer:
    """Signs what belongs to one task: its call, its result, its exception."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, what: bytes, nonce: bytes, index: int, content: bytes) -> bytes:
        return hmac.digest(self._key, b"%s %s %d " % (what, nonce, index) + content, "sha256")

    def verify(self, mac: bytes, what: bytes, nonce: bytes, index: int, content: bytes) -> bool:
        return hmac.compare_digest(mac, self.sign(what, nonce, index, content))


def _call_of(identity: str, digest: bytes) -> bytes:
    """What a call is signed for. Sent again under another id it is refused; under its own it is a duplicate, of which one result counts."""
    return hashlib.sha256(identity.encode()).digest() + digest


class _Caller:
    """The caller's side: makes arguments of calls, and values or exceptions of outcomes."""

    def __init__(self, key: bytes, client: Client) -> None:
        self._signer, self._client = _Signer(key), client
        self._placed: set[str] = set()

    def calls(self, function: Callable[..., Any], identity: str) -> tuple[Callable[[int, Any, Any], list[Any]], Callable[[Outcome], Any]]:
        """Prepares calls of the function in the job, or the task without a job, with this id: what makes an argument
        of (index, args, kwargs), and a value of an outcome."""
        code, nonce, signer = _dumps(function), os.urandom(_NONCE), self._signer
        place: bytes | str = code
        if len(code) > _INLINE_FUNCTION and self._client.bucket:
            place = "in/~functions/" + hashlib.sha256(code).hexdigest()
            if place not in self._placed:
                self._client._put_object(place, code)
                self._placed.add(place)
        digest = hashlib.sha256(code).digest()
        signed = _call_of(identity, digest)

        def argument(index: int, args: Any, kwargs: Any) -> list[Any]:
            packed = _dumps((args, kwargs))
            return [_PYTHON, place, packed, nonce, signer.sign(b"call", nonce, index, signed + packed)]

        def value(outcome: Outcome) -> Any:
            if outcome.error:
                raise self._exception(outcome.error, nonce)
            return pickle.loads(self._opened(b"result", nonce, outcome.index, outcome.value))

        return argument, value

    def _opened(self, what: bytes, nonce: bytes, index: int, signed: Any) -> bytes:
        if not isinstance(signed, bytes) or not self._signer.verify(signed[:32], what, nonce, index, signed[32:]):
            raise CorruptResultError(f"the {what.decode()} of task {index} was not made by a worker with this executor's key")
        return signed[32:]

    def _exception(self, error: TaskError, nonce: bytes) -> BaseException:
        """The exception that the function raised, with the worker's traceback as its cause."""
        if error.detail is None:  # it died, say, or the exception cannot be pickled
            return error
        try:
            raised, stack = pickle.loads(self._opened(b"error", nonce, error.index, error.detail))
        except CorruptResultError as e:
            return e
        except Exception as e:  # an exception's own code runs here
            error.__cause__ = e
            return error
        raised.__cause__ = RemoteTraceback(stack)
        return raised


_initialized: set[bytes] = set()  # executors whose initializer has run in this process


class _Initialized:
    """A function of an executor with an initializer, which runs first, once in each process.

    Functions of the main program travel by value, and each pickle of them has its own globals; such an initializer
    must run once for each.
    """

    def __init__(self, executor: bytes, function: Callable[..., Any], initializer: Callable[..., Any], initargs: tuple[Any, ...]) -> None:
        self._executor, self._function, self._initializer, self._initargs = executor, function, initializer, initargs
        self._ready = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._ready:
            self._initialize()
        return self._function(*args, **kwargs)

    def _initialize(self) -> None:
        f = self._initializer
        module = sys.modules.get(getattr(f, "__module__", None) or "")
        shared = getattr(module, getattr(f, "__qualname__", ""), None) is f
        if not shared or self._executor not in _initialized:
            try:
                f(*self._initargs)
            except Exception as e:
                raise InitializerError(f"the initializer has raised {type(e).__name__}: {e}") from e
            _initialized.add(self._executor)
        self._ready = True


class _Callee:
    """The worker's side: runs functions that were signed with its key."""

    __name__ = CALLABLES

    def __init__(self, key: bytes) -> None:
        self._signer = _Signer(key)
        self._functions: dict[bytes, Any] = {}  # by digest, the last 32

    def __call__(self, argument: Any) -> bytes:
        try:
            version, place, packed, nonce, mac = argument
            digest = hashlib.sha256(place).digest() if isinstance(place, bytes) else bytes.fromhex(place[-64:])
            if len(nonce) != _NONCE or len(digest) != 32 or not all(isinstance(b, bytes) for b in (packed, nonce, mac)):
                raise ValueError("its parts are not what they must be")
        except (TypeError, ValueError):
            raise _Failure("the argument is no call of a function", kind="decode") from None
        if version != _PYTHON:
            raise _Failure(f"the function comes from Python {version}, the worker runs Python {_PYTHON}: pickled code needs the same", permanent=True)
        index, identity = _current.index, _current.job or _current.task or ""
        if not self._signer.verify(mac, b"call", nonce, index, _call_of(identity, digest) + packed):
            raise _Failure("the function was not signed with this worker's key, or not for this task", permanent=True)
        if digest not in self._functions:
            code = place if isinstance(place, bytes) else self._fetch(place, digest)
        try:
            if digest not in self._functions:
                self._keep(digest, pickle.loads(code))
            args, kwargs = pickle.loads(packed)
            result = _dumps(self._functions[digest](*args, **kwargs))
        except (_Failure, TaskCancelledError):
            raise
        except BaseException as e:  # SystemExit too, as ProcessPoolExecutor passes it on
            raise self._failure(e, nonce, index) from None
        return self._signer.sign(b"result", nonce, index, result) + result

    def _fetch(self, place: str, digest: bytes) -> bytes:
        s3, bucket = next(_aws_clients(None, ["s3"])), os.environ.get("STARBURST_BUCKET", "")
        code = s3.get_object(Bucket=bucket, Key=place)["Body"].read(MAX_OFFLOAD)
        if hashlib.sha256(code).digest() != digest:
            raise CorruptResultError(f"object {place} is not the function that was sent")
        return code

    def _keep(self, digest: bytes, function: Any) -> None:
        """Keeps the last 32 functions: what they have loaded serves their next tasks too."""
        while len(self._functions) >= 32:
            del self._functions[next(iter(self._functions))]
        self._functions[digest] = function

    def _failure(self, e: BaseException, nonce: bytes, index: int) -> _Failure:
        """As in a process pool, what a function raises is for its caller; only RetryError is tried again."""
        frame = _failure_of(e) | {"permanent": not isinstance(e, RetryError)}
        try:
            raised = _dumps((e.with_traceback(None), frame["stack"]))
            pickle.loads(raised)  # some exceptions cannot be made again
            detail = pack(self._signer.sign(b"error", nonce, index, raised) + raised)
            if len(detail) <= _MAX_DETAIL:
                frame["detail"] = detail
        except Exception as e2:
            frame["stack"] += f"(the exception cannot be pickled: {e2})\n"
        return _Failure(**frame)


# ---------------------------------------------------------------- a stack of one's own


def _find_binary(binary: str) -> str:
    return binary or os.environ.get("STARBURST_BIN") or shutil.which("starburst") or ""


class _LocalStack:
    """Queue, table, bucket and workers on this machine, by the starburst command, until close or the end of this process."""

    def __init__(self, workers: int, binary: str, serve: Sequence[str]) -> None:
        self.binary = _find_binary(binary)
        if not self.binary:
            raise StarburstError("no stack is configured (STARBURST_QUEUE_URL), and to start one here the command `starburst` must be on "
                                 "the PATH, or named by STARBURST_BIN")
        self.key = os.urandom(32).hex()
        self._dir = tempfile.mkdtemp(prefix="starburst-")
        self._finalizer = weakref.finalize(self, _LocalStack._end, None, self._dir)
        key_file = os.path.join(self._dir, "key")
        with open(os.open(key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(self.key)
        self._log = os.path.join(self._dir, "log")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STARBURST_"))}
        env["PYTHONPATH"] = os.pathsep.join(os.path.abspath(p) for p in sys.path)  # so that workers import what this program does
        env["XDG_STATE_HOME"] = self._dir
        argv = [self.binary, "dev", "--serve", shlex.join(serve or _child_command(key_file)), "--workers", str(workers), "--port", "0",
                "--state", "executor", "--json", "--until-eof"]
        with open(self._log, "wb") as log:
            # A session of its own: Ctrl-C is this program's to handle.
            self.process = process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=env, start_new_session=True)
        self._finalizer.detach()
        self._finalizer = weakref.finalize(self, _LocalStack._end, process, self._dir)
        line = process.stdout.readline() if select.select([process.stdout], [], [], 120)[0] else b""
        try:
            ready = json.loads(line)
            self.env: dict[str, str] = ready["env"]
            self.handlers = set(ready["handlers"])
            self.logs = os.path.join(self._dir, "starburst", "executor", "tasks")
        except (ValueError, KeyError):
            text = self.log_tail()
            self.close()
            raise StarburstError(f"`{self.binary} dev` did not start: {text}") from None

    def log_tail(self) -> str:
        with open(self._log, errors="replace") as f:
            return f.read()[-2000:].strip()

    def close(self) -> None:
        self._finalizer()

    @staticmethod
    def _end(process: subprocess.Popen[bytes] | None, folder: str) -> None:
        if process:
            process.stdin.close()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _child_command(key_file: str) -> list[str]:
    """The program that serves this one's handlers and functions."""
    argv = [sys.executable, os.path.abspath(__file__), "--key-file", key_file]
    modules = {f.__module__ for f in _handlers.values()}
    main = getattr(sys.modules["__main__"], "__file__", None)
    for module in sorted(modules - {"__main__"}):
        argv += ["--module", module]
    return argv + [os.path.abspath(main)] if main and "__main__" in modules else argv


def _main(argv: list[str]) -> None:
    """python3 starburst.py [--key-file FILE] [--module NAME]… [PROGRAM.py]: serves the handlers of a module or a program.

    The program is run with another __name__ than "__main__", as multiprocessing does.
    """
    import argparse

    parser = argparse.ArgumentParser(prog="starburst.py", description=_main.__doc__)
    parser.add_argument("--key-file", default="")
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("program", nargs="?")
    options = parser.parse_args(argv)
    if options.key_file:
        os.environ["STARBURST_CALLABLES_KEY_FILE"] = options.key_file
    for module in options.module:
        importlib.import_module(module)
    if options.program:
        sys.path.insert(0, os.path.dirname(os.path.abspath(options.program)))
        runpy.run_path(options.program, run_name="__starburst__")
    serve()


# ---------------------------------------------------------------- concurrent.futures


@dataclasses.dataclass
class _Call:
    """A submitted task: value makes the Future's result of its outcome."""

    future: concurrent.futures.Future[Any]
    message: Message
    value: Callable[[Outcome], Any]


class Executor(concurrent.futures.Executor):
    """A concurrent.futures.Executor whose workers are a stack's.

    Args:
        client: default: a Client of the environment; when the environment names no stack, the
            executor starts one on this machine and ends it at its shutdown.
        workers: the size of the fleet: of the stack that is started (default: a worker a CPU), or for
            the default chunk of `map` (default: 100). max_workers, the name in concurrent.futures, is the same.
        slots: the tasks that each of a stack's workers runs at once, for the default chunk.
        linger: seconds that `submit` waits for company before it sends: SQS bills by the call.
        callables_key: the key that the stack's workers have for functions. Default: as for `serve`.
        binary: the starburst command. Default: STARBURST_BIN, or the one on the PATH.
        serve: the program, in any language, that the workers of a started stack run, and its arguments. Default: this
            program's `@task` functions, and functions.
        initializer, initargs: what is called in each worker process before the first function (not handler) that it runs for this
            executor, within that one's time limit; when the main program defines it, once for each function. When it raises, that task
            fails with InitializerError, and the next one calls it again.

    `submit` and `map` take

    - the name of a handler, or a function made one by `@task`: one positional argument is the task's
      argument, several are an array, keywords a map;
    - any other function, with any arguments that cloudpickle can pickle. It gives what ProcessPoolExecutor gives.

    WARNING: functions are sent as pickles, and their results come back as pickles. Workers run them only
    when they were started with a key, and the same key must be given here. Who has it and may send
    to the queue can run anything on the workers; who has it and may write to the table, in this
    program. A stack that the executor has started has a key of its own.
    """

    def __init__(
        self, client: Client | None = None, *, workers: int | None = None, max_workers: int | None = None, slots: int = 1, linger: float = 0.01,
        callables_key: str | bytes = "", binary: str = "", serve: Sequence[str] = (),
        initializer: Callable[..., Any] | None = None, initargs: tuple[Any, ...] = (),
    ) -> None:
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._id, self._initializer, self._initargs = os.urandom(16), initializer, tuple(initargs)
        workers = workers if workers is not None else max_workers
        if workers is not None and workers < 1:
            raise ValueError("workers must be 1 or more")
        self._stack: _LocalStack | None = None
        if client is None and not os.environ.get("STARBURST_QUEUE_URL"):
            workers = workers or os.cpu_count() or 1
            self._stack = _LocalStack(workers, binary, serve)
            client, callables_key = Client(env=self._stack.env), self._stack.key
        self.client = client or Client()
        self._callables_key, self._caller = callables_key, None
        self._workers, self._slots, self._linger = workers or 100, slots, linger
        self._window = 16 * self._workers * slots  # sent and not settled; what waits behind it can still be cancelled
        self._lock = threading.Condition()
        self._shut = False  # guarded by _lock, like those below
        self._open = 0  # futures that are not done
        self._flying = 0  # those of them that are sent
        self._pending: dict[_Pending, _Call] = {}
        self._maps: list[_Map] = []  # to be read before the stack ends
        self._threads: list[threading.Thread] = []
        self._queue: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._binary = _find_binary(binary)
        self._last_job = ""

    def submit(self, handler: str | Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:  # type: ignore[override]
        """Enqueues one task. For many small tasks `map` is cheaper: it chunks them.

        The Future raises what the function raised, or the TaskError of a handler; a SendError if the task
        could not be sent. It can be cancelled until it is sent: 16 tasks a worker are, at a time.
        """
        name, value, id = self._handler_name(handler), Outcome.result, uuid.uuid4().hex
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self._lock:
            if self._shut:
                raise RuntimeError("cannot submit after shutdown")
        if name:
            argument = _argument(args, kwargs)
        else:
            name = CALLABLES
            try:
                make, value = self._calls(handler, id)
                argument = make(0, args, kwargs)
            except StarburstError:
                raise
            except Exception as e:  # cannot be pickled: the Future's, as in a process pool
                future.set_running_or_notify_cancel()
                future.set_exception(e)
                return future
        message = Message(name, [pack(argument)], id=id)
        message.check()
        self.client._check_handler(name)
        with self._lock:
            if self._shut:
                raise RuntimeError("cannot submit after shutdown")
            self._open += 1
            if not self._threads:
                for target in (self._send_loop, self._poll_loop):
                    self._threads.append(threading.Thread(target=target, daemon=True, name="starburst-" + target.__name__))
                    self._threads[-1].start()
            self._queue.put(_Call(future, message, value))
        future.add_done_callback(self._closed)
        return future

    def map(  # type: ignore[override]
        self, handler: str | Callable[..., Any], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int | None = None, **job: Any,
    ) -> Iterator[Any]:
        """Makes a job of the arguments and yields the results in order.

        Several iterables make several arguments, as zip does (of a named handler: an array). It
        returns when all tasks are enqueued; chunksize is the number of tasks in a message (default: `chunk_size`).
        Further keywords go to Client.create_job. The iterator raises what the function raised, or the TaskError of a
        handler's first task that failed, and TimeoutError `timeout` seconds from now. A job whose
        results are not read to the end is cancelled when it is one of functions, or the stack is the executor's own; other
        jobs' iterators outlive the executor.
        """
        with self._lock:
            if self._shut:
                raise RuntimeError("cannot map after shutdown")
        if chunksize is not None and chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        deadline = None if timeout is None else time.monotonic() + timeout
        name, value, error = self._handler_name(handler), Outcome.result, None
        if name:
            args = list(iterables[0] if len(iterables) == 1 else zip(*iterables))
        else:
            job["job_id"] = job.get("job_id") or _new_job_id(time.time_ns() // 1_000_000)
            args, value, error = self._call_arguments(handler, job["job_id"], list(zip(*iterables)))
        if not args:
            return _raise_at_once(error)
        # The chunk that concurrent.futures passes by default is 1; here small tasks are the normal case.
        options = {"chunk": chunksize or 0, "max_workers": self._workers, "slots": self._slots} | job
        made = self.client.create_job(name or CALLABLES, args, **options)
        mapped = _Map(made, deadline, value, error)
        self._last_job = made.id
        if name and not self._stack:
            return mapped.results()
        with self._lock:
            self._maps.append(mapped)
        return self._results_or_stop(mapped)

    def _results_or_stop(self, mapped: _Map) -> Iterator[Any]:
        """The results; whoever does not read them to the end cancels the rest."""
        try:
            yield from mapped.results()
        finally:
            mapped.stop()
            with self._lock:
                if mapped in self._maps:
                    self._maps.remove(mapped)

    def report(self, file: str | os.PathLike[str]) -> None:
        """Writes what became of the last map's job, charts, workers, failures and the bill, to a file that ends in .html, .md or .svg.

        The starburst command does it. A stack that the executor has started must not have ended.
        """
        if not self._last_job:
            raise StarburstError("there is nothing to report on: no map has been called; submitted tasks are no job")
        if not self._binary:
            raise StarburstError("to write a report the command `starburst` must be on the PATH, or named by STARBURST_BIN")
        env = dict(os.environ)
        if self._stack:
            env = {k: v for k, v in env.items() if not k.startswith(("AWS_", "STARBURST_"))} | self._stack.env
        done = subprocess.run([self._binary, "report", self._last_job, "-o", os.fspath(file)], env=env, capture_output=True, text=True)
        if done.returncode:
            raise StarburstError(f"the report was not written: {done.stderr.strip()}")

    @property
    def logs(self) -> str | None:
        """The folder where the workers of the executor's own stack log what functions print; it ends with the stack."""
        return self._stack.logs if self._stack else None

    def _handler_name(self, handler: Any) -> str:
        """The name, when it is one or a function made a handler; "" for other functions."""
        if isinstance(handler, str):
            return handler
        if not callable(handler):
            raise TypeError(f"{handler!r} is neither a function nor the name of a handler")
        name = getattr(handler, "starburst_handler", "")
        # One that the workers could not import, such as a notebook's, is sent.
        return "" if self._stack and name not in self._stack.handlers else name

    def _calls(self, function: Any, identity: str) -> Any:
        with self._lock:
            if not self._caller:
                key = _callables_key(self._callables_key)
                if not key:
                    raise StarburstError("functions are sent only with a key (callables_key, STARBURST_CALLABLES_KEY) that the workers have "
                                         "too: who has it can run anything there. Or name a handler")
                self._caller = _Caller(key, self.client)
            caller = self._caller
        if self._initializer:
            function = _Initialized(self._id, function, self._initializer, self._initargs)
        return caller.calls(function, identity)

    def _call_arguments(self, function: Any, identity: str, calls: list[Any]) -> tuple[list[Any], Callable[[Outcome], Any], Exception | None]:
        """The arguments up to the first that cannot be pickled, and the error of that one."""
        args: list[Any] = []
        try:
            make, value = self._calls(function, identity)
            for index, call in enumerate(calls):
                args.append(make(index, call, {}))
        except StarburstError:
            raise
        except Exception as e:  # it comes in its place, as in a process pool
            return args, value if args else Outcome.result, e
        return args, value, None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more tasks and, with wait, returns when every Future is done and the results of maps are read. What is
        sent runs in any case; cancel_futures cancels what is not. A stack of the executor's own ends when all is done."""
        with self._lock:
            self._shut = True
            if cancel_futures:
                self._cancel_unsent()
                for mapped in self._maps:
                    mapped.stop()
            self._lock.notify_all()
        if wait:
            self._finish()
        elif self._stack or self._maps:
            threading.Thread(target=self._finish, name="starburst-finish").start()

    def _finish(self) -> None:
        with self._lock:
            self._lock.wait_for(lambda: self._open == 0)
            maps, self._maps = self._maps, []
        self._queue.put(None)
        for thread in self._threads:
            thread.join()
        for mapped in maps:
            mapped.read_ahead()
        if self._stack:
            self._stack.close()

    def _cancel_unsent(self) -> None:
        keep = []
        while True:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is not None and not entry.future.cancel():
                keep.append(entry)
        for entry in keep:
            self._queue.put(entry)

    def _closed(self, _: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            self._open -= 1
            self._lock.notify_all()

    def _landed(self, _: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            self._flying -= 1
            self._lock.notify_all()

    def _send_loop(self) -> None:
        """Gathers submitted tasks for `linger` seconds and sends them together, while not too many are unsettled."""
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE, "starburst-send") as pool:
            while True:
                with self._lock:
                    self._lock.wait_for(lambda: self._flying < self._window)
                    room = min(self._window - self._flying, _AT_ONCE * _BATCH_COUNT)
                entry = self._queue.get()
                if entry is None:
                    return
                group, until = [entry], time.monotonic() + self._linger
                while len(group) < room:
                    try:
                        entry = self._queue.get(timeout=max(0.0, until - time.monotonic()))
                    except queue.Empty:
                        break
                    if entry is None:
                        self._queue.put(None)
                        break
                    group.append(entry)
                self._launch(group, pool)

    def _launch(self, group: list[_Call], pool: concurrent.futures.Executor) -> None:
        small: list[tuple[_Call, str]] = []
        for call in group:
            if not call.future.set_running_or_notify_cancel():
                continue
            with self._lock:
                self._flying += 1
            call.future.add_done_callback(self._landed)
            body = self.client._task_body(call.message)
            if body is None:
                pool.submit(self._send_large, call)
            else:
                small.append((call, body))
        for batch in batches(len(body) for _, body in small):
            pool.submit(self._send_call, [small[i] for i in batch])

    def _send_call(self, calls: list[tuple[_Call, str]]) -> None:
        unsent: dict[int, Exception] = {}
        try:
            send_bodies(self.client._sqs, self.client.queue_url, [body for _, body in calls])
        except SendError as e:
            unsent = dict.fromkeys(e.unsent, e)
        except Exception as e:  # it belongs to the futures' owners
            unsent = dict.fromkeys(range(len(calls)), e)
        for k, (call, _) in enumerate(calls):
            if k in unsent:
                call.future.set_exception(unsent[k])
            else:
                self._await(_Pending("~" + call.message.id, 0), call)

    def _send_large(self, call: _Call) -> None:
        """An argument that fits no message needs the bucket, and so a job of its own."""
        try:
            job = self.client.create_job(call.message.handler, call.message.values(), chunk=1, job_id=call.message.id)  # the id that calls are signed for
            self._await(_Pending(job.id, 0), call)
        except Exception as e:  # it belongs to the future's owner
            call.future.set_exception(e)

    def _await(self, pending: _Pending, call: _Call) -> None:
        with self._lock:
            self._pending[pending] = call
            self._lock.notify_all()

    def _poll_loop(self) -> None:
        """Asks for the outcomes of what was sent, 100 at a time in turn, until the executor is shut and nothing is left."""
        pace = _Pace()
        while True:
            with self._lock:
                if not self._pending:
                    self._lock.wait_for(lambda: self._pending or self._shut and self._open == 0)
                    if not self._pending:
                        return
                    pace = _Pace()
                asked = list(self._pending)[:1000]
            try:
                done = {p: o for at in range(0, len(asked), 100) for p, o in self.client._poll(asked[at : at + 100]).items()}
            except Exception as e:  # judged: passing failures are waited out
                if _judge(e) != "again":
                    self._fail(asked, e)
                done = {}
            self._settle(asked, done)
            if done:
                pace.progress()
            time.sleep(pace.next_wait())

    def _settle(self, asked: list[_Pending], done: dict[_Pending, Outcome | Exception]) -> None:
        with self._lock:
            calls = [(self._pending.pop(p), o) for p, o in done.items()]
            for p in asked:  # to the end of the line
                if p in self._pending:
                    self._pending[p] = self._pending.pop(p)
        for call, outcome in calls:
            try:
                if isinstance(outcome, Exception):
                    raise outcome
                value = call.value(outcome)
            except BaseException as e:  # SystemExit too, when that is what the function raised
                call.future.set_exception(e)
            else:
                call.future.set_result(value)

    def _fail(self, asked: list[_Pending], e: Exception) -> None:
        with self._lock:
            calls = [c for c in (self._pending.pop(p, None) for p in asked) if c]
        for call in calls:
            call.future.set_exception(e)


class _Map:
    """One call of map: a job's outcomes, read when they are wanted, or before their stack ends."""

    def __init__(self, job: Job, deadline: float | None, value: Callable[[Outcome], Any], error: Exception | None) -> None:
        self._job, self._value, self._error = job, value, error
        self._follower = _Follower(job, deadline)
        self._outcomes = job._follow(self._follower)
        self._left = job.n
        self._ahead: collections.deque[Outcome] = collections.deque()
        self._stopped = False
        self._lock = threading.Lock()

    def results(self) -> Iterator[Any]:
        while self._left:
            with self._lock:
                outcome = self._ahead.popleft() if self._ahead else next(self._outcomes)
                self._left -= 1
            yield self._value(outcome)
        if self._error:
            raise self._error

    def read_ahead(self) -> None:
        """Waits for all results and keeps them, however long it takes."""
        self._follower.deadline = None
        with self._lock:
            if not self._stopped:
                try:
                    self._ahead.extend(self._outcomes)
                except Exception as e:  # the iterator's to raise
                    self._error = self._error or e
                    self._left = len(self._ahead)

    def stop(self) -> None:
        if self._left > len(self._ahead) and not self._stopped:
            try:
                self._job.cancel()
            except Exception as e:  # the table does not answer: the tasks run in vain, which harms nobody
                print(f"starburst: job {self._job.id} could not be cancelled: {e}", file=sys.stderr)
        self._stopped = True


def _raise_at_once(error: Exception | None) -> Iterator[Any]:
    if error:
        raise error
    yield from ()


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args and kwargs:
        raise TypeError("a task has one argument: give positional arguments or keywords, not both")
    return kwargs or (args[0] if len(args) == 1 else list(args) if args else None)


if __name__ == "__main__":
    import starburst  # not this copy: handlers must find the module that they import

    starburst._main(sys.argv[1:])
