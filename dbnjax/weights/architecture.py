"""A net's architecture as plain data, and a net rebuilt from such data and its arrays.

A description maps the path of every node of a model to what stands there: the name of a class,
the length of a tuple, the type and shape of an array, or a static number. For a small net:

    {"model": "RBM", "model.visible": "Bernoulli", "model.visible.bias": "float32[6]",
     "model.hidden": "Bernoulli", "model.hidden.bias": "float32[4]",
     "model.weights": "float32[6, 4]"}

It is flat, so that two architectures are compared entry by entry. Only the classes of one table,
`dbnjax.weights.classes`, are ever made from it, and only in the places that the models' own
annotations give them.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from dbnjax import checks
from dbnjax.types import Array
from dbnjax.units import Unit
from dbnjax.weights.classes import CLASSES, Model

ROOT = "model"
DEEPEST = 50  # a block of units in a net of the library's lies 6 deep


def describe(model: Model) -> dict[str, str | int]:
    """Returns the architecture of a net: unit types, sizes, static fields and array types.

    Args:
      model: a net; its leaves may be arrays or `jax.ShapeDtypeStruct`s.

    Raises:
      InputError: it holds something that a saved net cannot, a unit type of one's own for
        example.
    """
    return {path: _what(path, node) for path, node in _nodes(ROOT, model)}


def signature(array: Any) -> str:
    """Returns an array's type and shape, as `float32[784, 500]`."""
    return f"{array.dtype}{list(array.shape)}"


def arrays(model: Model) -> dict[str, Any]:
    """Returns a net's arrays by their paths."""
    return {path: node for path, node in _nodes(ROOT, model) if _is_array(node)}


def build(description: Mapping[str, Any], leaves: Mapping[str, Any]) -> Model:
    """Makes a net from its description and its arrays; types and shapes are not looked at.

    Raises:
      InputError: the description names no net, a class in a place where it cannot stand, an array
        that is not there, or blocks in blocks in blocks.
    """
    deepest = max(description, key=lambda path: path.count("."), default=ROOT)
    checks.require(
        deepest.count(".") <= DEEPEST,
        f"expected nodes at most {DEEPEST} deep, got {deepest.count('.')} at {deepest:.60}...",
    )
    return _build(description, leaves, ROOT, Model)


def check(model: Model) -> None:
    """Raises `InputError` unless every node passes its own check, what it is made of before it."""
    for path, node in reversed(list(_nodes(ROOT, model))):
        if type(node) in CLASSES.values():
            try:
                node.check()
            except checks.InputError as error:
                raise checks.InputError(f"{path}: {error}") from error


def _nodes(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Yields a node and all below it with their paths."""
    yield path, node
    if isinstance(node, tuple):
        children = {str(i): item for i, item in enumerate(node)}
    elif type(node) in CLASSES.values():
        children = {field.name: getattr(node, field.name) for field in _fields(node)}
    else:
        return
    for name, child in children.items():
        yield from _nodes(f"{path}.{name}", child)


def _fields(node: Any) -> list[dataclasses.Field[Any]]:
    """Returns the fields of a class or a node, without the name of its type (`types.pytree`)."""
    return [field for field in dataclasses.fields(node) if field.name != "kind"]


def _what(path: str, node: Any) -> str | int:
    if isinstance(node, tuple):
        return len(node)
    if isinstance(node, int):
        return node
    if _is_array(node):
        return signature(node)
    checks.require(
        type(node) in CLASSES.values(),
        f"{path}: expected a net made of {', '.join(CLASSES)}, got {type(node).__name__}; it "
        "cannot be saved",
    )
    return type(node).__name__


def _is_array(node: Any) -> bool:
    return hasattr(node, "shape") and hasattr(node, "dtype")


def _build(description: Mapping[str, Any], leaves: Mapping[str, Any], path: str, kind: Any) -> Any:
    """Makes the node at a path; `kind` is its annotation in the class that holds it."""
    what: Any = description.get(path)
    if kind is Array:
        checks.require(path in leaves, f"{path}: expected {what}, got no array of this name")
        return leaves[path]
    if kind is int or get_origin(kind) is tuple:
        checks.require(type(what) is int, f"{path}: expected a whole number, got {what!r}")
    if kind is int:
        return what
    if get_origin(kind) is tuple:
        (item, _) = get_args(kind)
        return tuple(_build(description, leaves, f"{path}.{i}", item) for i in range(what))
    cls: Any = CLASSES.get(what) if isinstance(what, str) else None
    allowed = Unit if kind is Any else kind
    checks.require(
        cls is not None and issubclass(cls, allowed),
        f"{path}: expected the name of a class that may stand here, got {what!r}",
    )
    fields = {
        field.name: _build(description, leaves, f"{path}.{field.name}", field.type)
        for field in _fields(cls)
    }
    return cls(**fields)
