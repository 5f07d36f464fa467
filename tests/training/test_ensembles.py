"""Ensembles whose members have seeds of their own: draws, updates, and one copy of the data."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from dbnjax import numerics
from dbnjax.learning import contrastive_divergence, updates
from dbnjax.training import greedy, loop, sharding
from dbnjax.types import Learner

N_PIXELS, BATCH = 12, 10
OWN = jnp.stack([jax.random.key(seed) for seed in (3, 8, 5)])
KEYS = loop.Keys(order=jax.random.key(1), draws=OWN)
PREPARE = greedy.layer_data("sample", "mean", 0)


def data(n_cases):
    pixels = np.random.default_rng(0).integers(0, 256, (n_cases, N_PIXELS), dtype=np.uint8)
    return loop.put(pixels, np.arange(n_cases) % 5, 5, BATCH, balanced=True)


def stacked(trees):
    return jax.tree.map(lambda *x: jnp.stack(x), *trees)


def keep_draws(key, hyper, state, batch):
    """Learns nothing: the state is what the step drew, and the binary pixels it was given."""
    del hyper
    return (numerics.uniform(key, state[0].shape), batch), batch.mean()


def drawn():
    return jnp.zeros(7), jnp.zeros((BATCH, N_PIXELS))


def test_members_draw_what_they_would_alone_and_share_the_order():
    drawer = Learner(init=lambda key, params: params, step=keep_draws)
    together = loop.ensemble_program(drawer, PREPARE, BATCH)
    alone = loop.epoch_program(drawer, PREPARE, BATCH)
    states, _ = together(KEYS, (), stacked([drawn()] * len(OWN)), (), data(2 * BATCH))
    for i, own in enumerate(OWN):
        expected, _ = alone(loop.Keys(KEYS.order, own), (), drawn(), (), data(2 * BATCH))
        for a, b in zip(states, expected, strict=True):
            np.testing.assert_array_equal(a[i], b)
    uniforms, pixels = states
    assert len(np.unique(uniforms)) == uniforms.size  # all of all members
    assert (pixels[0] != pixels[1]).any()
    states, _ = together(KEYS.order, (), stacked([drawn()] * len(OWN)), (), data(2 * BATCH))
    expected, _ = alone(loop.split_key(KEYS.order), (), drawn(), (), data(2 * BATCH))
    for a, b in zip(states, expected, strict=True):
        np.testing.assert_array_equal(a, np.stack([b] * len(OWN)))  # one key: the same luck


def learner_and_state(seed):
    learner = contrastive_divergence.contrastive_divergence(1)
    key = jax.random.key(seed)
    return learner, learner.init(key, greedy.layer(key, N_PIXELS, 6))


def test_an_update_of_a_member_is_its_own_up_to_rounding():
    """Own first weights, own rate, own draws."""
    learner, _ = learner_and_state(0)
    states = [learner_and_state(seed)[1] for seed in range(len(OWN))]
    before = [np.asarray(state.params.weights) for state in states]
    hypers = [updates.hyper(rate, 0.5) for rate in (0.1, 0.2, 0.3)]
    together = loop.ensemble_program(learner, PREPARE, BATCH)
    alone = loop.epoch_program(learner, PREPARE, BATCH)
    learned, _ = together(KEYS, stacked(hypers), stacked(states), (), data(BATCH))
    for i, own in enumerate(OWN):
        keys = loop.Keys(KEYS.order, own)
        expected, _ = alone(keys, hypers[i], states[i], (), data(BATCH))
        assert np.abs(expected.params.weights - before[i]).max() > 1e-2
        for a, b in zip(jax.tree.leaves(learned), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=0, atol=1e-6)


def test_all_members_share_one_copy_of_the_data_and_one_gather():
    learner, state = learner_and_state(0)
    cases, hyper = data(200 * BATCH), updates.hyper(0.1)
    program = loop.ensemble_program(learner, PREPARE, BATCH)

    def lowered(n):
        draws = jax.random.split(KEYS.order, n)
        given = stacked([hyper] * n), stacked([state] * n), (), cases
        return program.lower(KEYS._replace(draws=draws), *given)

    few, many = (lowered(n).compile().memory_analysis() for n in (2, 34))
    own = sum(x.nbytes for x in jax.tree.leaves((hyper, state))) + OWN[0].nbytes
    assert many.argument_size_in_bytes - few.argument_size_in_bytes == 32 * own
    assert few.argument_size_in_bytes > cases.pixels.nbytes
    # A member's minibatches and records are all that it adds; all its pixels would be more.
    assert many.temp_size_in_bytes - few.temp_size_in_bytes < 32 * cases.pixels.nbytes / 2
    text = lowered(2).as_text()
    assert f"tensor<{BATCH}x{N_PIXELS}xui8>" in text
    assert f"tensor<2x{BATCH}x{N_PIXELS}xui8>" not in text


def test_members_with_their_own_seeds_exchange_nothing_between_devices():
    learner, _ = learner_and_state(0)
    states = stacked([learner_and_state(seed)[1] for seed in range(len(OWN))])
    program = loop.ensemble_program(learner, PREPARE, BATCH)
    given = KEYS, stacked([updates.hyper(0.1)] * len(OWN)), states, (), data(2 * BATCH)
    with sharding.using(f"ensemble:{len(OWN)}"):
        keys, hyper, state, context, cases = jax.device_put(given, PartitionSpec())
        placed = keys, hyper, sharding.place_members(state), context, cases
        compiled = program.lower(*placed).compile()
        assert " all-" not in compiled.as_text()
        learned, _ = compiled(*placed)
    weights = learned.params.weights
    assert weights.sharding.shard_shape(weights.shape)[0] == 1
    expected, _ = program(*given)
    for a, b in zip(*map(jax.tree.leaves, (learned, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
