"""Errors are counted case by case, whatever the chunk."""

import jax
import jax.numpy as jnp
import machines
import numpy as np

from dbnjax.inference import classify
from dbnjax.training import evaluate

NET = machines.net(5, (6, 4, 3), 3)
PIXELS = jnp.asarray(np.random.default_rng(0).integers(0, 256, (37, 6)), jnp.uint8)
KEY = jax.random.key(0)


def test_errors_are_those_of_the_read_out(monkeypatch):
    guesses = classify.deterministic(NET, PIXELS / 255.0).argmax(-1)
    labels = guesses.at[:5].set((guesses[:5] + 1) % 3)
    assert evaluate.count_errors(evaluate.deterministic, KEY, NET, PIXELS, labels) == 5


def test_chunks_change_no_draw(monkeypatch):
    whole = evaluate.scores(classify.stochastic, KEY, NET, PIXELS)
    monkeypatch.setattr(evaluate, "CHUNK", 10)
    chunked = evaluate.scores.__wrapped__(classify.stochastic, KEY, NET, PIXELS)
    np.testing.assert_allclose(whole, chunked, rtol=1e-5, atol=1e-6)


def test_every_read_out_scores_every_case():
    for read_out in evaluate.read_outs(n_gibbs=3, n_passes=2).values():
        for scores in jax.tree.leaves(evaluate.scores(read_out, KEY, NET, PIXELS)):
            assert scores.shape == (37, 3)


def test_a_nets_reconstruction_is_of_pixels_by_the_first_layer():
    v = PIXELS / 255.0
    up, down = NET.recognition[0], NET.generative[0]
    hidden = jax.nn.sigmoid(v @ up.weights + up.unit.bias)
    again = jax.nn.sigmoid(hidden @ down.weights + down.unit.bias)
    expected = ((v - again) ** 2).sum(-1).mean()
    np.testing.assert_allclose(evaluate.reconstruction_error(NET, v), expected, rtol=1e-5)
