"""What units declare of their arrays: how many axes one has in one case, and what is not learned.

A unit type says so once, as `Unit.n_axes` and `Unit.not_learned`. Whatever holds units, a machine,
a deep net or a model under a context, is then asked here, and no array is told by its name.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax.types import Array, PyTree
from dbnjax.units.base import Unit


def unit_arrays(model: PyTree) -> Iterator[tuple[str, Array, int]]:
    """Yields each array of a model's units: where it is, the array, its number of axes in one case.

    Arrays outside of units, such as weights, are passed over: they may have any axes.

    Example:
      >>> from dbnjax.units import Bernoulli
      >>> [(name, axes) for name, _, axes in unit_arrays((Bernoulli.zeros(3),))]
      [('[0].bias', 1)]
    """
    yield from _arrays(model, "", None)


def only_learned(tree: PyTree) -> PyTree:
    """Returns a pytree like a model with zeros in the place of arrays that are not learned.

    Example:
      >>> from dbnjax.units import Multinomial
      >>> only_learned(Multinomial.zeros(2, n_draws=5)).n_draws.tolist()
      [0.0]
    """

    def one(node: Any) -> Any:
        if not _is_unit(node):
            return node
        parts = {}
        for name in _array_names(node):
            part = getattr(node, name)
            none = name in node.not_learned
            parts[name] = jax.tree.map(jnp.zeros_like, part) if none else only_learned(part)
        return dataclasses.replace(node, **parts)

    return jax.tree.map(one, tree, is_leaf=_is_unit)


def _is_unit(node: Any) -> bool:
    return isinstance(node, Unit)


def _array_names(unit: Any) -> list[str]:
    fields = dataclasses.fields(unit)
    return [field.name for field in fields if field.metadata.get("pytree_node", True)]


def _arrays(tree: PyTree, place: str, n_axes: int | None) -> Iterator[tuple[str, Array, int]]:
    """Yields the arrays in a part of a unit with so many axes, or in a model, whose have None."""
    for path, node in jax.tree.leaves_with_path(tree, is_leaf=_is_unit):
        here = place + jax.tree_util.keystr(path)
        if _is_unit(node):
            for name in _array_names(node):
                axes = node.n_axes.get(name, 1)
                yield from _arrays(getattr(node, name), f"{here}.{name}", axes)
        elif n_axes is not None:
            yield here, node, n_axes
