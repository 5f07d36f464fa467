"""Class probabilities of images under every read-out, chunk by chunk."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import two_classes

from dbnjax import dbn, feedforward, stack
from dbnjax.checks import InputError
from dbnjax.scoring import read_outs
from dbnjax.training import evaluate, loop

LABELS = np.array([0, 1, 1, 0, 1, 0, 0])
PIXELS = two_classes.pixels(LABELS)
KEY = jax.random.key(0)


@pytest.mark.parametrize("read_out", ["deterministic", "stochastic", "averaged", "gibbs"])
def test_every_read_out_knows_the_classes(read_out):
    found = read_outs.class_probabilities(
        two_classes.deep(), PIXELS, read_out, KEY, n_gibbs=5, n_passes=3
    )
    np.testing.assert_array_equal(found.argmax(-1), LABELS)
    np.testing.assert_allclose(found.sum(-1), 1.0, rtol=1e-5)
    assert (found.max(-1) > 0.99).all()


def test_probabilities_are_those_of_the_free_energy():
    strength, shades = 0.03, np.array([0, 51, 204, 255], np.uint8)
    pixels = two_classes.pixels([0])[0] & shades[:, None, None]
    net = dbn.untie(stack.create((two_classes.single(strength),)))
    surplus = (pixels.reshape(4, -1) / 255.0) @ two_classes.SIDES
    fields = strength * (surplus[:, None] + np.array([1.0, -1.0]))  # by label
    log_joint = np.logaddexp(0, fields) + np.logaddexp(0, -fields)
    exact = np.exp(log_joint) / np.exp(log_joint).sum(-1, keepdims=True)
    assert 0.5 < exact[1:, 0].max() < 0.6
    np.testing.assert_allclose(read_outs.class_probabilities(net, pixels), exact, rtol=1e-5)


def test_chunks_do_not_change_the_answer(monkeypatch, capsys):
    whole = read_outs.class_probabilities(two_classes.deep(), PIXELS)
    monkeypatch.setattr(evaluate, "CHUNK", 3)
    chunked = read_outs.class_probabilities(two_classes.deep(), PIXELS)
    np.testing.assert_allclose(chunked, whole, rtol=1e-6)
    assert "3/3" in capsys.readouterr().err


def test_what_a_net_cannot_be_asked_is_refused():
    net = feedforward.create((), feedforward.softmax_layer(KEY, PIXELS[0].size, 2))
    assert read_outs.count_classes(net) == read_outs.count_classes(two_classes.deep()) == 2
    with pytest.raises(InputError, match=r"read_out: expected deterministic for .*, got gibbs"):
        read_outs.class_probabilities(net, PIXELS, "gibbs", KEY)
    with pytest.raises(InputError, match="key: expected one for stochastic, got none"):
        read_outs.class_probabilities(two_classes.deep(), PIXELS, "stochastic")
    with pytest.raises(InputError, match="no label units"):
        read_outs.class_probabilities(dbn.untie(two_classes.label_free()), PIXELS)
    assert jnp.isfinite(read_outs.class_probabilities(net, PIXELS)).all()


def test_several_nets_are_judged_on_their_own_splits():
    net, data = two_classes.deep(), loop.put(PIXELS, LABELS, 2, 1, balanced=False)
    others = loop.put(PIXELS[:3], 1 - LABELS[:3], 2, 1, balanced=False)
    asked = {"one": (net, {"test": data, "inverted": others}), "two": (net, {"test": data})}
    found = read_outs.wrong_cases(KEY, asked, n_gibbs=5, n_passes=3)
    assert list(found) == ["one", "two"]
    averaged = ["averaged probabilities", "averaged log probabilities"]
    assert list(found["one"]) == ["gibbs", "stochastic", "deterministic", *averaged]
    for splits in found["one"].values():
        assert splits["test"].tolist() == []
        assert splits["inverted"].tolist() == [0, 1, 2]
    assert all(list(splits) == ["test"] for splits in found["two"].values())
