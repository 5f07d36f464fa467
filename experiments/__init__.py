"""Experiments: absl flags in, results out; each has an importable `run(config)`."""

import importlib
import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

PLACES = {"Config": "config", "run": "main"}  # of what a folder exports
INTERRUPTED = 130  # exit code, as shells have it of a program that SIGINT ended


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


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("experiments"):
        print(
            f"error: expected the package {error.name}, found none; install what the commands need "
            "by pip install -e '.[experiments]'",
            file=sys.stderr,
            flush=True,
        )
        os._exit(2)
    sys.__excepthook__(kind, error, trace)


# Imports take seconds, in which a user may think again; `common.program.launch` says more later.
if sys.argv[:1] == ["-m"]:  # by `python -m`, which is still looking for the program
    sys.excepthook = _say
