"""What estimates of likelihoods ask of parameters and of data, before they are worked out."""

from typing import Any

import jax
import numpy as np

from dbnjax import checks
from dbnjax.types import PyTree, floating_type
from dbnjax.units.base import BOUNDED


def check_parameters(model: PyTree) -> None:
    """Raises `InputError` if a parameter is not finite, or of a type too narrow for energies."""
    checks.check_type("likelihoods", floating_type(model))
    if checks.is_concrete(model):
        for path, leaf in jax.tree.leaves_with_path(model):
            checks.check_finite(f"parameters{jax.tree_util.keystr(path)}", leaf)


def check_states(unit: Any, v: Any) -> None:
    """Checks that there are states, and no probabilities where units have finitely many states.

    Args:
      unit: a layer.
      v: `[..., n]`, at least one case.

    Raises:
      InputError: the width does not fit, there is no case, or a binary or one-of-K unit is
        neither 0 nor 1.
    """
    checks.check_width("visible states", v, unit.size)
    checks.require(np.size(v) > 0, f"visible states: expected one case or more, got {np.shape(v)}")
    if not checks.is_concrete((unit, v)):
        return
    checks.check_finite("visible states", v)
    values = np.asarray(v)[..., unit.tails().order == BOUNDED]
    wrong = values[(values != 0) & (values != 1)]
    checks.require(
        wrong.size == 0,
        f"visible states: expected 0 or 1, got {wrong.size} other values such as {wrong[:1]}; "
        "binarise the data first, by a threshold or by drawing with a stored seed",
    )
