"""The nearest training case in the L2 or the L3 norm, exactly (2006 paper, table 1).

    nearest(x) = argmin_i sum_j |x_j - t_ij|^p,    p = 2 or 3,  the first i of equals,

for pixels from 0 to 255. Roots change no order and are not taken. All is done in integers, so that
ties are ties, and the answer depends neither on the machine nor on how the cases are cut up.

Pixels are taken a group at a time, and the sum of a group fits int32:

p = 2: groups of 1,024. |x - t|^2 = |x|^2 + |t|^2 - 2 x . t, where both are moved by 128 first, so
    that no difference changes, no product is larger than 2^14 and no sum of them than 2^24, up to
    which float32 holds every integer: one product of float32 matrices is exact.
p = 3: groups of 16. 255^3 x 16 is a tenth of what int32 holds; 16 terms are also what XLA unrolls
    into one vectorised loop on a CPU, where longer groups take two to four times as long.

The sum over groups, up to 34 bits for 784 cubes, is kept in two int32 words, the lower of 16 bits.
Shapes: cases `[n_cases, n_pixels]`, words `[n_cases, n_training]`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.types import Array

CASES, AMONG = 250, 1024  # of a block: its words, 2 x 1 MB, stay in a core's cache
_WORD = 16  # bits of the lower word
_MIDDLE = 128
_LARGEST = jnp.iinfo(jnp.int32).max


class Sum(NamedTuple):
    """Whole numbers `2^16 high + low`, both int32; once `carried`, low is less than 2^16."""

    high: Array
    low: Array


class _Best(NamedTuple):
    """The nearest case so far, `[n_cases]` each, and its distance."""

    row: Array
    distance: Sum


def squares(x: Array, t: Array) -> Array:
    """Returns `sum_j (x_j - t_j)^2` over at most 1,024 pixels, exactly.

    Args:
      x: `[n_pixels, n_cases]` uint8.
      t: `[n_pixels, n_training]` uint8.

    Returns:
      `[n_cases, n_training]` int32.
    """
    x, t = (pixels.astype(jnp.float32) - _MIDDLE for pixels in (x, t))
    lengths = [(pixels**2).sum(0).astype(jnp.int32) for pixels in (x, t)]
    with jax.default_matmul_precision("highest"):
        inner = (x.T @ t).astype(jnp.int32)
    return lengths[0][:, None] + lengths[1] - 2 * inner


def cubes(x: Array, t: Array) -> Array:
    """Returns `sum_j |x_j - t_j|^3` over at most 128 pixels, exactly; shapes as in `squares`."""
    x, t = x.astype(jnp.int32), t.astype(jnp.int32)
    apart = jnp.abs(x[:, :, None] - t[:, None, :])
    return (apart * apart * apart).sum(0)


SUMS: dict[int, tuple[Callable[[Array, Array], Array], int]] = {2: (squares, 1024), 3: (cubes, 16)}
"""What sums a group's powers, and the pixels of a group, by the power."""


def nearest(among: Array, cases: Array, power: int) -> Array:
    """Returns which training case is nearest to each case, the first of those equally near.

    Memory beside the arrays themselves: both once more, and a few blocks of some MB.

    Args:
      among: `[n_training, n_pixels]` uint8.
      cases: `[n_cases, n_pixels]` uint8.
      power: 2 or 3, static.

    Returns:
      `[n_cases]` int32.

    Raises:
      InputError: there is no training case, pixels are not uint8 or differ in number, or the power
        is another.

    Example:
      >>> among = jnp.array([[0, 0], [9, 0], [6, 6]], jnp.uint8)
      >>> [nearest(among, jnp.zeros((1, 2), jnp.uint8) + 5, power).tolist() for power in (2, 3)]
      [[2], [2]]
    """
    _check(among, cases, power)
    group = min(SUMS[power][1], cases.shape[1])
    training = _in_groups(among, group)
    n_cases = cases.shape[0]
    size = min(CASES, max(n_cases, 1))
    padded = jnp.pad(cases, ((0, -n_cases % size), (0, 0)))

    def block(x: Array) -> Array:
        return _nearest(training, _in_groups(x, group), SUMS[power][0])

    found: Array = jax.lax.map(block, padded.reshape(-1, size, cases.shape[1]))
    return found.reshape(-1)[:n_cases]


