"""Saved nets as another program, a careless editor or an enemy might write them.

`safetensors_bytes` writes the file itself, with lengths and digest that fit what it is given, so
that the checks behind them are reached.
"""

import copy
import functools
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import feedforward_nets
import machines
import mutations
import numpy as np
import result_records
from mutations import Rng

from dbnjax import units
from dbnjax.models import dbn
from dbnjax.weights import io

SIDE = 4
SIZES = (SIDE * SIDE, 5, 4)
PRETRAINING: dict[str, Any] = {
    "command": "python -m experiments.stacks",
    "commit": "def5678",
    "config": {"dataset": "mnist", "split_seed": 0, "n_validation": 0, "n_test": 0, "folds": 1},
    "number": 0,
    "seconds": 3.5,
    "epochs": 2,
}


@functools.cache
def models() -> dict[str, Any]:
    real = machines.binary(0, SIDE * SIDE, 4)
    return {
        "dbn": dbn.untie(machines.stack(0, SIZES, 3)),
        "classifier": feedforward_nets.net(sizes=SIZES, n_classes=3),
        "stack": machines.stack(0, SIZES),
        "rbm": machines.labelled(0, SIDE * SIDE, 3, 4),
        "real": real.replace(visible=units.Gaussian.zeros(SIDE * SIDE)),
    }


def _summary(record: dict[str, Any], **config: Any) -> dict[str, Any]:
    epochs = [{"stage": "up_down_1", "epoch": 1, "training_error": 3.0, "validation_error": 4.0}]
    config = record["config"] | {"dataset": "mnist", "side": 0, "layers": [5, 4]} | config
    return record | {"config": config, "epochs": [*record["epochs"][:2], *epochs]}


METADATA: dict[str, dict[str, Any]] = {
    "dbn": {"stage": "up-down", "summary": _summary(result_records.finished())},
    "classifier": {"net": 1, "summary": result_records.classifiers()},
    "stack": {"pretraining": PRETRAINING},
}
METADATA["dbn"]["summary"]["errors"].pop("all cases")
METADATA["dbn"]["summary"]["wrong"].pop("all cases")


def file(folder: Path, kind: str) -> str:
    """A sound net; written once for all inputs."""
    path = folder / "sound.safetensors"
    path.write_bytes(_sound(kind, path))
    return str(path)


_KEPT: dict[str, bytes] = {}


def _sound(kind: str, path: Path) -> bytes:
    if kind not in _KEPT:
        about = {"image_shape": [SIDE, SIDE]} | METADATA.get(kind, {})
        io.save(path, models()[kind], about)
        _KEPT[kind] = path.read_bytes()
    return _KEPT[kind]


class Parts(NamedTuple):
    """A safetensors file taken apart: tensors are (type, shape, bytes) by name."""

    architecture: dict[str, Any]
    metadata: str
    tensors: dict[str, tuple[str, list[int], bytes]]


def parts(data: bytes) -> Parts:
    (n,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + n]), data[8 + n :]
    about = header.pop("__metadata__")
    tensors = {
        name: (one["dtype"], one["shape"], body[slice(*one["data_offsets"])])
        for name, one in header.items()
    }
    return Parts(json.loads(about["architecture"]), about["metadata"], tensors)


def header_of(net: Parts) -> dict[str, Any]:
    text = json.dumps(net.architecture)
    digest = hashlib.sha256(f"{text}\n{net.metadata}".encode(errors="surrogatepass"))
    header: dict[str, Any] = {}
    start = 0
    for name, (kind, shape, data) in sorted(net.tensors.items()):
        digest.update(data)
        offsets = [start, start := start + len(data)]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
    about = {"format": io.FORMAT, "architecture": text, "metadata": net.metadata}
    return header | {"__metadata__": about | {"digest": digest.hexdigest()}}


def safetensors_bytes(header: bytes, net: Parts) -> bytes:
    body = b"".join(data for _, (_, _, data) in sorted(net.tensors.items()))
    return struct.pack("<Q", len(header)) + header + body


