"""Packages that only some sources need: imported when used, named when missing."""

import importlib
from typing import Any

from dbnjax.checks import InputError


def import_extra(module: str, extra: str = "experiments") -> Any:
    """Imports a module of one of the extras.

    Raises:
      InputError: it is not installed; the message names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"expected the package {module.partition('.')[0]}, which cannot be imported ({error}); "
            f"install it with: pip install 'dbnjax[{extra}]'"
        ) from error
