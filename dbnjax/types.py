"""Names for the arrays, keys and pairs of functions that the whole library passes around.

Shapes are written `[..., n]` in docstrings: any number of leading batch axes, then units.

The parameters' own floating type wins. What makes parameters (`zeros`, `init`) takes JAX's default
type, float32, or float64 with `JAX_ENABLE_X64=1`; `cast(machine, jnp.bfloat16)` gives them another.
From there on data, hyper-parameters, temperatures and clamped values are taken in the parameters'
type, and states, chains, log weights and all that is reported are of it. Learners that move along a
gradient work in bfloat16 and float16 too; where energies are compared or summed, in tempering, in
estimates of log Z and in exact answers, a type of less than 32 bits is refused.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, dataclass_transform

import jax
import jax.numpy as jnp
from flax import struct

Array: TypeAlias = jax.Array
"""An array of the parameters' floating type unless the docstring says otherwise."""

Key: TypeAlias = jax.Array
"""A typed PRNG key made by `jax.random.key`."""

PyTree: TypeAlias = Any
"""Any nesting of tuples, dicts and frozen dataclasses with arrays at the leaves."""

Draw: TypeAlias = Literal["sample", "mean"]
"""Whether a layer takes a sampled state or its mean: the question asked at every place."""

Draws: TypeAlias = Draw | tuple[Draw, ...]
"""One choice for a whole layer, or one for each part of a layer joined by `Concat`."""


T = TypeVar("T")


_MOST_SHOWN = 4  # layers of a deep net in its summary


def _summary(node: Any) -> str:
    """Returns a node's type and what it holds, an array by its own type and shape."""
    if dataclasses.is_dataclass(node):
        fields = (field.name for field in dataclasses.fields(node) if field.repr)
        held = ((name, getattr(node, name)) for name in fields)
        shown = (f"{name}={x}" if isinstance(x, int) else _summary(x) for name, x in held)
        return f"{type(node).__name__}({', '.join(shown)})"
    if isinstance(node, tuple):
        items = list(map(_summary, node))
        middle = slice(_MOST_SHOWN // 2, len(items) - _MOST_SHOWN // 2)
        if len(items) > _MOST_SHOWN:
            items[middle] = [f"{len(items) - _MOST_SHOWN} more"]
        return f"({', '.join(items)})"
    if hasattr(node, "shape") and hasattr(node, "dtype"):
        return f"{node.dtype}{list(node.shape)}"
    return repr(node)


@dataclass_transform(frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Makes a frozen dataclass of arrays a pytree whose type is part of its structure.

    JAX compares the structures of two dataclasses by their static fields, not by their types, so
    that a `Relu` and a `Gaussian` of one shape could share a compiled program by a coincidence
    of hashes. The type's name, a static field, tells them apart. Its `repr` names types and
    sizes, not the numbers in the arrays.
    """
    cls.__repr__ = _summary  # type: ignore[method-assign]
    cls.__annotations__ = inspect.get_annotations(cls) | {"kind": str}
    cls.kind = struct.field(pytree_node=False, default=cls.__name__, repr=False)  # type: ignore[attr-defined]
    return struct.dataclass(cls)


def floating_type(tree: PyTree) -> Any:
    """Returns the type that a tree's arrays have, the widest of them where they differ.

    It is JAX's default one where they are whole numbers.
    """
    found = jnp.result_type(*jax.tree.leaves(tree))
    whole = jnp.issubdtype(found, jnp.integer) or found == jnp.bool_
    return jnp.result_type(float) if whole else found


def cast(tree: PyTree, dtype: Any) -> PyTree:
    """Returns a tree with its floating arrays in a type; counts and keys stay as they are."""

    def one(x: Any) -> Any:
        floating = hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating)
        return x.astype(dtype) if floating else x

    return jax.tree.map(one, tree)


def as_type(tree: PyTree, dtype: Any) -> PyTree:
    """Returns a tree of states with every array in a type, zeros and ones as integers too."""
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), tree)


class Learner(NamedTuple):
    """A learning algorithm: two pure functions over plain pytrees; `updates.learner` makes one.

    Attributes:
      init: `init(key, params) -> state`; the state holds what the next step needs, in arrays of
        its own, a copy of the parameters among them. So it may be donated to a compiled step
        (`training.loop` does): `params` stay usable, and may share arrays with one another.
      step: `step(key, hyper, state, batch) -> (state, info)`; `hyper` is a NamedTuple of
        arrays, so that a schedule or a sweep never recompiles, and `info` is a NamedTuple
        of scalars to look at.
    """

    init: Callable[[Key, PyTree], PyTree]
    step: Callable[[Key, PyTree, PyTree, PyTree], tuple[PyTree, PyTree]]
