"""Generation and completion against the enumerated distribution of a small net."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.inference import complete, generate
from dbnjax.models import dbn as dbn_lib
from dbnjax.sampling import gibbs

N_V, N_PEN, N_LABELS = 4, 3, 3
KEY = jax.random.key(2)
N_CHAINS, N_FRAMES, N_STEPS = 10_000, 2, 60


def balanced_net():
    """A net whose labels differ in their images: weights of both signs, fields about zero."""
    net = machines.net(8, (N_V, N_PEN, 3), N_LABELS)
    down, memory = 2.0 * net.generative[0].weights - 0.8, 2.0 * net.memory.weights - 0.8
    pixels = units.Bernoulli(-0.5 * down.sum(0))
    top = units.Bernoulli(-0.5 * memory[:N_PEN].sum(0) - memory[N_PEN:].mean(0))
    features = units.Bernoulli(-0.5 * memory[:N_PEN].sum(1))
    labels = units.Categorical(-0.5 * memory[N_PEN:].sum(1), N_LABELS)
    visible = units.Concat((features, labels))
    return net.replace(
        generative=(net.generative[0].replace(unit=pixels, weights=down),),
        memory=net.memory.replace(visible=visible, hidden=top, weights=memory),
    )


NET = balanced_net()


def exact_law():
    """p(v, label) of the net, `[16, n_labels]`."""
    top = machines.joint(NET.memory).visible_marginal.reshape(2**N_PEN, N_LABELS)
    return machines.visible_given_penultimate(NET).T @ top


@partial(jax.jit, static_argnums=0)
def imagine(clamped, key):
    """Binary images drawn from the last frame of a film from random states, and its labels."""
    key_start, key_film, key_pixels = jax.random.split(key, 3)
    labels = jax.nn.one_hot(jnp.full(N_CHAINS, 1), N_LABELS) if clamped else None
    state = generate.start_at_random(key_start, NET, N_CHAINS)
    means, seen = generate.film(key_film, NET, state, N_FRAMES, N_STEPS, labels)
    return means, seen, jax.random.bernoulli(key_pixels, means[-1]).astype(jnp.float32)


def test_a_clamped_film_shows_the_conditional_distribution():
    means, seen, drawn = imagine(True, KEY)
    assert means.shape == (N_FRAMES, N_CHAINS, N_V)
    np.testing.assert_array_equal(seen, jnp.broadcast_to(jnp.eye(N_LABELS)[1], seen.shape))
    law = exact_law()[:, 1] / exact_law()[:, 1].sum()
    frequencies = oracles.frequencies(oracles.binary_states(N_V), drawn)
    floor = oracles.total_variation_floor(law, N_CHAINS)
    assert oracles.total_variation(frequencies, law) < floor
    # Another label's images would not pass.
    other = exact_law()[:, 0] / exact_law()[:, 0].sum()
    assert oracles.total_variation(frequencies, other) > 2 * floor


def test_a_free_film_shows_images_and_labels_in_their_joint_distribution():
    _, seen, drawn = imagine(False, KEY)
    pairs = np.concatenate([drawn, seen[-1]], axis=-1)
    images, labels = oracles.binary_states(N_V), np.eye(N_LABELS)
    states = np.concatenate([np.repeat(images, N_LABELS, 0), np.tile(labels, (2**N_V, 1))], 1)
    law = exact_law().reshape(-1)
    distance = oracles.total_variation(oracles.frequencies(states, pairs), law)
    assert distance < oracles.total_variation_floor(law, N_CHAINS)


def test_a_chain_started_at_images_is_one_stochastic_up_pass_from_them():
    v = jnp.tile(jnp.array([[1.0, 0.0, 0.3, 1.0]]), (N_CHAINS, 1))
    state = generate.start_at_images(KEY, NET, v, jnp.full(N_LABELS, 1 / N_LABELS))
    penultimate, labels = dbn_lib.split_labels(NET.memory, state.visible)
    np.testing.assert_allclose(labels, 1 / N_LABELS)
    law = machines.penultimate_given_visible(NET, np.float64(v[0]))
    frequencies = oracles.frequencies(oracles.binary_states(N_PEN), penultimate)
    floor = oracles.total_variation_floor(law, N_CHAINS)
    assert oracles.total_variation(frequencies, law) < floor
    means = generate.look(KEY, NET, state)
    np.testing.assert_array_equal(means, dbn_lib.down_pass(KEY, NET, penultimate)[-1])


def test_a_film_without_labels_has_none():
    net = machines.net(3, (4, 3, 2))

    @jax.jit
    def short_film(net):
        return generate.film(KEY, net, generate.start_at_random(KEY, net, 5), 3, 2)

    images, labels = short_film(net)
    assert images.shape == (3, 5, 4)
    assert labels is None


RBM_ = machines.binary(17, 4, 3)
complete_dbn = jax.jit(complete.complete_dbn, static_argnames=("n_rounds", "n_steps"))
MASK = np.array([True, False, False, True])


def test_one_machine_completes_from_the_exact_conditional():
    known = gibbs.clamp(RBM_.visible, MASK, np.tile([1.0, 0.5, 0.5, 0.0], (N_CHAINS, 1)))
    run = jax.jit(partial(complete.complete_rbm, n_steps=60))
    v = run(KEY, RBM_, known)
    np.testing.assert_array_equal(v[:, MASK], np.tile([1.0, 0.0], (N_CHAINS, 1)))
    states, marginal = oracles.binary_states(4), machines.joint(RBM_).visible_marginal
    law = np.where((states[:, MASK] == [1.0, 0.0]).all(1), marginal, 0.0)
    law /= law.sum()
    distance = oracles.total_variation(oracles.frequencies(states, v), law)
    assert distance < oracles.total_variation_floor(law, N_CHAINS)


@pytest.mark.parametrize(
    ("sizes", "n_labels"),
    [((6, 5, 4, 3), 3), ((6, 5, 4), 0), ((6, 4), 0), ((6, 4), 3)],
    ids=["labels", "no labels", "bare memory", "bare memory with labels"],
)
def test_a_net_completes_and_keeps_what_is_known(sizes, n_labels):
    net = machines.net(4, sizes, n_labels)
    mask = np.arange(6) < 3
    given = jax.random.uniform(jax.random.key(5), (7, 6))
    pixels = units.Bernoulli.zeros(6)
    known = gibbs.clamp(pixels, mask, given)
    filled = complete_dbn(KEY, net, known, n_rounds=3, n_steps=2)
    np.testing.assert_array_equal(filled[:, mask], given[:, mask])
    unknown = np.asarray(filled[:, ~mask])
    assert ((unknown >= 0) & (unknown <= 1)).all()
    # The values under the unknown pixels are not looked at.
    other = gibbs.clamp(pixels, mask, jnp.where(mask, given, 0.9))
    again = complete_dbn(KEY, net, other, n_rounds=3, n_steps=2)
    np.testing.assert_array_equal(again, filled)


def test_a_round_is_an_up_pass_some_iterations_and_a_down_pass():
    known = gibbs.clamp(units.Bernoulli.zeros(4), MASK, jnp.ones((5, 4)))
    filled = complete_dbn(KEY, NET, known, n_rounds=1, n_steps=2)

    @jax.jit
    def by_hand(key):
        key_up, key_chain, key_look = jax.random.split(jax.random.fold_in(key, 0), 3)
        begin = gibbs.apply_clamp(known, NET.generative[0].unit.mean(jnp.zeros((5, 4))))
        state = generate.start_at_images(key_up, NET, begin, jnp.full((5, 3), 1 / 3))
        state = gibbs.chain(key_chain, NET.memory, state, 2)
        return gibbs.apply_clamp(known, generate.look(key_look, NET, state))

    np.testing.assert_allclose(filled, by_hand(KEY), rtol=1e-5)
