"""Enumeration in the library against the oracle, and explaining away."""

import cases
import jax.numpy as jnp
import machines
import numpy as np
import pytest
from scipy.special import expit

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import exact
from dbnjax.models.belief_net import BeliefNet, Layer
from dbnjax.models.rbm import RBM
from experiments import explaining_away


def test_binary_states_count_with_the_last_unit_fastest():
    expected = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]
    np.testing.assert_array_equal(exact.binary_states(3)[:4], expected)
    assert exact.binary_states(5).shape == (32, 5)


@pytest.mark.parametrize("n", [0, exact.MAX_UNITS + 1])
def test_too_many_states_are_refused(n):
    with pytest.raises(InputError, match=f"expected 1 to {exact.MAX_UNITS} binary units, got {n} "):
        exact.binary_states(n)


def gaussian_machine():
    plain = machines.binary(4, 2, 3)
    return RBM(visible=cases.GAUSSIAN, hidden=plain.hidden, weights=plain.weights)


@pytest.mark.parametrize(
    "rbm",
    [machines.binary(17, 4, 3), machines.labelled(3, 2, 3, 3), gaussian_machine()],
    ids=["binary", "labels", "real"],
)
def test_log_z_and_log_p_are_the_oracles(rbm):
    joint = machines.joint(rbm)
    np.testing.assert_allclose(exact.log_z(rbm), joint.log_z, rtol=1e-5)
    log_p = exact.log_prob(rbm, jnp.asarray(joint.visible.states, jnp.float32))
    wanted = -joint.free_energy - joint.log_z
    np.testing.assert_allclose(log_p, wanted, rtol=1e-5, atol=2e-4)


def test_only_binary_units_are_enumerated():
    with pytest.raises(InputError, match="expected binary units, got Categorical"):
        exact.log_z(machines.groups(1))


def test_the_posterior_over_causes_is_bayes_rule():
    rbm = machines.binary(1, 3, 2)
    net = BeliefNet(prior=rbm.visible, layers=(Layer(rbm.hidden, rbm.weights),))
    causes, posterior = exact.posterior_over_causes(net, jnp.array([1.0, 0.0]))
    x = np.float64(causes)
    on = expit(x @ np.float64(rbm.weights) + np.float64(rbm.hidden.bias))
    weight = np.exp(x @ np.float64(rbm.visible.bias)) * on[:, 0] * (1 - on[:, 1])
    np.testing.assert_allclose(posterior, weight / weight.sum(), rtol=1e-5)


def test_the_posterior_wants_one_layer_of_binary_causes():
    layer = Layer(units.Bernoulli.zeros(1), jnp.zeros((1, 1)))
    deep = BeliefNet(prior=units.Bernoulli.zeros(1), layers=(layer, layer))
    with pytest.raises(InputError, match="expected one layer below the causes, got 2"):
        exact.posterior_over_causes(deep, jnp.ones(1))
    real = BeliefNet(prior=units.Gaussian.zeros(1), layers=(layer,))
    with pytest.raises(InputError, match="expected binary units, got Gaussian"):
        exact.posterior_over_causes(real, jnp.ones(1))


def test_figure_2_explains_away(capsys):
    result = explaining_away.run(explaining_away.Config())
    e = np.exp(-10.0)
    # Truck and earthquake on or off; the odds of the four explanations of a jump.
    weight = np.array([expit(-20.0), e * expit(0.0), e * expit(0.0), e**2 * expit(20.0)])
    expected = weight / weight.sum()
    np.testing.assert_allclose(result.posterior, expected, rtol=1e-4)
    np.testing.assert_allclose(result.earthquake, expected[2] + expected[3], rtol=1e-4)
    np.testing.assert_allclose(
        result.earthquake_given_truck, expected[3] / (expected[1] + expected[3]), rtol=1e-3
    )
    assert result.correlation < -0.99
    printed = capsys.readouterr().out
    assert "0.4999" in printed
    assert "correlation" in printed
