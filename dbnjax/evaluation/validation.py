"""What estimates of likelihoods ask of parameters and of data, before they are worked out."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.dbn import DBN
from dbnjax.types import Array, PyTree, floating_type


def check_parameters(model: PyTree) -> None:
    """Raises `InputError` if a parameter is not finite, or of a type too narrow for energies.

    Or if units have parameters of their own for each case (`rbm.check_one_case`).
    """
    rbm_lib.check_one_case(model)
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
    values = np.asarray(v)[..., unit.binary()]
    wrong = values[(values != 0) & (values != 1)]
    checks.require(
        wrong.size == 0,
        f"visible states: expected 0 or 1, got {wrong.size} other values such as {wrong[:1]}; "
        "binarise the data first, by a threshold or by drawing with a stored seed",
    )


def check_possible(unit: Any, v: Any) -> None:
    """As `check_states`, and raises `InputError` too if a case is no state of the layer."""
    check_states(unit, v)
    if checks.is_concrete((unit, v)):
        with jax.ensure_compile_time_eval():  # v may be a constant of a function that is traced
            wrong = np.flatnonzero(~np.asarray(unit.has_state(jnp.asarray(v))))
        checks.require(
            wrong.size == 0,
            f"visible states: expected states, got {wrong.size} cases that are none, the first "
            f"{wrong[:1]}; one unit of each softmax group is on, and counts are whole and not "
            "negative",
        )


def log_support(unit: Any, x: Array, means: bool = False) -> Array:
    """Returns what makes a log-probability minus infinity where x is no state, and 0 elsewhere.

    A softmax group without a unit that is on, as that of a label that is missing, or with two, is
    no state; nor is half a count, or a count below 0. Energies alone give them finite numbers.

    Args:
      unit: a layer.
      x: `[..., n]`.
      means: whether means may stand in for the states (`Unit.has_state`).

    Returns:
      `[...]` in the units' floating type.
    """
    zero = jnp.zeros((), floating_type(unit))
    return jnp.where(unit.has_state(jnp.asarray(x), means), zero, -jnp.inf)


def check_labels(dbn: DBN, v: Array, labels: Array | None) -> None:
    """Raises `InputError` unless labels are one-of-K states or zeros, that broadcast with v."""
    if labels is None:
        return
    n_labels = dbn_lib.label_unit(dbn.memory).size
    checks.check_label_states("labels", labels, n_labels, missing=True)
    lead, cases = labels.shape[:-1], v.shape[:-1]
    for mine, its in zip(reversed(lead), reversed(cases), strict=False):
        checks.require(
            1 in (mine, its) or mine == its,
            f"labels: expected one for each of {list(cases)} cases, got {list(lead)}; they belong "
            "to other cases",
        )


def dbn_support(dbn: DBN, v: Array, labels: Array | None) -> Array:
    """Returns `log_support` of what is asked about a net, `[...]`; means of v may stand in."""
    found = log_support(dbn_lib.visible_unit(dbn), v, means=True)
    return found if labels is None else found + log_support(dbn_lib.label_unit(dbn.memory), labels)
