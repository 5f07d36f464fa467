"""Errors for people: one line with what was expected, what came and the likely cause.

Checks run on the host, in public constructors and readers, never inside a traced function
and never in a `__post_init__` (unflattening a pytree passes placeholders).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

LONGEST = 2000  # characters of a message
ENERGY_TYPES = ("float32", "float64")
"""Types in which energies of hundreds of nats can be compared to a fraction of one."""
LEARNING_TYPES = ("bfloat16", "float16", *ENERGY_TYPES)


class InputError(ValueError):
    """Something that the caller gave cannot be used; the message is one whole line.

    Experiments print the message and exit; they show no traceback for it. Names and values that it
    quotes may hold line breaks or be whole files: they become blanks, and a long line is cut.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(message: str) -> str:
    """Returns a message without line breaks, cut where nobody reads on."""
    line = " ".join(message.splitlines())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."


def require(condition: bool, message: str) -> None:
    """Raises `InputError(message)` unless the condition holds."""
    if not condition:
        raise InputError(message)


def check_width(name: str, array: Any, width: int) -> None:
    """Checks that the last axis of an array has the expected number of units."""
    shape = np.shape(array)
    got = shape[-1] if shape else "a scalar"
    require(
        bool(shape) and shape[-1] == width,
        f"{name}: expected {width} units in the last axis, got {got} (shape {shape}); "
        "the array was probably made for another architecture",
    )


def check_type(name: str, dtype: Any, supported: Sequence[str] = ENERGY_TYPES) -> None:
    """Checks that parameters have a type that something can work in, by default with energies."""
    found = np.dtype(dtype).name
    require(
        found in supported,
        f"{name}: expected parameters of type {', '.join(supported)}, got {found}; give them "
        "another one by dbnjax.types.cast",
    )


def is_concrete(tree: Any) -> bool:
    """Returns whether a pytree holds values: inside `jit` or `vmap` they cannot be looked at."""
    import jax  # here alone, so that options can be checked without waiting for JAX

    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def check_draw(name: str, how: Any) -> None:
    """Checks that a choice between sampling and averaging is one."""
    require(how in ("sample", "mean"), f"{name}: expected 'sample' or 'mean', got {how!r}")


def check_count(name: str, number: Any, least: int) -> None:
    """Checks that a static count is a whole number and not too small."""
    require(
        isinstance(number, int) and number >= least,
        f"{name}: expected {least} or more, a whole number, got {number}",
    )


def check_seed(seed: int) -> None:
    """Checks that a seed is one that a PRNG key can hold whole."""
    require(0 <= seed < 2**32, f"seed: expected 0 to 4294967295 (2^32 - 1), got {seed}")


def check_at_least(name: str, number: float, least: float) -> None:
    """Checks that a static number is not too small, and not NaN."""
    require(number >= least, f"{name}: expected {least} or more, got {number}")


def check_finite(name: str, array: Any) -> None:
    """Checks that an array holds no NaN and no infinity."""
    values = np.asarray(array)
    bad = values.size - int(np.isfinite(values).sum())
    require(
        bad == 0,
        f"{name}: expected finite values, got {bad} NaN or infinite of {values.size}; "
        "the data are damaged or a run diverged",
    )


def check_unit_interval(name: str, array: Any) -> None:
    """Checks that an array is not empty, finite and within [0, 1]."""
    values = np.asarray(array)
    require(values.size > 0, f"{name}: expected values in [0, 1], got an empty array")
    check_finite(name, values)
    low, high = float(values.min()), float(values.max())
    require(
        low >= 0.0 and high <= 1.0,
        f"{name}: expected values in [0, 1], got values from {_digits(low)} to {_digits(high)}; "
        "scale the pixels first (0..255 needs a division by 255)",
    )


def _digits(value: float) -> str:
    """Writes a number in few digits, or in all where few would hide that it is beyond 0 or 1."""
    short = f"{value:g}"
    return short if (float(short) < 0, float(short) > 1) == (value < 0, value > 1) else repr(value)


def check_labels(name: str, labels: Any, n_classes: int) -> None:
    """Checks that integer labels lie in 0 .. n_classes - 1."""
    values = np.asarray(labels)
    require(
        values.size > 0 and np.issubdtype(values.dtype, np.integer),
        f"{name}: expected integer labels, got {values.size} values of type {values.dtype}",
    )
    low, high = int(values.min()), int(values.max())
    require(
        low >= 0 and high < n_classes,
        f"{name}: expected labels from 0 to {n_classes - 1}, got {low} to {high}; "
        "the labels may start at 1 or belong to another data set",
    )


def check_batch_size(batch_size: int, n_cases: int) -> None:
    """Checks that a minibatch is positive and not larger than the data."""
    require(
        0 < batch_size <= n_cases,
        f"batch size: expected 1 to {n_cases} (the number of cases), got {batch_size}; "
        "use a smaller batch or more data",
    )
