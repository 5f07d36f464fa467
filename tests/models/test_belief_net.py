"""Directed layers and nets against enumeration."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest
from scipy.special import expit

from dbnjax import units
from dbnjax.models import belief_net
from dbnjax.models.belief_net import BeliefNet, Layer

SIZES = (2, 3, 2)
N = 30_000


@pytest.fixture(scope="module")
def net():
    first, second = machines.binary(1, 2, 3), machines.binary(2, 3, 2)
    layers = (Layer(first.hidden, first.weights), Layer(second.hidden, second.weights))
    return BeliefNet(prior=first.visible, layers=layers)


@pytest.fixture(scope="module")
def probability(net):
    """The oracle's joint law `[4, 8, 4]` of the three layers, from the top down."""
    top, middle = (oracles.binary_states(n) for n in SIZES[:2])
    prior = oracles.probabilities(oracles.bernoulli(np.float64(net.prior.bias)), np.zeros(2))
    upper, lower = machines.table(net.layers[0], top), machines.table(net.layers[1], middle)
    return prior[:, None, None] * upper[:, :, None] * lower[None]


def all_states():
    """Every joint state as one array a layer, in the order of the oracle's table."""
    joint = oracles.binary_states(sum(SIZES))
    return [jnp.asarray(x, jnp.float32) for x in np.split(joint, np.cumsum(SIZES)[:-1], axis=-1)]


def test_log_joint_is_the_product_of_equation_2_1_over_the_units(net, probability):
    log_p = jax.jit(belief_net.log_joint)(net, all_states())
    np.testing.assert_allclose(log_p, np.log(probability.reshape(-1)), rtol=1e-5, atol=1e-5)


def test_ancestral_samples_have_the_joint_law(net, probability):
    drawn = jax.jit(belief_net.ancestral_sample, static_argnums=2)(jax.random.key(3), net, N)
    assert [x.shape for x in drawn] == [(N, n) for n in SIZES]
    law = oracles.frequencies(oracles.binary_states(7), np.concatenate(drawn, axis=-1))
    p = probability.reshape(-1)
    assert oracles.total_variation(law, p) < oracles.total_variation_floor(p, N)


def test_a_pass_of_means_puts_probabilities_in_the_place_of_states(net):
    x = np.array([[0.2, 0.9], [1.0, 0.0]])
    first, second = belief_net.propagate(
        jax.random.key(0), net.layers, jnp.asarray(x, jnp.float32), "mean"
    )
    lower, upper = net.layers[1], net.layers[0]
    expected = expit(x @ np.float64(upper.weights) + np.float64(upper.unit.bias))
    np.testing.assert_allclose(first, expected, rtol=1e-5)
    expected = expit(expected @ np.float64(lower.weights) + np.float64(lower.unit.bias))
    np.testing.assert_allclose(second, expected, rtol=1e-5)


def test_a_pass_takes_any_leading_axes_and_no_layers(net):
    x = jnp.ones((5, 4, 2))
    sample = jax.jit(belief_net.propagate, static_argnums=3)
    states = sample(jax.random.key(0), net.layers, x, "sample")
    assert [state.shape for state in states] == [(5, 4, 3), (5, 4, 2)]
    assert belief_net.propagate(jax.random.key(0), (), x, "sample") == ()


def test_a_layer_may_predict_real_units():
    layer = Layer(units.Gaussian(jnp.array([0.5]), jnp.array([0.7])), jnp.array([[2.0], [-1.0]]))
    variance = np.exp(6.0 * np.tanh(0.7 / 6.0))
    mean = 0.5 + variance * 2.0
    density = -0.5 * (1.3 - mean) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance)
    given = belief_net.conditional(layer, jnp.array([1.0, 0.0]))
    np.testing.assert_allclose(given.log_prob(jnp.array([1.3])), density, rtol=1e-5)
