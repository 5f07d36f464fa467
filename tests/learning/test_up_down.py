"""Up-down against appendix B transcribed, and both passes against autodiff."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles_dbn
import pytest

from dbnjax import numerics, units
from dbnjax.learning import passes, phases
from dbnjax.learning.up_down import up_down
from dbnjax.learning.wake_sleep import wake_sleep
from dbnjax.models import belief_net
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import rbm as rbm_lib

SIZES, N_LABELS, N_CASES = (6, 5, 4, 5), 3, 8
KEY = jax.random.key(3)
NET = machines.net(5, SIZES, N_LABELS)
BATCH = passes.Batch(
    visible=jax.random.uniform(jax.random.key(1), (N_CASES, 6)),
    labels=jax.nn.one_hot(jnp.arange(N_CASES) % N_LABELS, N_LABELS),
)


def assert_close(got, expected, atol=2e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=atol), got, expected)


up_down_learner = cache(up_down)  # one learner, one program
DREAMER = wake_sleep(n_chains=5, n_steps=2)


@partial(jax.jit, static_argnums=0)
def run(learner, key, hyper, state, batch):
    return learner.step(key, hyper, state, batch)


def update(learner, net, batch, hyper):
    """What one step from rest adds to the net, and the state after it."""
    state, info = run(learner, KEY, hyper, learner.init(jax.random.key(0), net), batch)
    return jax.tree.map(jnp.subtract, state.params, net), state, info


def names_of_appendix_b(net):
    """The net's parameters, or a gradient shaped like it, under the paper's names."""
    (hid, pen), (vis, down), memory = net.recognition, net.generative, net.memory
    pentop, labtop = jnp.split(memory.weights, [SIZES[2]])
    return oracles_dbn.Weights(
        vishid=hid.weights,
        hidpen=pen.weights,
        hidrecbiases=hid.unit.bias,
        penrecbiases=pen.unit.bias,
        hidvis=vis.weights,
        penhid=down.weights,
        visgenbiases=vis.unit.bias,
        hidgenbiases=down.unit.bias,
        pentop=pentop,
        labtop=labtop,
        pengenbiases=memory.visible.parts[0].bias,
        labgenbiases=memory.visible.parts[1].bias,
        topbiases=memory.hidden.bias,
    )


def uniforms(key, n_steps):
    """The library's own uniforms, in the places where appendix B calls `rand`."""

    def rand(key, n):
        return np.float64(numerics.uniform(key, (N_CASES, n)))

    _, n_hid, n_pen, n_top = SIZES
    key_wake, key_top, key_chain, key_sleep = jax.random.split(key, 4)
    key_walk, key_visible, key_hidden = jax.random.split(key_chain, 3)
    pairs = [jax.random.split(jax.random.fold_in(key_walk, i)) for i in range(n_steps - 1)]
    pairs.append((key_visible, key_hidden))
    return oracles_dbn.Uniforms(
        wakehid=rand(jax.random.fold_in(key_wake, 0), n_hid),
        wakepen=rand(jax.random.fold_in(key_wake, 1), n_pen),
        waketop=rand(key_top, n_top),
        negpen=[rand(jax.random.split(key_v)[0], n_pen) for key_v, _ in pairs],
        negtop=[rand(key_h, n_top) for _, key_h in pairs],
        sleephid=rand(jax.random.fold_in(key_sleep, 0), n_hid),
    )


@pytest.mark.parametrize("n_steps", [1, 3])
def test_one_step_is_appendix_b(n_steps):
    change, _, _ = update(up_down_learner(n_steps), NET, BATCH, passes.hyper(1.0))
    exact = jax.tree.map(np.float64, names_of_appendix_b(NET))
    data, targets = np.float64(BATCH.visible), np.float64(BATCH.labels)
    expected = oracles_dbn.up_down_gradients(exact, data, targets, uniforms(KEY, n_steps))
    assert_close(names_of_appendix_b(change), expected)


def test_every_prediction_precedes_every_update():
    """So the step is linear in the rate; a prediction from updated weights would bend it."""
    whole, half = (
        update(up_down_learner(3), NET, BATCH, passes.hyper(rate))[0] for rate in (2.0, 1.0)
    )
    assert_close(whole, jax.tree.map(lambda x: 2.0 * x, half), 5e-6)


