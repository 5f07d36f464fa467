"""Sums over all states of a layer, in chunks, so that 2^25 states need the memory of 2^12.

A chunk's states are made on the device from their numbers. Terms are kept relative to the largest
log weight so far, and what the chunks add is carried with its rounding errors: thousands of
float32 additions of like numbers would otherwise lose three digits.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from dbnjax import checks, numerics
from dbnjax.types import Array, Key, PyTree

MAX_STATES = 2**25
MAX_STATES_AT_ONCE = 2**20
CHUNK = 2**12

LogWeight = Callable[[Array], Array]
"""From states `[s, n]` to the logarithms of their weights, `[s]`."""

Weigh = Callable[[Array, Array], PyTree]
"""From weights `[s]` and states `[s, n]` to weighted sums over the states."""


def count_in_words(n_states: int | None) -> str:
    """Returns a number of states as a power of two, or "infinitely many"."""
    return "infinitely many" if n_states is None else f"2^{math.log2(n_states):.4g}"


def fits(unit: Any, most: int = MAX_STATES) -> bool:
    """Returns whether a layer has finitely many states, and no more than some number."""
    return unit.n_states is not None and unit.n_states <= most


def states(unit: Any) -> Array:
    """Returns all states of a layer, `[n_states, n]`, the last unit counting fastest.

    Raises:
      InputError: there are more than MAX_STATES_AT_ONCE.
    """
    checks.require(
        fits(unit, MAX_STATES_AT_ONCE),
        f"enumeration: expected at most {count_in_words(MAX_STATES_AT_ONCE)} states in one table, "
        f"got {count_in_words(unit.n_states)} ({unit.size} units); sample instead",
    )
    return unit.state(jnp.arange(unit.n_states))


class Fold(NamedTuple):
    """What a pass over all states finds.

    Attributes:
      log_total: scalar, the logarithm of the sum of all weights.
      mean: the weighted sums divided by the total weight.
      log_chunks: `[n_chunks]` the logarithm of each chunk's total weight.
    """

    log_total: Array
    mean: PyTree
    log_chunks: Array


def fold(unit: Any, log_weight: LogWeight, weigh: Weigh = lambda *_: ()) -> Fold:
    """Adds up weights, and what is asked about the states, over all states of a layer.

    Differentiable in bounded memory too: a chunk is worked out again on the way back.

    Args:
      unit: a layer with finitely many states.
      log_weight: of each state.
      weigh: weighted sums, linear in the weights; nothing unless given.
    """

    def terms(weights: Array, x: Array) -> PyTree:
        return weights.sum(), weigh(weights, x)

    def first_terms() -> PyTree:
        x, log_weights = _chunk(unit, log_weight, jnp.zeros((), int))
        return terms(log_weights, x)

    def step(carry: tuple[Array, Array, Array], number: Array) -> tuple[PyTree, Array]:
        top, total, lost = carry
        x, log_weights = _chunk(unit, log_weight, number)
        new_top = jax.lax.stop_gradient(jnp.maximum(top, log_weights.max()))
        weights, shrink = jnp.exp(log_weights - new_top), jnp.exp(top - new_top)
        added, _ = ravel_pytree(terms(weights, x))
        total, error = numerics.two_sum(shrink * total, added)
        log_chunk = jax.nn.logsumexp(jax.lax.stop_gradient(log_weights))
        return (new_top, total, shrink * lost + error), log_chunk

    shapes = jax.eval_shape(first_terms)
    nothing, unravel = ravel_pytree(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes))
    n_chunks = -(-unit.n_states // CHUNK)
    start = (jnp.full((), -jnp.inf, nothing.dtype), nothing, nothing)
    (top, total, lost), log_chunks = jax.lax.scan(
        jax.checkpoint(step, prevent_cse=False), start, jnp.arange(n_chunks)
    )
    weight, sums = unravel(total + lost)
    return Fold(top + jnp.log(weight), jax.tree.map(lambda x: x / weight, sums), log_chunks)


def draw(key: Key, unit: Any, log_weight: LogWeight, n_draws: int) -> Array:
    """Draws states in proportion to their weights, `[n_draws, n]`: a chunk, then a state in it."""
    log_chunks = fold(unit, log_weight).log_chunks

    def draw_one(key_draw: Key) -> Array:
        key_chunk, key_state = jax.random.split(key_draw)
        # The default takes no notice of what is rarer than 1e-7.
        number = jax.random.categorical(key_chunk, log_chunks, mode="high")
        x, log_weights = _chunk(unit, log_weight, number)
        return x[jax.random.categorical(key_state, log_weights, mode="high")]

    return jax.lax.map(draw_one, jax.random.split(key, n_draws))


def _chunk(unit: Any, log_weight: LogWeight, number: Array) -> tuple[Array, Array]:
    """Returns the states of a chunk and their log weights; what is past the end has none."""
    size = min(CHUNK, unit.n_states)
    index = number * size + jnp.arange(size)
    x = unit.state(index)
    return x, jnp.where(index < unit.n_states, log_weight(x), -jnp.inf)