def whole(net: Parts) -> bytes:
    return safetensors_bytes(json.dumps(header_of(net)).encode(), net)


def of_bytes(rng: Rng, data: bytes) -> tuple[bytes, str]:
    return mutations.damaged_bytes(rng, data)


def of_header(rng: Rng, data: bytes) -> tuple[bytes, str]:
    net = parts(data)
    header, what = mutations.damaged_json(rng, header_of(net))
    return safetensors_bytes(header, net), what


def of_architecture(rng: Rng, data: bytes) -> tuple[bytes, str]:
    net = parts(data)
    known = [*io.architecture.CLASSES, -1, 0, 1, 2, 7, 10**6, 10**30, True, "float32[5]", None]
    changed, done = dict(net.architecture), []
    for name in rng.choice(list(changed), rng.integers(1, 4), replace=False):
        changed[name] = known[rng.integers(len(known))]
        done.append(f"{name} = {changed[name]}")
    if rng.random() < 0.2:
        strange, what = mutations.strange_json(rng, net.architecture)
        return whole(net._replace(architecture=strange)), what
    return whole(net._replace(architecture=changed)), "; ".join(done)


SHAPES = ([], [0], [1], [4], [5], [16], [3, 5], [0, 4], [5, 0], [16, 5], [2, 16, 5], [2**40], [-1])
NUMBERS = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8", "BOOL": "?", "U8": "u1"}
VALUES = (0.0, -0.0, 1.0, 1e30, -3e38, 1e-45, np.nan, np.inf, -np.inf, 65504.0, 89.0)


def of_arrays(rng: Rng, data: bytes) -> tuple[bytes, str]:
    net = parts(data)
    tensors, described, done = dict(net.tensors), dict(net.architecture), []
    for name in rng.choice(list(tensors), rng.integers(1, 4), replace=False):
        kind, shape, _ = tensors[name]
        kind = str(rng.choice(list(NUMBERS))) if rng.random() < 0.3 else kind
        shape = SHAPES[rng.integers(len(SHAPES))] if rng.random() < 0.5 else shape
        value = float(rng.choice(VALUES))
        size = min(int(np.prod(shape)), 10_000)
        with np.errstate(all="ignore"):
            filled = np.full(max(size, 0), value).astype(NUMBERS[kind]).tobytes()
        claimed = str(rng.choice(["BF16", "C64", "F8_E4M3", "X"])) if rng.random() < 0.1 else kind
        tensors[name] = (claimed, shape, filled)
        described[name] = f"{'float16' if kind == 'F16' else 'float32'}{shape}"
        done.append(f"{name} = {claimed}{shape} of {value}")
    return whole(net._replace(architecture=described, tensors=tensors)), "; ".join(done)


def numbers(*shape: int, value: float = 0.5) -> tuple[str, list[int], bytes]:
    return "F32", list(shape), np.full(shape, value, np.float32).tobytes()


def nested(depth: int) -> Parts:
    """A machine whose visible units are one block in a block in a block."""
    names = ["model.visible" + ".parts.0" * i for i in range(depth)]
    described: dict[str, Any] = {"model": "RBM", "model.weights": "float32[2, 3]"}
    described |= dict.fromkeys(names, "Concat") | {f"{name}.parts": 1 for name in names}
    unit = f"{names[-1]}.parts.0"
    described |= {unit: "Bernoulli", f"{unit}.bias": "float32[2]", "model.hidden": "Bernoulli"}
    described["model.hidden.bias"] = "float32[3]"
    arrays = {f"{unit}.bias": numbers(2), "model.hidden.bias": numbers(3)}
    return Parts(described, "{}", arrays | {"model.weights": numbers(2, 3)})


