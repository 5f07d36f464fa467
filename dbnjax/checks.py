"""Checks of what callers give; who gives something else reads one line (`dbnjax.errors`).

Checks run on the host, in public constructors and readers, never inside a traced function
and never in a `__post_init__` (unflattening a pytree passes placeholders). Where a public function
may be traced, shapes and types are checked always, values only where there are any
(`is_concrete`).

Two forms of labels. Class numbers, integers `[n]`, belong to data: files, `loop.put`, counts of
errors (`check_labels`). Models know one-of-K states, `[..., n_labels]` (`check_label_states`).
`jax.nn.one_hot(labels, n)` leads from the first to the second, `labels.argmax(-1)` back.

Lists. States, moments and other arrays of a model are NumPy or JAX arrays, as in JAX; a list is
refused (`check_width`). What the host reads to decide by, class numbers, temperatures, masks and
sizes, may be lists.

JAX is imported inside the functions that look at its arrays, so that a command's `--help` and the
checks of its options need not wait for it.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dbnjax.errors import InputError as InputError
from dbnjax.errors import in_words, is_whole, require
from dbnjax.errors import one_line as one_line

ENERGY_TYPES = ("float32", "float64")
"""Types in which energies of hundreds of nats can be compared to a fraction of one."""
LEARNING_TYPES = ("bfloat16", "float16", *ENERGY_TYPES)
_SUM_ROUNDING = 0.01  # of probabilities that sum to one, in bfloat16


def check_array(name: str, array: Any) -> None:
    """Checks that something is an array of real numbers or booleans, traced or not."""
    dtype = getattr(array, "dtype", None)
    real = dtype is not None and _is_a(dtype, np.bool_, np.integer, np.floating)
    require(
        real and hasattr(array, "shape"),
        f"{name}: expected an array of real numbers, got {in_words(array)}; lists become arrays "
        "by jnp.asarray",
    )


def check_width(name: str, array: Any, width: int) -> None:
    """Checks that something is an array whose last axis has the expected number of units."""
    check_array(name, array)
    shape = array.shape
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
    """Returns whether a pytree holds values: inside `jit` or `vmap` they cannot be looked at.

    Nor can they where another process holds a part of them.
    """
    import jax

    return all(map(_has_values, jax.tree.leaves(tree)))


def _has_values(leaf: Any) -> bool:
    import jax

    if isinstance(leaf, jax.core.Tracer):
        return False
    return not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated


def as_numbers(name: str, values: Any) -> np.ndarray:
    """Returns numbers as NumPy knows them, from an array, a list or a scalar.

    Raises:
      InputError: they are none, or rows of different lengths.
    """
    try:
        array = np.asarray(values)
        if _is_a(array.dtype, np.floating):
            # Types that NumPy lacks, such as bfloat16, are few bits wide.
            array = array if array.dtype.kind == "f" else array.astype(np.float32)
        numeric = array.dtype.kind in "biuf"
    except (TypeError, ValueError):
        numeric = False
    require(numeric, f"{name}: expected numbers, got {in_words(values)}")
    return array


def _is_a(dtype: Any, *kinds: Any) -> bool:
    """Returns whether a type is of some kind; JAX knows those that NumPy lacks (bfloat16)."""
    import jax

    return any(jax.dtypes.issubdtype(dtype, kind) for kind in kinds)


def check_draw(name: str, how: Any) -> None:
    """Checks that a choice between sampling and averaging is one."""
    require(how in ("sample", "mean"), f"{name}: expected 'sample' or 'mean', got {how!r}")


def check_count(name: str, number: Any, least: int) -> None:
    """Checks that a static count is a whole number and not too small."""
    require(
        is_whole(number) and number >= least,
        f"{name}: expected {least} or more, a whole number, got {in_words(number)}",
    )


def check_counts(name: str, numbers: Any, least: int) -> None:
    """Checks that something is a row of static counts, such as the sizes of layers."""
    require(
        isinstance(numbers, list | tuple | range | np.ndarray) and np.ndim(numbers) == 1,
        f"{name}: expected a row of whole numbers, got {in_words(numbers)}",
    )
    for number in numbers:
        check_count(name, number, least)


def check_seed(seed: Any) -> None:
    """Checks that a seed is one that a PRNG key can hold whole."""
    require(
        is_whole(seed) and 0 <= seed < 2**32,
        f"seed: expected 0 to 4294967295 (2^32 - 1), got {in_words(seed)}",
    )


def check_within(
    name: str, values: Any, least: float, most: float = math.inf, without: float | None = None
) -> None:
    """Checks that a number, or each of an array that is not traced, lies in a range, and is no NaN.

    Args:
      name: of the number.
      values: a number, or an array of some where members of an ensemble differ.
      least: the range's lower end.
      most: its upper end.
      without: an end that does not belong to the range.
    """
    if not is_concrete(values):
        return
    numbers = as_numbers(name, values)
    wrong = numbers[~((numbers >= least) & (numbers <= most) & (numbers != without))]
    wanted = f"{least:g} or more" if most == math.inf else f"{least:g} to {most:g}"
    beside = "" if without is None else f" without {without:g} itself"
    require(
        wrong.size == 0 and numbers.dtype != bool and numbers.size > 0,
        f"{name}: expected {wanted}{beside}, got {wrong[0] if wrong.size else in_words(values)}",
    )


def check_finite(name: str, array: Any) -> None:
    """Checks that an array holds no NaN and no infinity."""
    values = as_numbers(name, array)
    bad = values.size - int(np.isfinite(values).sum())
    require(
        bad == 0,
        f"{name}: expected finite values, got {bad} NaN or infinite of {values.size}; "
        "the data are damaged or a run diverged",
    )


def check_unit_interval(name: str, array: Any, rounding: float = 0.0) -> None:
    """Checks that an array is not empty, finite and within [0, 1], up to a rounding."""
    values = as_numbers(name, array)
    require(values.size > 0, f"{name}: expected values in [0, 1], got an empty array")
    check_finite(name, values)
    low, high = float(values.min()), float(values.max())
    require(
        low >= -rounding and high <= 1.0 + rounding,
        f"{name}: expected values in [0, 1], got values from {_digits(low)} to {_digits(high)}; "
        "scale the pixels first (0..255 needs a division by 255)",
    )


def _digits(value: float) -> str:
    """Writes a number in few digits, or in all where few would hide that it is beyond 0 or 1."""
    short = f"{value:g}"
    return short if (float(short) < 0, float(short) > 1) == (value < 0, value > 1) else repr(value)


def check_labels(name: str, labels: Any, n_classes: int) -> None:
    """Checks class numbers: integers `[n]`, at least one, from 0 to n_classes - 1."""
    check_count("number of classes", n_classes, 1)
    values = as_numbers(name, labels)
    shape = values.shape
    if len(shape) == 2 and shape[1] == 1:
        way = "; a column becomes them by labels[:, 0]"
    elif len(shape) >= 2:
        way = "; one-of-K states become them by labels.argmax(-1)"
    else:
        way = ""
    require(
        len(shape) == 1, f"{name}: expected class numbers, integers [n], got shape {shape}{way}"
    )
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


def check_label_states(
    name: str, labels: Any, n_labels: int | None, *, means: bool = False, missing: bool = False
) -> None:
    """Checks one-of-K states: width `[..., n_labels]` and, where there are values, one 1 of each.

    Args:
      name: of the labels.
      labels: traced or not.
      n_labels: categories of the group; None where only the labels tell.
      means: take probabilities too, which sum to one.
      missing: take a group of zeros too, a label that is not known.
    """
    n = "n" if n_labels is None else n_labels
    way = f"class numbers become states by jax.nn.one_hot(labels, {n})"
    what = "states or probabilities" if means else "states"
    wanted = f"{name}: expected one-of-K {what} [..., {n}]"
    check_array(name, labels)
    require(
        bool(labels.shape) and n_labels in (None, labels.shape[-1]),
        f"{wanted}, got shape {labels.shape}; {way}",
    )
    if not is_concrete(labels):
        return
    values = as_numbers(name, labels)
    check_finite(name, values)
    inside = ((values >= 0) & (values <= 1)) if means else ((values == 0) | (values == 1))
    good = inside.all(-1) & (np.abs(values.sum(-1) - 1.0) <= _SUM_ROUNDING)
    if missing:
        good |= (values == 0).all(-1)
    wrong = values[~good].reshape(-1, values.shape[-1])[:1].tolist()
    require(
        not wrong,
        f"{wanted}, whose sum is 1, got {', '.join(map(str, wrong))}; {way}"
        + ("" if missing else "; zeros alone are a missing label, for which there is no place"),
    )


def check_one_each(name: str, lead: Sequence[int], cases: Sequence[int]) -> None:
    """Checks by shapes that there is one of something for each case, or one for several.

    Args:
      name: of the something.
      lead: its leading axes.
      cases: the leading axes of the cases.
    """
    try:
        fits = np.broadcast_shapes(tuple(lead), tuple(cases)) == tuple(cases)
    except ValueError:
        fits = False
    require(
        fits,
        f"{name}: expected one for each case, {list(cases)}, got {list(lead)}; they belong to "
        "other cases, or an axis is missing or too many",
    )


def check_batch_size(batch_size: Any, n_cases: int) -> None:
    """Checks that a minibatch is positive and not larger than the data."""
    require(
        is_whole(batch_size) and 0 < batch_size <= n_cases,
        f"batch size: expected 1 to {n_cases} (the number of cases), got {in_words(batch_size)}; "
        "use a smaller batch or more data",
    )
