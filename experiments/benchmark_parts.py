"""The bare work inside a learning step: matrix products and random draws, counted and timed alone.

Each part runs as a compiled loop that does one thing many times, without the host in between. A
product is made as the library makes it, operands stored alike. An element of each result goes
back into an operand and the whole result into the loop's state, so that XLA can drop no product
and move none out of the loop. Draws have their probabilities at hand and a new key every time.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from dbnjax import numerics
from dbnjax.types import Array, Key

Shape: TypeAlias = tuple[int, int]


class Product(NamedTuple):
    """One matrix product.

    Attributes:
      multiply: makes it from two stored operands.
      left: shape of the first as it is stored.
      right: shape of the second.
    """

    multiply: Callable[[Array, Array], Array]
    left: Shape
    right: Shape


class Sampled(NamedTuple):
    """Bernoulli states drawn at once, `[n_cases, n_units]`."""

    n_cases: int
    n_units: int


Part: TypeAlias = Product | Sampled
Parts: TypeAlias = Counter[Part]


def _forward(x: Array, weights: Array) -> Array:
    return x @ weights


def _backward(y: Array, weights: Array) -> Array:
    return y @ weights.T


def _outer(x: Array, y: Array) -> Array:
    return x.T @ y


def forward(n_cases: int, n_from: int, n_to: int) -> Product:
    """States times weights `[n_from, n_to]`."""
    return Product(_forward, (n_cases, n_from), (n_from, n_to))


def backward(n_cases: int, n_visible: int, n_hidden: int) -> Product:
    """Hidden states times the transpose of weights `[n_visible, n_hidden]`."""
    return Product(_backward, (n_cases, n_hidden), (n_visible, n_hidden))


def outer(n_cases: int, n_from: int, n_to: int) -> Product:
    """Statistics of weights `[n_from, n_to]`: a layer's states, transposed, times another's."""
    return Product(_outer, (n_cases, n_from), (n_cases, n_to))


def contrastive_divergence(n_cases: int, n_visible: int, n_hidden: int) -> Parts:
    """CD-1 of a layer: five products, one draw of hidden states; reconstructions are means."""
    return Counter(
        {
            forward(n_cases, n_visible, n_hidden): 2,
            backward(n_cases, n_visible, n_hidden): 1,
            outer(n_cases, n_visible, n_hidden): 2,
            Sampled(n_cases, n_hidden): 1,
        }
    )


def up_pass(n_cases: int, widths: tuple[int, ...]) -> Parts:
    """Binary pixels drawn from intensities, and a sampled pass up through the layers.

    Args:
      n_cases: cases in a minibatch.
      widths: of the layers from the visible to the penultimate one.
    """
    parts: Parts = Counter(Sampled(n_cases, width) for width in widths)
    parts.update(forward(n_cases, *pair) for pair in itertools.pairwise(widths))
    return parts


def joint_layer(n_cases: int, widths: tuple[int, ...], n_labels: int, n_top: int) -> Parts:
    """CD-1 of the memory on sampled states of the layer below; so are its reconstructions."""
    learned = contrastive_divergence(n_cases, widths[-1] + n_labels, n_top)
    reconstructed = Counter([Sampled(n_cases, widths[-1]), Sampled(n_cases, n_labels)])
    return up_pass(n_cases, widths) + learned + reconstructed


def up_down(
    n_cases: int, widths: tuple[int, ...], n_labels: int, n_top: int, n_steps: int
) -> Parts:
    """One up-down step: passes up and down, predictions of both, and the memory's chain."""
    parts = up_pass(n_cases, widths)
    for lower, upper in itertools.pairwise(widths):
        parts[forward(n_cases, lower, upper)] += 1  # what recognition predicts of a dream
        parts[forward(n_cases, upper, lower)] += 2  # the down-pass, and the generative prediction
        parts.update((outer(n_cases, lower, upper), outer(n_cases, upper, lower)))
    parts.update(Sampled(n_cases, width) for width in widths[1:-1])  # dreamed; pixels stay means
    joined, penultimate = widths[-1] + n_labels, widths[-1]
    return parts + Counter(
        {
            forward(n_cases, joined, n_top): n_steps + 1,
            backward(n_cases, joined, n_top): n_steps,
            outer(n_cases, joined, n_top): 2,
            Sampled(n_cases, n_top): n_steps + 1,
            Sampled(n_cases, penultimate): n_steps,
        }
    )


def classification(n_cases: int, widths: tuple[int, ...], n_top: int) -> Parts:
    """A deterministic read-out: the labels' rows of the weights are added, not multiplied."""
    return Counter(forward(n_cases, *pair) for pair in itertools.pairwise((*widths, n_top)))


def gibbs(n_chains: int, n_penultimate: int, n_labels: int, n_top: int) -> Parts:
    """One iteration of the memory; clamped labels are drawn too, and then put back."""
    return Counter(
        [
            backward(n_chains, n_penultimate + n_labels, n_top),
            forward(n_chains, n_penultimate + n_labels, n_top),
            Sampled(n_chains, n_penultimate),
            Sampled(n_chains, n_labels),
            Sampled(n_chains, n_top),
        ]
    )


def runner(part: Part, n_times: int) -> Callable[[], Array]:
    """Returns a call that does a part a number of times."""
    key_left, key_right, key_run = jax.random.split(jax.random.key(0), 3)
    if isinstance(part, Sampled):
        probability = jax.random.uniform(key_left, part)
        return lambda: draw(key_run, probability, n_times)
    left = jax.random.uniform(key_left, part.left)
    right = 0.01 * jax.random.normal(key_right, part.right)
    return lambda: multiply(part.multiply, left, right, n_times)


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
