"""Packages that only some sources need: imported when used, named when missing."""

import importlib
from typing import Any

from dbnjax.checks import InputError


def import_extra(module: str) -> Any:
    """Imports a module of the `experiments` extra.

    Raises:
      InputError: it is not installed; the message names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"expected the package {module.partition('.')[0]}, which cannot be imported ({error}); "
            "install it with: pip install 'dbnjax[experiments]'"
        ) from error