def layers(n: int) -> Parts:
    """A stack of many machines of one unit, all of them there."""
    described: dict[str, Any] = {"model": "Stack", "model.rbms": n}
    tensors = {}
    for name in (f"model.rbms.{i}" for i in range(n)):
        arrays = {f"{name}.{one}.bias": numbers(1) for one in ("visible", "hidden")}
        arrays[f"{name}.weights"] = numbers(1, 1)
        units_of = {f"{name}.{one}": "Bernoulli" for one in ("visible", "hidden")}
        tensors |= arrays
        described |= {name: "RBM"} | units_of | {one: f"float32{s[1]}" for one, s in arrays.items()}
    return Parts(described, "{}", tensors)


def empty(*sizes: int) -> Parts:
    """A machine without visible or without hidden units."""
    shapes = {"visible.bias": sizes[:1], "hidden.bias": sizes[1:], "weights": sizes}
    tensors = {f"model.{name}": numbers(*shape) for name, shape in shapes.items()}
    described: dict[str, Any] = {"model": "RBM", "model.visible": "Bernoulli"}
    described |= {"model.hidden": "Bernoulli"}
    described |= {name: f"float32{shape}" for name, (_, shape, _) in tensors.items()}
    return Parts(described, "{}", tensors)


BUILT: dict[str, Callable[[], bytes]] = {
    "10 blocks deep": lambda: whole(nested(10)),
    "400 blocks deep": lambda: whole(nested(400)),
    "100 layers": lambda: whole(layers(100)),
    "no visible units": lambda: whole(empty(0, 3)),
    "no hidden units": lambda: whole(empty(3, 0)),
    "no units": lambda: whole(empty(0, 0)),
    "a million layers claimed": lambda: whole(
        Parts({"model": "Stack", "model.rbms": 10**6}, "", {})
    ),
    "deep metadata": lambda: whole(empty(16, 3)._replace(metadata="[" * mutations.DEEP)),
    "metadata that are a list": lambda: whole(empty(16, 3)._replace(metadata="[1]")),
    "metadata that are null": lambda: whole(empty(16, 3)._replace(metadata="null")),
    "metadata of NaN": lambda: whole(empty(16, 3)._replace(metadata='{"a": NaN, "b": 1e400}')),
    "metadata beyond UTF-8": lambda: whole(empty(16, 3)._replace(metadata='{"a": "\ud800"}')),
    "a header that is a list": lambda: safetensors_bytes(b"[1, 2]", empty(0, 0)),
    "a header of 2^60 bytes": lambda: struct.pack("<Q", 2**60) + b"{}",
    "a deep header": lambda: safetensors_bytes(b"[" * mutations.DEEP, empty(0, 0)),
    "a name twice": lambda: safetensors_bytes(
        json.dumps(header_of(empty(3, 3))).replace("hidden.bias", "visible.bias").encode(),
        empty(3, 3),
    ),
    "a name beyond ASCII": lambda: whole(
        empty(3, 3)._replace(tensors=empty(3, 3).tensors | {"model.é\u2028\n": numbers(2)})
    ),
}


@functools.cache
def built(name: str) -> bytes:
    return BUILT[name]()


def write(rng: Rng, folder: Path) -> tuple[str, str]:
    """Writes a net that is damaged or strange; returns its path and what was done."""
    path = folder / "net.safetensors"
    if rng.random() < 0.1:
        name = str(rng.choice(list(BUILT)))
        path.write_bytes(built(name))
        return str(path), name
    kind = str(rng.choice(list(models())))
    ways = (of_bytes, of_header, of_header, of_architecture, of_arrays, of_arrays)
    way = ways[rng.integers(len(ways))]
    data, what = way(rng, _sound(kind, path))
    path.write_bytes(data)
    return str(path), f"{kind}, {way.__name__}: {what}"


def write_metadata(rng: Rng, folder: Path, kind: str) -> tuple[str, str]:
    """Writes a sound net with metadata of another program."""
    path = folder / "net.safetensors"
    net = parts(_sound(kind, path))
    sound = copy.deepcopy({"image_shape": [SIDE, SIDE]} | METADATA[kind])
    text, what = mutations.damaged_json(rng, sound)
    path.write_bytes(whole(net._replace(metadata=text.decode(errors="replace"))))
    return str(path), what