REAL = NET.replace(
    generative=(
        NET.generative[0].replace(
            unit=units.Gaussian(jnp.linspace(-1.0, 1.0, 6), jnp.linspace(-1.0, 0.5, 6))
        ),
        NET.generative[1],
    )
)


def mean_log_probability(layers, inputs, outputs):
    """Summed over layers, each given its input."""
    given = [belief_net.conditional(layer, x) for layer, x in zip(layers, inputs, strict=True)]
    return sum(g.log_prob(y).mean() for g, y in zip(given, outputs, strict=True))


@jax.jit
def wake_and_judge(net):
    states, gradients = passes.wake(KEY, net, BATCH.visible)
    objective = partial(mean_log_probability, inputs=states[1:], outputs=states[:-1])
    return states, gradients, jax.grad(objective)(net.generative)


def test_the_wake_pass_ascends_the_probability_of_each_layer_given_the_one_above():
    states, gradients, expected = wake_and_judge(REAL)
    up = dbn_lib.up_pass(KEY, REAL, BATCH.visible, "sample")
    assert all(map(np.array_equal, states, (BATCH.visible, *up)))
    assert_close(gradients, expected, 2e-5)


@jax.jit
def sleep_and_judge(net, penultimate):
    dream = tuple(reversed(dbn_lib.down_pass(KEY, net, penultimate)))
    objective = partial(mean_log_probability, inputs=dream[:-1], outputs=dream[1:])
    return passes.sleep(KEY, net, penultimate), jax.grad(objective)(net.recognition)


def test_the_sleep_pass_ascends_the_probability_of_recognising_the_dream():
    penultimate = jax.random.bernoulli(jax.random.key(9), 0.5, (N_CASES, 4)).astype(jnp.float32)
    assert_close(*sleep_and_judge(REAL, penultimate), 2e-5)


@partial(jax.jit, static_argnums=(1, 2))
def memory_phases(net, n_steps, choices):
    key_wake, key_top, key_chain, _ = jax.random.split(KEY, 4)
    penultimate = dbn_lib.up_pass(key_wake, net, BATCH.visible, "sample")[-1]
    joined = dbn_lib.join_labels(penultimate, BATCH.labels)
    positive = phases.positive_phase(key_top, net.memory, joined, choices)
    chain = (key_chain, net.memory, positive.hidden_state, n_steps, choices)
    return positive, phases.negative_phase(*chain)


@pytest.mark.parametrize(("labels", "statistics"), [("mean", "mean"), ("sample", "sample")])
def test_the_memory_follows_the_difference_of_its_two_phases(labels, statistics):
    """Autodiff of free energies (or energies) with all drawn states held fixed."""
    change, _, info = update(
        up_down_learner(2, labels=labels, statistics=statistics), NET, BATCH, passes.hyper(1.0)
    )
    choices = phases.Choices(statistics, ("sample", labels), statistics)
    positive, negative = memory_phases(NET, 2, choices)
    drawn = NET.memory.visible.split(negative.visible)[1]
    assert (set(np.unique(drawn)) == {0.0, 1.0}) == (labels == "sample")

    def objective(memory):
        if statistics == "mean":
            ends = [rbm_lib.free_energy(memory, p.visible) for p in (negative, positive)]
        else:
            ends = [rbm_lib.energy(memory, p.visible, p.hidden) for p in (negative, positive)]
        return (ends[0] - ends[1]).mean()

    assert_close(change.memory, jax.jit(jax.grad(objective))(NET.memory))
    error = ((positive.visible - negative.visible) ** 2).sum(-1).mean()
    np.testing.assert_allclose(info.memory_error, error, rtol=1e-5)


def test_momentum_and_decay_as_everywhere():
    learner = up_down_learner(1)
    plain, _, _ = update(learner, NET, BATCH, passes.hyper(1.0))
    decayed, _, _ = update(learner, NET, BATCH, passes.hyper(1.0, decay=0.1))

    def pulled(path, change, parameter):
        return change - 0.1 * parameter if path[-1].name == "weights" else change

    assert_close(decayed, jax.tree_util.tree_map_with_path(pulled, plain, NET))
    hyper = passes.hyper(0.2, momentum=0.5)
    state, _ = run(learner, KEY, hyper, learner.init(KEY, NET), BATCH)
    again, _ = run(learner, jax.random.key(4), hyper, state, BATCH)
    fresh, _ = run(learner, jax.random.key(4), hyper, learner.init(KEY, state.params), BATCH)
    expected = jax.tree.map(lambda v, g: 0.5 * v + g, state.velocity, fresh.velocity)
    assert_close(again.velocity, expected)
    moved = jax.tree.map(lambda p, v: p + 0.2 * v, state.params, expected)
    assert_close(again.params, moved)


