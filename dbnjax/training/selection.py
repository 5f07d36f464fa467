"""Choosing between what members of an ensemble have learned."""

import jax
import jax.numpy as jnp

from dbnjax.types import Array, PyTree


@jax.jit
@jax.vmap
def choose(first: Array, a: PyTree, b: PyTree) -> PyTree:
    """Returns a member's tree from the first of two ensembles, or from the second."""
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)
