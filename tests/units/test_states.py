"""The numbered states of layers that have finitely many."""

import cases
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import units

FINITE = {
    "bernoulli": cases.BERNOULLI,
    "categorical": cases.CATEGORICAL,
    "groups": cases.GROUPS,
    "concat": units.Concat((cases.BERNOULLI, cases.GROUPS, cases.CATEGORICAL)),
}


@pytest.mark.parametrize("name", FINITE)
def test_states_are_the_oracles_in_its_order(name):
    unit, expected = FINITE[name], cases.layer(FINITE[name]).states
    assert unit.n_states == len(expected)
    listed = unit.state(jnp.arange(unit.n_states))
    np.testing.assert_array_equal(listed, expected)
    assert listed.dtype == jnp.float32
    assert not listed.weak_type
    some = jnp.array([[0, 3, 1], [2, 1, 0]])
    np.testing.assert_array_equal(unit.state(some), expected[np.asarray(some)])
    np.testing.assert_array_equal(unit.state(some[1, 0]), expected[2])


@pytest.mark.parametrize("name", sorted(cases.ALL.keys() - FINITE.keys()))
def test_layers_with_infinitely_many_states_say_so(name):
    unit = cases.ALL[name]
    assert unit.n_states is None
    with pytest.raises(TypeError, match=f"{type(unit).__name__} has no finite list of states"):
        unit.state(jnp.arange(2))


def test_the_number_of_states_of_a_wide_layer_is_exact():
    assert units.Bernoulli.zeros(784).n_states == 2**784
    wide = units.Concat((units.Bernoulli.zeros(500), units.Categorical.zeros(10)))
    assert wide.n_states == 10 * 2**500
