"""Auto-encoders against finite differences of float64 ones, tied weights against untied ones."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import optax
import oracles_feedforward as oracles
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.learning import autoencoder
from dbnjax.learning.autoencoder import AutoEncoder
from dbnjax.models import rbm
from dbnjax.models.belief_net import Layer

KEY = jax.random.key(0)
V = np.random.default_rng(1).uniform(0.05, 0.95, (6, 5)).astype(np.float32)
DESCENT = {loss: autoencoder.autoencoder(optax.sgd(1.0), loss) for loss in
           ("squared", "cross_entropy")}  # fmt: skip
close = partial(np.testing.assert_allclose, rtol=1e-4, atol=5e-6)


@partial(jax.jit, static_argnums=0)
def run(learner, hyper, state, batch):
    return learner.step(KEY, hyper, state, batch)


def step(learner, params, batch=V, rate=1.0):
    """The parameters after one step from rest, and what the step says."""
    state, info = run(learner, autoencoder.hyper(rate), learner.init(KEY, params), batch)
    return state.params, info


def machine(kind=units.Bernoulli, seed=3, n_visible=5, n_hidden=3):
    binary = machines.binary(seed, n_visible, n_hidden)
    return binary.replace(hidden=kind(binary.hidden.bias), weights=0.5 * binary.weights)


def untied(kind=units.Bernoulli, visible=units.Bernoulli):
    """An auto-encoder whose decoder has nothing to do with its encoder."""
    up, down = machine(kind), machine(seed=4)
    return AutoEncoder(
        encoder=Layer(unit=up.hidden, weights=up.weights),
        decoder=Layer(unit=visible(up.visible.bias), weights=down.weights.T),
    )


def exact(params):
    """The oracle's copy: encoder and decoder."""
    pair = autoencoder.layers(params)
    return [
        oracles.Layer(
            np.float64(layer.weights),
            np.float64(layer.unit.bias),
            oracles.ACTIVATIONS[type(layer.unit).__name__],
        )
        for layer in (pair.encoder, pair.decoder)
    ]


def cost(layers, loss):
    v = np.float64(V)
    x = oracles.states(layers, v)[-1]
    squared = (v - x) ** 2
    each = squared if loss == "squared" else -(v * np.log(x) + (1 - v) * np.log(1 - x))
    return each.sum(-1).mean()


def moved(before, after):
    """How far weights and biases moved, encoder before decoder."""
    arrays = [[x for layer in exact(p) for x in (layer.weights, layer.bias)]
              for p in (before, after)]  # fmt: skip
    return [b - a for a, b in zip(*arrays, strict=True)]


@pytest.mark.parametrize("loss", DESCENT)
@pytest.mark.parametrize("kind", [units.Bernoulli, units.Rectifier])
def test_a_step_of_rate_one_is_minus_the_slope_of_the_cost(loss, kind):
    params = untied(kind)
    after, info = step(DESCENT[loss], params)
    slope = oracles.gradient(lambda layers: cost(layers, loss), exact(params))
    flat = [x for layer in slope for x in (layer.weights, layer.bias)]
    for change, expected in zip(moved(params, after), flat, strict=True):
        assert np.abs(expected).max() > 0.01
        close(change, -expected)
    close(info.cost, cost(exact(params), loss))
    close(info.reconstruction_error, cost(exact(params), "squared"))


def test_rectified_codes_are_given_back_by_rectified_units():
    params = untied(units.Rectifier, units.Rectifier)
    after, _ = step(DESCENT["squared"], params)
    slope = oracles.gradient(lambda layers: cost(layers, "squared"), exact(params))
    close(moved(params, after)[0], -slope[0].weights)


@pytest.mark.parametrize("loss", DESCENT)
def test_tied_weights_take_the_sum_of_both_slopes(loss):
    tied = machine()
    pair = autoencoder.untie(tied)
    v = V[0]
    np.testing.assert_array_equal(autoencoder.code(pair, v), autoencoder.code(tied, v))
    close(autoencoder.reconstruction(pair, v).mean(), autoencoder.reconstruction(tied, v).mean())
    after, info = step(DESCENT[loss], tied)
    after_pair, info_pair = step(DESCENT[loss], pair)
    encoder, hidden_bias, decoder, visible_bias = moved(pair, after_pair)
    close(np.float64(after.weights) - np.float64(tied.weights), encoder + decoder.T)
    close(np.float64(after.hidden.bias) - np.float64(tied.hidden.bias), hidden_bias)
    close(np.float64(after.visible.bias) - np.float64(tied.visible.bias), visible_bias)
    close(jnp.stack(info), jnp.stack(info_pair))


def test_what_is_given_back_follows_from_the_units_alone():
    """A machine's auto-encoder is its up-pass and its down-pass."""
    tied = machine()
    hidden = rbm.hidden_given_visible(tied, V).mean()
    close(autoencoder.code(tied, V), hidden)
    close(autoencoder.reconstruction(tied, V).field, rbm.visible_given_hidden(tied, hidden).field)


def test_the_arrays_of_an_untied_decoder_are_its_own():
    tied = machine()
    after, _ = step(DESCENT["squared"], autoencoder.untie(tied))
    close(autoencoder.layers(tied).decoder.weights, tied.weights.T)
    assert np.abs(after.decoder.weights - after.encoder.weights.T).max() > 0.01


def test_the_rate_multiplies_what_the_optimiser_makes_of_the_slope_once():
    learner = autoencoder.autoencoder(optax.sgd(1.0, momentum=0.5), "squared")
    params = untied()
    slope = moved(params, step(DESCENT["squared"], params)[0])[0]
    state = learner.init(KEY, params)
    state, _ = run(learner, autoencoder.hyper(0.0), state, V)
    state, _ = run(learner, autoencoder.hyper(0.1), state, V)
    close(moved(params, state.params)[0], 0.1 * 1.5 * slope)


def test_it_learns_to_give_back_what_it_is_given():
    cases = jnp.asarray(np.repeat(np.eye(5, dtype=np.float32), 2, axis=0))
    learner, params = autoencoder.autoencoder(optax.adam(1.0)), machine()
    state, hyper = learner.init(KEY, params), autoencoder.hyper(0.05)
    before = step(learner, params, cases)[1].reconstruction_error
    for _ in range(200):
        state, info = run(learner, hyper, state, cases)
    assert info.reconstruction_error < 0.1 * before


def test_a_loss_that_is_none_is_refused():
    with pytest.raises(InputError, match="loss: expected 'squared' or 'cross_entropy', got 'sum'"):
        autoencoder.autoencoder(optax.sgd(1.0), "sum")


def test_rectified_units_have_no_cross_entropy():
    with pytest.raises(TypeError, match="Rectifier has no energy"):
        step(DESCENT["cross_entropy"], untied(visible=units.Rectifier))
