"""Chains through a net in calls of bounded length: what they show, and how they are cut."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import two_classes

from dbnjax import dbn, stack
from dbnjax.inference import complete
from dbnjax.sampling import gibbs
from dbnjax.scoring import chains

CLEAN = two_classes.pixels([0, 1]) / 255.0


def test_a_deep_completion_is_the_librarys_with_progress(capfd):
    net = two_classes.deep(strength=0.2)  # so weak that its draws show in the images
    pixels = np.tile(np.float32(CLEAN.reshape(2, -1)), (10, 1))
    known = np.arange(24) < 12
    clamp = gibbs.clamp(net.generative[0].unit, known, pixels)
    expected, other = (
        complete.complete_dbn(jax.random.key(seed), net, clamp, 4, chains.ROUND) for seed in (3, 4)
    )
    filled = chains.complete(jax.random.key(3), net, pixels, known, 4)
    np.testing.assert_allclose(filled, expected, rtol=1e-5)
    assert not np.allclose(filled, other, rtol=1e-5)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(" [")[0] for line in lines] == [f"complete: {i}/4" for i in range(1, 5)]


def test_one_machine_is_completed_in_blocks(monkeypatch, capfd):
    monkeypatch.setattr(chains, "BLOCK", 2)
    pixels = np.float32(CLEAN.reshape(2, -1))
    known = np.arange(24) < 12
    net = dbn.untie(stack.create((two_classes.single(),)))
    filled = chains.complete(jax.random.key(0), net, pixels, known, 5)
    np.testing.assert_array_equal(filled, pixels)  # the machine is nearly certain of its classes
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(" [")[0] for line in lines] == [f"sample: {i}/3" for i in range(1, 4)]


def test_long_waits_are_cut_into_blocks():
    assert chains.blocks(0) == []
    assert chains.blocks(20) == [20]
    assert chains.blocks(1000) == [1000]
    assert chains.blocks(2500) == [1000, 1000, 500]


def test_free_chains_show_what_their_own_labels_say():
    seen, labels = chains.free(jax.random.key(1), two_classes.deep(), 4, 3, 20)
    assert labels.shape == (4, 3)
    np.testing.assert_allclose(seen.reshape(4, 3, *CLEAN.shape[1:]), CLEAN[labels], atol=0.01)
    seen, labels = chains.free(jax.random.key(1), dbn.untie(two_classes.label_free()), 4, 3, 2)
    assert seen.shape == (4, 3, CLEAN[0].size)
    assert labels is None


def test_only_units_that_generate_something_are_tried():
    net = machines.net(3, (6, 9, 9, 9), n_labels=2)
    heard = jnp.isin(jnp.arange(9), jnp.array([1, 4, 5, 7]))  # the others generate nothing
    generative = tuple(
        layer.replace(weights=layer.weights * heard[:, None]) for layer in net.generative
    )
    memory = net.memory.replace(weights=net.memory.weights * heard)
    net = net.replace(generative=generative, memory=memory)
    effects = chains.strongest_units(jax.random.key(0), net, 10, 3, 5)
    assert [found.shape for found in effects] == [(5, 6)] * 3
    for found in effects:
        np.testing.assert_array_equal(np.abs(found).max(1) > 1e-5, [True] * 4 + [False])
