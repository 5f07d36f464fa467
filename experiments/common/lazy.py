"""What an experiment's folder exports, imported when it is asked for."""

import importlib
from collections.abc import Callable
from typing import Any

PLACES = {"Config": "config", "run": "main"}


def exports(package: str) -> Callable[[str], Any]:
    """Returns the `__getattr__` of a folder that exports `Config` and `run`.

    Neither is imported before it is asked for: `run` needs JAX, and `--help` need not wait for it.

    Args:
      package: its dotted name.
    """

    def find(name: str) -> Any:
        if name not in PLACES:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{PLACES[name]}"), name)

    return find
