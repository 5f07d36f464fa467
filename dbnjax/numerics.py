"""Stable scalar functions, and the one place where Bernoulli states are drawn.

Random bits can cost more than the matrix product beside them. `jax.random.bits` runs its rounds in
a loop over whole arrays on a CPU; written out, the same threefry is one elementwise function of
the position in the array, which XLA fuses with the comparison that it serves: 3.7 times as fast
there, and free to follow any sharding. A key of another kind, `jax.random.key(seed, impl="rbg")`,
asks for its own bits: XLA's generator of random bits, which an accelerator may have in hardware.

What is rare. A uniform of 24 bits is 0 once in 2^24 draws, and would give every event, however
rare, a rate of at least 6e-8: enough to lift a mean of importance weights, the inverse of such
rates, above what it estimates. There, and only there, further bits decide.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.types import Array, Key

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_WORD = 2**32


def threefry(key_words: Array, high: Array, low: Array) -> tuple[Array, Array]:
    """Enciphers counters by threefry 2x32 with 20 rounds (Salmon et al. 2011).

    Args:
      key_words: `[2]` uint32.
      high: `[...]` uint32, the first words of the counters.
      low: `[...]` uint32, the second words.

    Returns:
      Both words of the cipher, `[...]` uint32.
    """
    return _rounds(key_words, high, low)[:2]


def _rounds(key_words: Array, high: Array, low: Array) -> tuple[Array, Array, Array]:
    """Returns both words of the cipher, and the second one as it was before its last rotation.

    Given the first word the last two are functions of each other, so that either may stand for the
    second; the third is there sooner.
    """
    schedule = (key_words[0], key_words[1], key_words[0] ^ key_words[1] ^ np.uint32(_PARITY))
    x, y = high + schedule[0], low + schedule[1]
    before = y
    for block in range(5):
        for rotation in _ROTATIONS[block % 2]:
            x, before = x + y, y
            y = ((y << rotation) | (y >> (32 - rotation))) ^ x
        x = x + schedule[(block + 1) % 3]
        y = y + schedule[(block + 2) % 3] + np.uint32(block + 1)
    return x, y, before


def _position(shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Returns the place of each element: the row over all leading axes, and the column."""
    if not shape:
        return jnp.uint32(0), jnp.uint32(0)
    row = jnp.zeros(shape, jnp.uint32)
    for axis in range(len(shape) - 1):
        row = row * np.uint32(shape[axis] % _WORD)  # the first axis multiplies zeros
        row = row + jax.lax.broadcasted_iota(jnp.uint32, shape, axis)
    return row, jax.lax.broadcasted_iota(jnp.uint32, shape, len(shape) - 1)


def _mixed(x: Array) -> Array:
    """Spreads every bit of a word over the whole word (MurmurHash3's finaliser, Appleby)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> shift)) * np.uint32(factor)
    return x ^ (x >> 16)


def check_key(key: Key) -> None:
    """Raises `InputError` for a batch of keys where one is meant."""
    shape = jax.random.key_data(key).shape[:-1]
    checks.require(
        shape == (),
        f"draws: expected one key, got keys of shape {shape}; draw under jax.vmap, which gives "
        "each key draws of its own",
    )


def _words(key: Key, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Returns a word of random bits for each element, and a second for the few that need it.

    XLA's generator makes one word at a time, and a second array would double its cost: the second
    word is hashed from the key and the place.

    Raises:
      InputError: there is more than one key, or places would repeat.
    """
    check_key(key)
    key_words = jax.random.key_data(key)
    checks.require(
        max(math.prod(shape[:-1]), *shape[-1:], 0) <= _WORD,
        f"draws: expected at most 2^32 rows and 2^32 columns, got shape {shape}; beyond it they "
        "would repeat, so draw parts with keys of their own",
    )
    row, column = _position(shape)
    if jax.random.key_impl(key) == "threefry2x32":
        first, _, second = _rounds(key_words, row, column)
        return first, second
    first = jax.random.bits(key, shape, jnp.uint32)
    return first, _mixed(_mixed(row ^ key_words[0]) ^ column ^ key_words[1])


def _unit_interval(bits: Array) -> Array:
    """Returns the leading 24 bits of a word as a float32 in [0, 1)."""
    return (bits >> 8).astype(jnp.float32) * 2.0**-24


