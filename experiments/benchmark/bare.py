"""Products and draws alone, each in a compiled loop that does one thing many times.

A product is made as the library makes it, operands stored alike. An element of each result goes
back into an operand and the whole result into the loop's state, so that XLA can drop no product
and move none out of the loop. Draws have their probabilities at hand and a new key every time.
"""

import contextlib
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from dbnjax import numerics
from dbnjax.types import Array, Key
from experiments.benchmark.parts import Part, Sampled


def runner(part: Part, n_times: int) -> Callable[[], Array]:
    """Returns a call that does a part a number of times, and returns the last result."""
    key_left, key_right, key_run = jax.random.split(jax.random.key(0), 3)
    if isinstance(part, Sampled):
        probability = jax.random.uniform(key_left, part)
        return lambda: draw(key_run, probability, n_times)
    left = jax.random.uniform(key_left, part.left)
    right = 0.01 * jax.random.normal(key_right, part.right)

    def call() -> Array:
        with jax.default_matmul_precision("highest") if part.full else contextlib.nullcontext():
            return multiply(part.multiply, left, right, n_times)

    return call


@functools.partial(jax.jit, static_argnums=(0, 3))
def multiply(product: Callable[[Array, Array], Array], left: Array, right: Array, n: int) -> Array:
    """Makes a product n times and returns the last result."""

    def once(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        result = product(carry[0], right)
        return (carry[0].at[0, 0].set(result[0, 0]), result), None

    shape = jax.eval_shape(product, left, right)
    start = (left, jnp.zeros(shape.shape, shape.dtype))
    return jax.lax.scan(once, start, length=n)[0][1]


@functools.partial(jax.jit, static_argnums=2)
def draw(key: Key, probability: Array, n: int) -> Array:
    """Draws states n times and returns the last ones."""

    def once(_: Array, i: Array) -> tuple[Array, None]:
        return numerics.bernoulli(jax.random.fold_in(key, i), probability), None

    return jax.lax.scan(once, jnp.zeros_like(probability), jnp.arange(n))[0]
