"""The normal distribution conditioned to be positive, without cancellation far in its tail."""

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr, ndtr, ndtri

from dbnjax import numerics
from dbnjax.types import Array, Key

_LOG_SQRT_2PI = 0.9189385332046727
_TAIL = 2.5  # beyond it the continued fraction is exact in float32 at this depth
_TAIL_DEPTH = 24


def _tail_fraction(x: Array) -> tuple[Array, Array]:
    """Evaluates Laplace's continued fraction for the normal tail at `x >= _TAIL`.

    With g = 2/(x + 3/(x + 4/(x + ...))) and h = 1/(x + g), Mills' ratio is 1/(x + h) and the
    mean excess of the tail over x is h.

    Returns:
      g and h.
    """
    g = jnp.zeros_like(x)
    for numerator in range(_TAIL_DEPTH, 1, -1):
        g = numerator / (x + g)
    return g, 1.0 / (x + g)


@numerics.at_least_32_bits
def log_mills(x: Array) -> Array:
    """Returns log of Mills' ratio, `log Phi(-x) - log phi(x)`, without cancellation."""
    # A where, not a minimum, whose slope at the joint would be halved.
    small = jnp.where(x < _TAIL, x, _TAIL)
    direct = log_ndtr(-small) + 0.5 * small**2 + _LOG_SQRT_2PI
    large = jnp.where(x < _TAIL, _TAIL, x)
    return jnp.where(x < _TAIL, direct, -jnp.log(large + _tail_fraction(large)[1]))


@numerics.at_least_32_bits
def mean(a: Array) -> Array:
    """Returns the mean of a normal with mean a and variance 1 conditioned to be positive.

    It is `a + phi(a) / Phi(a)`; on the far negative side, where the two cancel, it is the
    continued fraction.
    """
    near = jnp.where(a > -_TAIL, a, -_TAIL)
    far = jnp.where(a > -_TAIL, _TAIL, -a)
    return jnp.where(a > -_TAIL, near + jnp.exp(-log_mills(-near)), _tail_fraction(far)[1])


@numerics.at_least_32_bits
def mean_square(a: Array) -> Array:
    """Returns the mean square of the same conditioned normal, `1 + a mean`."""
    near = jnp.where(a > -_TAIL, a, -_TAIL)
    g, h = _tail_fraction(jnp.where(a > -_TAIL, _TAIL, -a))
    return jnp.where(a > -_TAIL, 1.0 + near * mean(near), g * h)


@numerics.at_least_32_bits
def draw_above(key: Key, lower: Array) -> Array:
    """Draws `z - lower` where z is a standard normal conditioned on `z > lower`.

    The excess over the bound is drawn, not z itself, so that nothing cancels when the bound is
    far in the tail. Up to a bound of 3 the survival function is inverted directly; beyond it
    `z^2/2 = lower^2/2 - log u + log(mills(z) / mills(lower))` is iterated, a contraction there.

    Args:
      key: a PRNG key.
      lower: `[...]` bounds.

    Returns:
      `[...]` non-negative draws.
    """
    numerics.check_key(key)
    u = jax.random.uniform(key, lower.shape, lower.dtype, jnp.finfo(lower.dtype).tiny)
    # The lowest cell of its grid is one point, deep in a tail where nothing belongs or at infinity.
    step = float(jnp.finfo(lower.dtype).eps)
    u = jnp.where(u < step, step * numerics.inside_cell(key, lower.shape).astype(lower.dtype), u)
    near = jnp.minimum(lower, 3.0)
    excess_near = -ndtri(u * ndtr(-near)) - near
    far = jnp.maximum(lower, 3.0)
    excess = jnp.zeros_like(far)
    for _ in range(6):
        t = -jnp.log(u) + log_mills(far + excess) - log_mills(far)
        excess = 2.0 * t / (jnp.sqrt(far**2 + 2.0 * t) + far)
    return jnp.maximum(jnp.where(lower < 3.0, excess_near, excess), 0.0)