def _check(among: Array, cases: Array, power: int) -> None:
    checks.require(power in SUMS, f"power: expected 2 or 3, got {power}")
    for name, pixels in (("training cases", among), ("cases", cases)):
        checks.require(
            pixels.dtype == jnp.uint8 and pixels.ndim == 2 and pixels.shape[1] > 0,
            f"{name}: expected uint8 [n, n_pixels], got {pixels.dtype} {pixels.shape}; they may be "
            "scaled to [0, 1] or not flattened",
        )
    checks.require(among.shape[0] > 0, "training cases: expected at least one, got none")
    checks.check_width("cases", cases, among.shape[1])


def _in_groups(cases: Array, size: int) -> Array:
    """Returns `[n_groups, size, n_cases]`; zeros fill the last group and add nothing to a sum."""
    by_pixel = jnp.pad(cases.T, ((0, -cases.shape[1] % size), (0, 0)))
    return by_pixel.reshape(-1, size, cases.shape[0])


def _nearest(training: Array, cases: Array, power_sum: Callable[[Array, Array], Array]) -> Array:
    """Goes through the training cases block by block; both `[n_groups, size, n]`."""
    n_training, n_cases = training.shape[-1], cases.shape[-1]
    size = min(AMONG, n_training)

    def look(best: _Best, begin: Array) -> tuple[_Best, None]:
        # The last block begins earlier, so that it is whole: what it has again is no nearer.
        first = jnp.minimum(begin, n_training - size)
        block = jax.lax.dynamic_slice_in_dim(training, first, size, axis=2)
        here = _least(_total(cases, block, power_sum))
        return _nearer(best, here._replace(row=here.row + first)), None

    start = jnp.full(n_cases, _LARGEST)
    none = _Best(jnp.zeros(n_cases, jnp.int32), Sum(start, start))
    best, _ = jax.lax.scan(look, none, jnp.arange(0, n_training, size))
    return best.row


def _total(x: Array, t: Array, power_sum: Callable[[Array, Array], Array]) -> Sum:
    """Sums over groups of pixels, `[n_groups, size, n]` both."""

    def add(total: Sum, groups: tuple[Array, Array]) -> tuple[Sum, None]:
        part = power_sum(*groups)
        return Sum(total.high + (part >> _WORD), total.low + (part & (2**_WORD - 1))), None

    zero = jnp.zeros((x.shape[-1], t.shape[-1]), jnp.int32)
    total, _ = jax.lax.scan(add, Sum(zero, zero), (x, t))
    return carried(total)


def carried(total: Sum) -> Sum:
    """Moves what the lower word has above 16 bits into the higher one: one Sum for one number."""
    return Sum(total.high + (total.low >> _WORD), total.low & (2**_WORD - 1))


def _least(distance: Sum) -> _Best:
    """Returns the first of the nearest of a block, `[n_cases, n]` each."""
    high = distance.high.min(1)
    low = jnp.where(distance.high == high[:, None], distance.low, _LARGEST)
    return _Best(low.argmin(1).astype(jnp.int32), Sum(high, low.min(1)))


def _nearer(best: _Best, here: _Best) -> _Best:
    """Keeps the nearer of two for each case; the first where they are equal."""
    (high, low), (new_high, new_low) = best.distance, here.distance
    nearer = (new_high < high) | ((new_high == high) & (new_low < low))
    kept: _Best = jax.tree.map(lambda old, new: jnp.where(nearer, new, old), best, here)
    return kept
