"""A worker that speaks the protocol of docs/worker-protocol.md with nothing but the standard
library, for the tests: it does what it is asked to, and what it must not do.
"""
import os
import signal
import struct
import sys
import time




def pack(v):
    if v is None: return b'\xc0'
    if v is True: return b'\xc3'
    if v is False: return b'\xc2'
    if isinstance(v, int): return struct.pack('>Bq', 0xd3, v)
    if isinstance(v, float): return struct.pack('>Bd', 0xcb, v)
    if isinstance(v, str): b = v.encode(); return struct.pack('>BI', 0xdb, len(b)) + b
    if isinstance(v, bytes): return struct.pack('>BI', 0xc6, len(v)) + v
    if isinstance(v, list): return struct.pack('>BI', 0xdd, len(v)) + b''.join(map(pack, v))
    if isinstance(v, dict): return struct.pack('>BI', 0xdf, len(v)) + b''.join(pack(k) + pack(x) for k, x in v.items())
    raise TypeError(type(v))


def unpack(b, o=0):
    c = b[o]; o += 1
    def u(f, n): return struct.unpack_from('>' + f, b, o)[0], o + n
    if c < 0x80: return c, o
    if c >= 0xe0: return c - 256, o
    if c < 0x90: n, kind = c & 15, 'm'
    elif c < 0xa0: n, kind = c & 15, 'a'
    elif c < 0xc0: n, kind = c & 31, 's'
    elif c == 0xc0: return None, o
    elif c in (0xc2, 0xc3): return c == 0xc3, o
    elif c in (0xc4, 0xc5, 0xc6): (n, o), kind = u('BHI'[c - 0xc4], 1 << (c - 0xc4)), 'b'
    elif c == 0xca: return u('f', 4)
    elif c == 0xcb: return u('d', 8)
    elif 0xcc <= c <= 0xcf: return u('BHIQ'[c - 0xcc], 1 << (c - 0xcc))
    elif 0xd0 <= c <= 0xd3: return u('bhiq'[c - 0xd0], 1 << (c - 0xd0))
    elif c in (0xd9, 0xda, 0xdb): (n, o), kind = u('BHI'[c - 0xd9], 1 << (c - 0xd9)), 's'
    elif c in (0xdc, 0xdd): (n, o), kind = u('HI'[c - 0xdc], 2 << (c - 0xdc)), 'a'
    elif c in (0xde, 0xdf): (n, o), kind = u('HI'[c - 0xde], 2 << (c - 0xde)), 'm'
    else: raise ValueError(c)
    if kind == 's': return b[o:o + n].decode(), o + n
    if kind == 'b': return b[o:o + n], o + n
    out = []
    for _ in range(n * (2 if kind == 'm' else 1)):
        v, o = unpack(b, o); out.append(v)
    return (dict(zip(out[::2], out[1::2])) if kind == 'm' else out), o


def read(n):
    b = b''
    while len(b) < n:
        c = os.read(3, n - len(b))
        if not c: sys.exit(0)
        b += c
    return b


def say(m):
    b = pack(m); os.write(4, struct.pack('>I', len(b)) + b)


def trouble(what, attempt):
    """Does what a task must not do."""
    if what == "wait to be killed":
        with open(os.environ["VICTIM"], "a") as f:
            f.write(f"{os.getpid()}\n")
        time.sleep(600)
    if what == "hang":
        print("about to hang", file=sys.stderr, flush=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    if what == "eat":
        held = []
        for _ in range(4096):
            held.append(bytearray(b"x" * (1 << 20)))
    if what == "print garbage":
        os.write(1, b"\x00\x00\x00\x05\xff\xff" * 1000)
        os.write(2, b"\x00\xff garbage\n")
    if what == "write garbage":
        os.write(4, b"Traceback (most recent call last)")
        time.sleep(600)
    return [what, attempt]


def run(arg, attempt):
    if isinstance(arg, str):
        return trouble(arg, attempt)
    return [arg * arg, attempt]


say({"t": "hello", "v": 1, "handlers": ["square"], "lang": "python " + sys.version.split()[0]})
while True:
    frame, _ = unpack(read(struct.unpack(">I", read(4))[0]))
    if frame["t"] == "bye":
        sys.exit(0)
    if frame["t"] != "task":
        continue
    for k, (index, arg) in enumerate(frame["tasks"]):
        say({"t": "done", "id": frame["id"] + k, "result": pack(run(unpack(arg)[0], frame["attempt"]))})