@pytest.mark.parametrize(
    ("sizes", "n_labels"),
    [((6, 4), 0), ((6, 4), 3), ((6, 5, 4), 0), ((6, 5, 4, 4, 3), 3)],
    ids=["bare memory", "bare memory with labels", "no labels", "deeper"],
)
def test_any_depth_with_and_without_labels_learns_everywhere(sizes, n_labels):
    net = machines.net(2, sizes, n_labels)
    batch = BATCH if n_labels else passes.Batch(BATCH.visible)
    change, _, info = update(up_down_learner(2), net, batch, passes.hyper(0.1))
    assert all(bool((x != 0).any()) for x in jax.tree.leaves(change))
    assert bool(info.reconstruction_error > 0) == (len(sizes) > 2)


def test_a_bare_memory_learns_by_contrastive_divergence():
    net = machines.net(2, (6, 4))
    batch = passes.Batch(jnp.round(BATCH.visible))
    change, _, _ = update(up_down_learner(3), net, batch, passes.hyper(1.0))
    _, key_top, key_chain, _ = jax.random.split(KEY, 4)
    choices = phases.Choices("sample", "sample", "sample")
    positive = phases.positive_phase(key_top, net.memory, batch.visible, choices)
    chain = (key_chain, net.memory, positive.hidden_state, 3, choices)
    negative = jax.jit(phases.negative_phase, static_argnums=(3, 4))(*chain)
    gradient = phases.rbm_gradient(positive, negative, None)
    assert_close(change.memory, gradient)


def test_the_reconstruction_error_is_that_of_the_data_from_the_first_states():
    _, _, info = update(up_down_learner(1), NET, BATCH, passes.hyper(0.1))
    hidden = dbn_lib.up_pass(jax.random.split(KEY, 4)[0], NET, BATCH.visible, "sample")[0]
    predicted = belief_net.conditional(NET.generative[0], hidden).mean()
    error = ((BATCH.visible - predicted) ** 2).sum(-1).mean()
    np.testing.assert_allclose(info.reconstruction_error, error, rtol=1e-5)


def test_wake_sleep_dreams_without_the_data():
    other = passes.Batch(1.0 - BATCH.visible, BATCH.labels[::-1])
    (one, state, _), (two, state_two, _) = (
        update(DREAMER, NET, b, passes.hyper(1.0)) for b in (BATCH, other)
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, one.recognition, two.recognition))
    np.testing.assert_array_equal(state.chains, state_two.chains)
    assert not np.array_equal(one.memory.weights, two.memory.weights)
    # Awake it is up-down.
    up, _, _ = update(up_down_learner(1), NET, BATCH, passes.hyper(1.0))
    assert_close(one.generative, up.generative)
    # Its chains go on from where they were.
    moved = state._replace(chains=1.0 - state.chains)
    ends = [run(DREAMER, KEY, passes.hyper(1.0), s, BATCH)[0].chains for s in (state, moved)]
    assert not np.array_equal(*ends)


def test_wake_sleeps_memory_and_recognition_follow_the_chains_dream():
    start = DREAMER.init(jax.random.key(0), NET).chains
    change, state, info = update(DREAMER, NET, BATCH, passes.hyper(1.0))
    choices = phases.Choices("sample", ("sample", "sample"), "sample")
    _, _, key_chain, key_sleep = jax.random.split(KEY, 4)
    positive, _ = memory_phases(NET, 1, choices)
    negative = jax.jit(phases.negative_phase, static_argnums=(3, 4))
    dream = negative(key_chain, NET.memory, start, 2, choices)
    assert_close(change.memory, phases.rbm_gradient(positive, dream, None))
    penultimate, _ = dbn_lib.split_labels(NET.memory, dream.visible)
    assert_close(change.recognition, jax.jit(passes.sleep)(key_sleep, NET, penultimate))
    np.testing.assert_array_equal(state.chains, dream.hidden_state)
    np.testing.assert_allclose(info.chain_activity, dream.hidden.mean(), rtol=1e-5)
