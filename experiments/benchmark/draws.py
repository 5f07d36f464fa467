"""Rows of random draws: a layer's binary states by several generators, and the bias of each.

The library draws with 24 bits (`numerics.uniform`), by threefry or by the generator that a key
names. The candidates with 16 bits live here alone.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import numerics
from dbnjax.types import Array, Key
from experiments.benchmark.jobs import Job, Setting
from experiments.benchmark.parts import Sampled

BLOCK = 2**20  # uniforms that are looked at together


class Candidate(NamedTuple):
    """A way to draw binary states.

    Attributes:
      name: in its rows.
      generator: JAX's name of what its keys belong to.
      draw: `draw(key, probability)`, both layouts `[n_cases, n_units]`.
    """

    name: str
    generator: str
    draw: Callable[[Key, Array], Array]


def draws(setting: Setting) -> list[Job]:
    """Every candidate at every width of the net's hidden layers."""
    widths = dict.fromkeys(setting.sizes.layers)
    return [layer(setting, candidate, width) for width in widths for candidate in CANDIDATES]


def layer(setting: Setting, candidate: Candidate, width: int) -> Job:
    """Makes the row of what a layer does with its fields: sigmoid, uniforms, comparison."""
    size, n = setting.sizes.batch_size, setting.n_steps
    fields = jax.random.normal(jax.random.key(7), (size, width))
    key = jax.random.key(8, impl=candidate.generator)
    return Job(
        f"states of {size}x{width} by {candidate.name}",
        "layer",
        n,
        lambda: draw_often(candidate.draw, key, fields, n),
        {Sampled(size, width): 1},
    )


@functools.partial(jax.jit, static_argnums=(0, 3))
def draw_often(draw: Callable[[Key, Array], Array], key: Key, fields: Array, n: int) -> Array:
    """Turns fields into states n times and returns the last ones.

    One state goes back into its field each time, so that XLA moves nothing out of the loop.
    """

    def once(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], None]:
        states = draw(jax.random.fold_in(key, i), jax.nn.sigmoid(carry[0]))
        return (carry[0].at[0, 0].set(states[0, 0]), states), None

    return jax.lax.scan(once, (fields, jnp.zeros_like(fields)), jnp.arange(n))[0][1]


def middle(bits: Array) -> Array:
    """Turns 16 bits into the middle of their cell in [0, 1]: probabilities are rounded by it."""
    return (bits.astype(jnp.float32) + 0.5) * 2.0**-16


def halves(key: Key, probability: Array) -> Array:
    """Draws by threefry, two units from each word: the left half of a row from the high bits."""
    n_cases, n_units = probability.shape
    shape = n_cases, -(-n_units // 2)
    row, column = (jax.lax.broadcasted_iota(jnp.uint32, shape, axis) for axis in (0, 1))
    word = numerics.threefry(jax.random.key_data(key), row, column)[0]
    bits = jnp.concatenate([word >> 16, word & 0xFFFF], axis=1)[:, :n_units]
    return (middle(bits) < probability).astype(probability.dtype)


def short(key: Key, probability: Array) -> Array:
    """Draws with the 16 bits that the key's generator gives when it is asked for so many."""
    bits = jax.random.bits(key, probability.shape, jnp.uint16)
    return (middle(bits) < probability).astype(probability.dtype)


CANDIDATES = (
    Candidate("threefry, a word a unit", "threefry2x32", numerics.bernoulli),
    Candidate("threefry, two 16-bit draws a word", "threefry2x32", halves),
    Candidate("rbg", "rbg", numerics.bernoulli),
    Candidate("unsafe_rbg", "unsafe_rbg", numerics.bernoulli),
    Candidate("rbg, 16-bit draws", "rbg", short),
)


def note() -> str:
    """Says how large the bias of each width is at most."""
    grids = {
        "24 bits": np.arange(2**24, dtype=np.float32) * np.float32(2**-24),
        "16 bits": np.asarray(middle(jnp.arange(2**16, dtype=jnp.uint16))),
    }
    told = [f"2^{np.log2(largest_bias(grid)):.2f} with {name}" for name, grid in grids.items()]
    return (
        "A state is 1 with the probability that is asked for but for a bias of at most "
        f"{' and '.join(told)}, over all float32 probabilities; draws have 24 bits where nothing "
        "is said."
    )


def largest_bias(uniforms: np.ndarray) -> float:
    """Returns how far the probability of a 1 may be from the one that is asked for, exactly.

    A state is 1 where its uniform lies below the probability p. While p rises from one uniform to
    the next the share of uniforms below it stays, so that the bias is largest at a uniform or at
    the float32 number after it.

    Args:
      uniforms: `[n]` float32 in [0, 1), rising; each is as likely as any other.
    """
    n, worst = len(uniforms), 0.0
    for start in range(0, n, BLOCK):
        p = uniforms[start : start + BLOCK]
        n_below = np.arange(start, start + len(p), dtype=np.float64)
        at = n_below / n - p
        after = (n_below + 1) / n - np.nextafter(p, np.float32(1))
        worst = max(worst, np.abs(at).max(), np.abs(after).max())
    return float(worst)