def uniform(key: Key, shape: tuple[int, ...]) -> Array:
    """Draws uniforms on a grid of 2^-24 in [0, 1), by the generator that the key belongs to.

    With threefry, JAX's default, a draw depends on the key and on its own position alone: not on
    how the array is sharded, nor on what is drawn beside it under `vmap`. XLA's generator ("rbg",
    "unsafe_rbg") promises neither.

    The grid contains 0, so that `uniform(...) < p` is never rarer than 2^-24: see `bernoulli`.

    Args:
      key: a PRNG key.
      shape: of at most 2^32 rows (over all leading axes) and 2^32 columns.

    Returns:
      A float32 array of that shape.

    Raises:
      InputError: there is more than one key, or draws would repeat.
    """
    return _unit_interval(_words(key, shape)[0])


def bernoulli(key: Key, probability: Array) -> Array:
    """Draws binary states, 1 with the given probability: with 0 never, and with 1 always.

    A rate is right to 2^-24, and below 2^-24 to 2^-49: there 24 further bits decide. What is rarer
    than 2^-49 (2e-15) is never drawn.

    Args:
      key: a PRNG key.
      probability: `[..., n]` in [0, 1].

    Returns:
      `[..., n]` zeros and ones in the type of `probability`; NaN where it is NaN.

    Raises:
      InputError: as `uniform`.
    """
    probability = jax.lax.stop_gradient(jnp.asarray(probability))
    first, second = _words(key, probability.shape)
    rare = first < 2**8  # the first 24 bits are 0: the draw lies in the middle of a cell of 2^-48
    place = (jnp.where(rare, second, first) >> 8).astype(jnp.float32)
    u = jnp.where(rare, (place + 0.5) * 2.0**-48, place * 2.0**-24)
    wide = np.promote_types(u.dtype, probability.dtype)
    on = u.astype(wide) < probability.astype(wide)
    one = jnp.ones((), probability.dtype)
    return jnp.where(on, one, 0 * probability)  # 0 * NaN is NaN


def at_least_32_bits(function: Callable[..., Array]) -> Callable[..., Array]:
    """Makes a function whose last argument is an array work in float32 where that is narrower."""

    @functools.wraps(function)
    def widened(*args: Any) -> Array:
        *others, x = args
        wide = np.promote_types(x.dtype, np.float32)
        return function(*others, x.astype(wide)).astype(x.dtype)

    return widened


def inside_cell(key: Key, shape: tuple[int, ...]) -> Array:
    """Draws uniforms in (0, 1) that say where in a cell of a coarser draw of this key to be."""
    return _unit_interval(_words(jax.random.fold_in(key, 1), shape)[0]) + 2.0**-25


def categorical(key: Key, logits: Array) -> Array:
    """Draws a category, as `jax.random.categorical` does but where it matters for rare ones.

    The draw is the largest of the logits, each with a Gumbel variable -log(-log u) added. On a
    grid of 2^-23 these end at 15.9, so that a category rarer than 1e-8 is hardly ever drawn. Where
    u lies in the last cell of the grid its place in the cell is drawn as well.

    Args:
      key: a PRNG key.
      logits: `[..., n_categories]` unnormalised log probabilities.

    Returns:
      `[...]` integers.

    Raises:
      InputError: as `uniform`.
    """
    check_key(key)
    logits = logits.astype(np.promote_types(logits.dtype, np.float32))
    info = jnp.finfo(logits.dtype)
    step = float(info.eps)
    u = jax.random.uniform(key, logits.shape, logits.dtype, info.tiny)
    # One place for all categories of a draw: two are hardly ever in the last cell together.
    place = inside_cell(key, logits.shape[:-1])[..., None].astype(logits.dtype)
    gumbel = -jnp.log(-jnp.log(u))
    gumbel = jnp.where(u >= 1.0 - step, -jnp.log(-jnp.log1p(-step * place)), gumbel)
    return jnp.argmax(gumbel + logits, axis=-1)


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Returns the rounded sum of two numbers and what rounding lost, exactly (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@jax.custom_jvp
def softplus(x: Array) -> Array:
    """Returns log(1 + exp(x)) without overflow, 2.5 times as fast on a CPU as `jax.nn.softplus`."""
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@softplus.defjvp
def _softplus_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # The formula's own derivatives jump at 0, where weights that start at zero put every unit.
    (x,), (change,) = primals, tangents
    return softplus(x), jax.nn.sigmoid(x) * change
