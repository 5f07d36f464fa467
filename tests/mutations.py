"""What damage and strange programs do to bytes, JSON values and words, drawn from a generator.

Every function takes a NumPy generator first and returns what it made; `damaged_bytes` and the
others of its kind also say in a word what they did. All draws come from the generator: the same
seed makes the same input.
"""

import copy
import gzip
import json
import struct
import zlib

import numpy as np

Rng = np.random.Generator

DEEP = 100_000  # brackets: more than any parser's stack
EXTREMES = (0, 1, 2, 255, 256, 2**15, 2**31 - 1, 2**31, 2**32 - 1)
PIECES = (
    *(b"", b"\0", b"\xff" * 8, b"\n", b"\r\n", b" ", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b"),
    *(b"null", b"NaN", b"-Infinity", b"1e400", b'"', b"{", b"]", b",", b"'", b"\xe9", b"\\u0000"),
    *(b"\x89PNG\r\n\x1a\n", b"\x93NUMPY", b"PK\x03\x04", b"\0\0\x08\x03", b"\x80\x04", b"%s"),
)
STRANGE = (
    *(None, True, False, -1, 0, 1, 10**30, -(10**400), 2**63, 0.5, -0.0, 1e308, 1e-320),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "NaN", "é", "\u2028", "\n", "\0"),
    *("a" * 3000, "\ud800", "../x", "%s{0}", [], [[]], [None], [1, "a"], {}, {"": {}}),
    *({"config": None}, {"summary": []}, [0] * 1000, ["a"] * 3, [[1, 2], [3]], [float("nan")]),
)
WORDS = (
    *("", " ", "0", "-0", "1", "-1", "2", "1e400", "nan", "inf", "-inf", "1e-400", "0x10", "1_000"),
    *(
        "9" * 30,
        "9" * 5000,
        "-" + "9" * 25,
        "4294967296",
        "1.5",
        "true",
        "None",
        "é",
        "٣",
        "\u2028",
    ),
    *("\n", "a\nb", "a\rb", "a" * 3000, ",", ",,", "1,,2", "1,a", "nan,nan", "1, 2", "[1,2]", "~"),
    *("data:0", "data:9", "data:-1", "ensemble:2,data:4", "data:", ":", "a:b:c", "=", "--", "-"),
    *("paper", "mean", "cd", "tfds:", "tfds:none", "/", ".", "..", "\udc80", "%s", "{0}", "'"),
)


def damaged_bytes(rng: Rng, data: bytes) -> tuple[bytes, str]:
    """Changes bytes blindly in one of many ways."""
    ways = (_flip, _cut, _cut, _insert, _repeat, _swap, _overwrite, _overwrite, _zip, _replace)
    way = ways[rng.integers(len(ways))]
    return way(rng, data), way.__name__.strip("_")


def _place(rng: Rng, data: bytes) -> int:
    """A place in the bytes; half of them lie in the header."""
    return int(rng.integers(1 + (min(len(data), 64) if rng.random() < 0.5 else len(data))))


