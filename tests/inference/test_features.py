"""Features and reconstructions of any layer."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest
from scipy.special import expit

from dbnjax.checks import InputError
from dbnjax.inference import features as features_lib

NET = machines.net(3, (5, 4, 3, 2), 3)
KEY = jax.random.key(2)
V = jax.random.uniform(jax.random.key(1), (6, 5))
N = 20_000


def through(layers, state):
    for layer in layers:
        state = expit(state @ np.float64(layer.weights) + np.float64(layer.unit.bias))
    return state


@pytest.mark.parametrize("level", [0, 1, 2])
def test_features_are_the_hidden_units_given_the_data_and_not_after_a_gibbs_step(level):
    expected = through(NET.recognition[:level], np.float64(V))
    got = features_lib.features(KEY, NET, V, level)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_reconstructions_go_up_by_recognition_and_down_by_generation(level):
    up = through(NET.recognition[:level], np.float64(V))
    expected = through(tuple(reversed(NET.generative[:level])), up)
    got = features_lib.reconstruct(KEY, NET, V, level)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_sampled_features_have_the_law_of_the_stochastic_up_pass():
    many = jnp.broadcast_to(V[0], (N, 5))
    got = features_lib.features(KEY, NET, many, 2, "sample")
    law = machines.penultimate_given_visible(NET, np.float64(V[0]))
    frequencies = oracles.frequencies(oracles.binary_states(3), got)
    assert oracles.total_variation(frequencies, law) < oracles.total_variation_floor(law, N)


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_that_is_not_there_is_refused(level):
    message = rf"expected 0 \(the pixels\) to 2 \(the penultimate layer\), got {level}"
    with pytest.raises(InputError, match=message):
        features_lib.features(KEY, NET, V, level)
