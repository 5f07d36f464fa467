"""What an experiment's package exports, imported when it is asked for."""

import importlib
from collections.abc import Mapping
from typing import Any


def load(package: str, name: str, places: Mapping[str, str]) -> Any:
    """Returns what a package exports under a name, for its `__getattr__`.

    Args:
      package: its dotted name.
      name: that was asked for.
      places: the package's module that defines each of its exports.

    Raises:
      AttributeError: it exports no such thing.
    """
    if name not in places:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{package}.{places[name]}"), name)
