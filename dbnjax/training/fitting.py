"""What the epochs of every stage of learning are made of."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from dbnjax.types import PyTree

Epoch = Callable[[int, PyTree], tuple[PyTree, bool, dict[str, float]]]

EARLY_EPOCHS = 5  # with the smaller momentum


def schedule(kind: str, rate: float, n_epochs: int) -> Callable[[int], float]:
    """Returns the rate of each epoch: constant, or falling linearly towards zero."""
    falling = optax.linear_schedule(rate, 0.0, max(n_epochs, 1))
    chosen = falling if kind == "linear" else optax.constant_schedule(rate)
    return lambda i: float(chosen(i))


def owned(tree: PyTree) -> PyTree:
    """Copies a tree, so that donating the copy leaves the original alive."""
    return jax.tree.map(jnp.copy, tree)


def finite(numbers: dict[str, float]) -> bool:
    """Returns whether every recorded number is finite: an energy can overflow before a weight."""
    return all(math.isfinite(number) for number in numbers.values())
