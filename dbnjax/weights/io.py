"""Nets as safetensors files: arrays under their paths, the architecture in the header.

No code is stored and none is run: the header's JSON is compared with the tensors' names, types
and shapes, and with a digest of the contents, before a net is made. safetensors itself has no
check sum, so that without the digest a flipped bit would only be another weight. Layout of the
file: https://github.com/huggingface/safetensors; the header's entries are `format` (a version),
`architecture` (see `dbnjax.weights.architecture`), `metadata` (the caller's) and `digest`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from dbnjax import checks, files
from dbnjax.weights import architecture
from dbnjax.weights.architecture import describe, signature
from dbnjax.weights.classes import Model

FORMAT = "dbnjax 1"
DTYPES = {"float32": "F32", "float16": "F16"}  # NumPy's names and safetensors'
MOST_SHOWN = 3

__all__ = ["describe", "load", "save"]


def save(
    path: str | Path,
    model: Model,
    metadata: Mapping[str, Any] | None = None,
    dtype: str = "float32",
) -> None:
    """Writes a net, whole or not at all.

    Args:
      path: the file, `.safetensors` by custom; its folder is made if it is missing.
      model: an `RBM`, `Stack`, `DBN` or `Feedforward` of the library's own unit types.
      metadata: anything JSON-able that belongs to the net, NumPy and JAX numbers included; a
        number that is not finite becomes null.
      dtype: "float32", an exact copy of parameters of up to 32 bits, or "float16" for half the size
        and rounded weights. `load` gives float32 arrays either way.

    Raises:
      InputError: the model or the metadata cannot be saved, a weight is not finite, a machine
        cannot be normalised, or the file cannot be written.

    Example:
      >>> from dbnjax import rbm, units
      >>> sizes = units.Bernoulli.zeros(6), units.Bernoulli.zeros(4)
      >>> machine = rbm.init(jax.random.key(0), *sizes)
      >>> save("net.safetensors", machine, {"epochs": 3})  # doctest: +SKIP
    """
    checks.require(
        metadata is None or isinstance(metadata, Mapping),
        f"metadata: expected a dict of what belongs to the net, got {checks.in_words(metadata)}",
    )
    checks.require(dtype in DTYPES, f"dtype: expected {' or '.join(DTYPES)}, got {dtype!r}")
    stored = jax.tree.map(lambda leaf: np.asarray(leaf).astype(dtype, order="C"), model)
    tensors = architecture.arrays(stored)
    header = {
        "format": FORMAT,
        "architecture": json.dumps(describe(stored)),
        "metadata": _to_json(metadata or {}),
    }
    _check(path, stored)
    header["digest"] = _digest(header, tensors)
    files.write_bytes(path, to_bytes(tensors, header))


def load(
    path: str | Path, expect: Mapping[str, str | int] | None = None
) -> tuple[Model, dict[str, Any]]:
    """Reads a net.

    Args:
      path: a file that `save` wrote.
      expect: the architecture that the net must have, as `describe` gives it for a net in
        memory, or None for any.

    Returns:
      The net with float32 arrays, whatever type was stored, and the metadata.

    Raises:
      InputError: the file is missing, damaged or no net of this library; the architecture in its
        header does not fit its tensors or is not the expected one; a weight is not finite; a
        machine cannot be normalised.
    """
    header, tensors = _read(path)
    try:
        written, metadata = files.loads(header["architecture"]), files.loads(header["metadata"])
        stored = architecture.build(dict(written), tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise checks.InputError(_damaged(path, f"a header without one ({error})")) from error
    checks.require(
        isinstance(metadata, dict),
        _damaged(path, f"metadata that are no JSON object but {metadata!r:.40}"),
    )
    found = describe(stored) | {name: signature(tensor) for name, tensor in tensors.items()}
    _check_same(path, "tensors as in its header", found, written)
    _check(path, stored)
    checks.require(
        header.get("digest") == _digest(header, tensors),
        _damaged(path, "contents that differ from what was written"),
    )
    model = _as_float32(stored)
    if expect is not None:
        _check_same(path, "the architecture asked for", describe(model), expect)
    return model, metadata


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    try:
        with files.expand(path).open("rb"):  # says better than safetensors why it cannot be read
            pass
        with safe_open(files.expand(path), framework="numpy") as file:
            header = file.metadata() or {}
            checks.require(
                header.get("format") == FORMAT,
                f"{path}: expected a net of the format {FORMAT!r}, got {header.get('format')!r}; "
                "it was written by another program or version",
            )
            types = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
            checks.require(
                types <= set(DTYPES.values()),
                f"{path}: expected arrays of {' or '.join(DTYPES)}, got {', '.join(types)}; "
                "convert the net and save it again",
            )
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise checks.InputError(
            f"{path}: expected a safetensors file, got {reason}; the path is wrong or the file is "
            "damaged or cut short"
        ) from error


def _check(path: str | Path, stored: Model) -> None:
    """Checks that every weight is a number, and whatever the parts of a net say of themselves."""
    try:
        for name, array in architecture.arrays(stored).items():
            checks.check_finite(name, array)
        architecture.check(_as_float32(stored))
    except checks.InputError as error:
        raise checks.InputError(f"{path}: {error}") from error


def _as_float32(stored: Model) -> Model:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), stored)


def _check_same(
    path: str | Path, what: str, found: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Raises `InputError` with the first entries in which two descriptions differ."""
    differing = [
        f"{name} is {found.get(name, 'missing')}, expected {wanted.get(name, 'nothing')}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]
    more = f" and {len(differing) - MOST_SHOWN} more" if len(differing) > MOST_SHOWN else ""
    checks.require(
        not differing,
        f"{path}: expected {what}, but {'; '.join(differing[:MOST_SHOWN])}{more}; the net is of "
        "another architecture or the file is damaged",
    )


def _damaged(path: str | Path, problem: str) -> str:
    return f"{path}: expected an architecture and its tensors, got {problem}; it is damaged"


def _to_json(metadata: Mapping[str, Any]) -> str:
    try:
        return files.dumps(metadata)
    except checks.InputError as error:
        raise checks.InputError(f"metadata: {error}") from error


def _digest(header: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(f"{header['architecture']}\n{header['metadata']}".encode())
    for name in sorted(tensors):
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()