def _flip(rng: Rng, data: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.integers(1, 9)):
        changed[min(_place(rng, data), len(changed) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(rng: Rng, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def _insert(rng: Rng, data: bytes) -> bytes:
    at, piece = _place(rng, data), PIECES[rng.integers(len(PIECES))]
    return data[:at] + piece + data[at:]


def _repeat(rng: Rng, data: bytes) -> bytes:
    first, last = sorted((_place(rng, data), _place(rng, data)))
    return data[:last] + data[first:last] * int(rng.integers(1, 4)) + data[last:]


def _swap(rng: Rng, data: bytes) -> bytes:
    first, second = sorted((_place(rng, data), _place(rng, data)))
    return data[second:] + data[first:second] + data[:first]


def _overwrite(rng: Rng, data: bytes) -> bytes:
    """Writes an extreme number over four or eight bytes."""
    at, value = _place(rng, data), int(rng.choice(EXTREMES))
    number = struct.pack(str(rng.choice([">I", "<I", ">Q", "<Q"])), value)
    return data[:at] + number + data[at + len(number) :]


def _zip(rng: Rng, data: bytes) -> bytes:
    for _ in range(rng.integers(1, 4)):
        data = gzip.compress(data, 1, mtime=0)
    return data if rng.random() < 0.5 else _flip(rng, data)


def _replace(rng: Rng, data: bytes) -> bytes:
    """Another kind of file altogether."""
    others = (b"", b"\0" * len(data), rng.bytes(len(data) % 999), b"[" * DEEP, *PIECES)
    return others[rng.integers(len(others))]


def strange_json(rng: Rng, value: object) -> tuple[object, str]:
    """Changes up to three values of a JSON document for others, or takes them out or renames."""
    changed, done = copy.deepcopy(value), []
    for _ in range(rng.integers(1, 4)):
        places = list(_places(changed))
        if not places:
            break
        holder, key, name = places[rng.integers(len(places))]
        way = rng.integers(6)
        if way == 0:
            del holder[key]
            done.append(f"{name} taken out")
        elif way == 1 and isinstance(holder, dict):
            holder[str(STRANGE[rng.integers(len(STRANGE))])] = holder.pop(key)
            done.append(f"{name} renamed")
        else:
            holder[key] = copy.deepcopy(STRANGE[rng.integers(len(STRANGE))])
            done.append(f"{name} = {holder[key]!r:.40}")
    return changed, "; ".join(done) or "nothing"


def _places(value: object, name: str = ""):
    """Yields the holder, the key and the name of everything in a JSON document."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in list(keys):
        yield value, key, f"{name}.{key}"
        yield from _places(value[key], f"{name}.{key}")


def damaged_json(rng: Rng, value: object) -> tuple[bytes, str]:
    """Writes a JSON document with strange values, or damages its text."""
    way = rng.integers(8)
    if way == 0:
        return damaged_bytes(rng, json.dumps(value).encode())
    if way == 1:
        top = STRANGE[rng.integers(len(STRANGE))]
        return json.dumps(top).encode(), f"{top!r:.40}"
    value, what = strange_json(rng, value)
    text = json.dumps(value)
    if way == 2:
        deep = rng.choice(["[", '{"a":'])
        return (text.replace("null", deep * DEEP, 1) + deep * DEEP).encode(), f"deep; {what}"
    if way == 3:  # every key twice, the second with another value
        return text.replace("{", '{"seed": [], "config": 1, ', 3).encode(), f"twice; {what}"
    if way == 4:
        coding = str(rng.choice(["utf-8-sig", "utf-16", "utf-32"]))
        return text.encode(coding), f"{coding}; {what}"
    return text.encode(), what


def strange_word(rng: Rng) -> str:
    """A value of a flag that nobody meant; one in four is two of them in a list."""
    word = WORDS[rng.integers(len(WORDS))]
    return f"{word},{WORDS[rng.integers(len(WORDS))]}" if rng.random() < 0.25 else word


def zipped(rng: Rng, data: bytes) -> bytes:
    """The same under none, one or two layers of gzip, as often sound as not."""
    for _ in range(rng.integers(3)):
        data = gzip.compress(data, 1, mtime=0)
    return data


def damaged_png(rng: Rng, data: bytes) -> tuple[bytes, str]:
    """Damages a PNG, three in four times with check sums that fit what it then holds."""
    if rng.random() < 0.25:
        return damaged_bytes(rng, data)
    chunks, done = _chunks(data), []
    for _ in range(rng.integers(1, 3)):
        at = int(rng.integers(len(chunks))) if chunks else 0
        way = rng.integers(6)
        if not chunks:
            break
        kind, body = chunks[at]
        if way == 0:
            del chunks[at]
        elif way == 1:
            chunks.insert(int(rng.integers(len(chunks) + 1)), chunks[at])
        elif way == 2:
            names = (
                b"tRNS",
                b"PLTE",
                b"acTL",
                b"fdAT",
                b"zTXt",
                b"iCCP",
                b"eXIf",
                b"gAMA",
                b"zzzz",
            )
            chunks.insert(1, (names[rng.integers(len(names))], rng.bytes(int(rng.integers(20)))))
        elif way == 3 and kind == b"IHDR":
            width, height = (int(rng.choice([*EXTREMES, 4, 30_000])) for _ in "wh")
            chunks[at] = kind, struct.pack(">II", width, height) + body[8:]
        elif way == 4 and kind == b"IDAT":
            chunks[at] = kind, zlib.compress(b"\0" * int(rng.choice([0, 3, 10**6])))
        else:
            chunks[at] = kind, damaged_bytes(rng, body)[0]
        done.append(f"{kind.decode()} {way}")
    packed = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return data[:8] + b"".join(packed), ", ".join(done)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(data):
        (n,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + n]))
        at += 12 + n
    return found


TYPES = (
    "|u1",
    "<f4",
    "<f2",
    "<f8",
    "<f16",
    "|b1",
    "<i8",
    "<c8",
    "|O",
    "|S5",
    "<U3",
    "<M8[s]",
    "|V0",
)
SHAPES = ("()", "(0,)", "(4, 4)", "(0, 4, 4)", "(12, 0, 4)", "(12, 4, 4)", "(192,)", "(-1, 4, 4)")
SHAPES += (
    f"({2**40},)",
    f"({2**62}, 4, 4)",
    f"({2**16}, {2**16}, 1)",
    "(12, 4, 4, 1)",
    "(True, 4)",
)
HEADERS = ("", "{}", "None", "[1]", "{" * 500, "'a'", "__import__('os')", "{'descr': 1}", "\0")


def damaged_npy(rng: Rng, data: bytes) -> tuple[bytes, str]:
    """Damages an NPY file, half of the times with a sound header that says something else."""
    if rng.random() < 0.4:
        return damaged_bytes(rng, data)
    kind, shape = str(rng.choice(TYPES)), str(rng.choice(SHAPES))
    order = str(rng.choice(["False", "True", "0", "'C'"], p=[0.7, 0.1, 0.1, 0.1]))
    header = f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}}}"
    if rng.random() < 0.15:
        header = HEADERS[rng.integers(len(HEADERS))]
    if rng.random() < 0.1:
        header = f"{{'descr': [('a', {kind!r})], 'fortran_order': False, 'shape': {shape}}}"
    written = (header + " " * (-len(header) % 64)).encode() + b"\n"
    version, length = (1, "<H") if rng.random() < 0.8 else (int(rng.integers(5)), "<I")
    body = data[-192:] if rng.random() < 0.5 else rng.bytes(int(rng.integers(4000)))
    start = b"\x93NUMPY" + bytes([version, 0]) + struct.pack(length, len(written))
    return start + written + body, header[:120]
