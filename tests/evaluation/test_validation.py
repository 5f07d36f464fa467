"""Parameters and states that no likelihood can be worked out for."""

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation.validation import check_parameters, check_states

FOUR = units.Bernoulli.zeros(4)


@pytest.mark.parametrize(
    ("v", "message"),
    [
        (np.zeros((2, 3)), "visible states: expected 4 units in the last axis, got 3"),
        (np.zeros((0, 4)), r"visible states: expected one case or more, got \(0, 4\)"),
        (np.full((2, 4), 0.5), r"expected 0 or 1, got 8 other values such as \[0.5\]; binarise"),
        (np.full((2, 4), np.nan), "visible states: expected finite values, got 8 NaN"),
    ],
    ids=["width", "none", "probabilities", "nan"],
)
def test_states_that_cannot_be_are_one_line(v, message):
    with pytest.raises(InputError, match=message) as caught:
        check_states(FOUR, v)
    assert "\n" not in str(caught.value)


def test_only_units_with_finitely_many_states_must_be_0_or_1():
    v = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0, -7.5])  # two binary, one of four, one real
    check_states(cases.MIXED, v)
    with pytest.raises(InputError, match="expected 0 or 1, got 1 other values"):
        check_states(cases.MIXED, np.where(np.arange(7) == 3, 0.5, v))


def test_a_parameter_that_is_not_finite_is_named():
    rbm = machines.binary(1, 3, 2)
    check_parameters(rbm)
    broken = rbm.replace(hidden=units.Bernoulli(jnp.array([0.0, -jnp.inf])))
    with pytest.raises(InputError, match=r"parameters\.hidden\.bias: expected finite values"):
        check_parameters(broken)


def test_what_is_traced_cannot_be_looked_at():
    def checked(rbm, v):
        check_parameters(rbm)
        check_states(rbm.visible, v)
        return v

    rbm = jax.tree.map(lambda x: x * jnp.nan, machines.binary(1, 3, 2))
    assert jax.jit(checked)(rbm, jnp.full((2, 3), 0.5)).shape == (2, 3)
