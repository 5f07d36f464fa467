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

features = jax.jit(features_lib.features, static_argnums=(3, 4))
reconstruct = jax.jit(features_lib.reconstruct, static_argnums=3)


def through(layers, state):
    for layer in layers:
        state = expit(state @ np.float64(layer.weights) + np.float64(layer.unit.bias))
    return state


@pytest.mark.parametrize("level", [0, 1, 2])
def test_features_are_the_hidden_units_given_the_data_and_not_after_a_gibbs_step(level):
    expected = through(NET.recognition[:level], np.float64(V))
    got = features(KEY, NET, V, level)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_reconstructions_go_up_by_recognition_and_down_by_generation(level):
    up = through(NET.recognition[:level], np.float64(V))
    expected = through(tuple(reversed(NET.generative[:level])), up)
    got = reconstruct(KEY, NET, V, level)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_sampled_features_have_the_law_of_the_stochastic_up_pass():
    many = jnp.broadcast_to(V[0], (N, 5))
    got = features(KEY, NET, many, 2, "sample")
    law = machines.penultimate_given_visible(NET, np.float64(V[0]))
    frequencies = oracles.frequencies(oracles.binary_states(3), got)
    assert oracles.total_variation(frequencies, law) < oracles.total_variation_floor(law, N)


def top_given_penultimate(penultimate):
    """p(h | penultimate) with the three labels summed out, `[n, n_top]`."""
    weights = np.float64(NET.memory.weights)
    bias = np.float64(NET.memory.hidden.bias)
    fields = (penultimate @ weights[:3] + bias)[:, None] + weights[3:]  # [n, label, n_top]
    score = np.float64(NET.memory.visible.parts[1].bias) + np.logaddexp(0, fields).sum(-1)
    p = np.exp(score - score.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return (p[..., None] * expit(fields)).sum(1)


def test_top_features_sum_the_labels_out():
    expected = top_given_penultimate(through(NET.recognition, np.float64(V)))
    got = features(KEY, NET, V, 3)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_sampled_top_features_have_that_mean():
    penultimate = oracles.binary_states(3)[5:6]
    many = jnp.broadcast_to(jnp.asarray(penultimate, jnp.float32), (N, 3))
    got = jax.jit(features_lib.top, static_argnums=3)(KEY, NET, many, "sample").mean(0)
    # Five standard errors of a mean of N binary draws.
    np.testing.assert_allclose(got, top_given_penultimate(penultimate)[0], atol=2.5 / N**0.5)


def test_a_bare_machine_has_features_and_reconstructions():
    bare = machines.net(4, (5, 4))
    hidden = expit(np.float64(V) @ np.float64(bare.memory.weights) + bare.memory.hidden.bias)
    np.testing.assert_allclose(features(KEY, bare, V, 1), hidden, rtol=1e-5)
    visible = expit(hidden @ np.float64(bare.memory.weights).T + bare.memory.visible.bias)
    np.testing.assert_allclose(reconstruct(KEY, bare, V, 1), visible, rtol=1e-5)


def test_the_top_reconstructs_pixels_without_labels():
    top = top_given_penultimate(through(NET.recognition, np.float64(V)))
    weights, biases = np.float64(NET.memory.weights), np.float64(NET.memory.visible.parts[0].bias)
    expected = through(tuple(reversed(NET.generative)), expit(top @ weights[:3].T + biases))
    np.testing.assert_allclose(reconstruct(KEY, NET, V, 3), expected, rtol=1e-5)


@pytest.mark.parametrize("level", [-1, 4])
def test_a_level_that_is_not_there_is_refused(level):
    message = rf"expected 0 \(the pixels\) to 3 \(the top\), got {level}"
    with pytest.raises(InputError, match=message):
        features_lib.features(KEY, NET, V, level)
