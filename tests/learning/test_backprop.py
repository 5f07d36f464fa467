"""Backpropagation against finite differences of a float64 net, and what is done with the slope."""

import itertools
from functools import partial

import feedforward_nets as nets
import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracles_feedforward as oracles
import pytest

from dbnjax import numerics
from dbnjax.learning import backprop
from dbnjax.learning.conjugate_gradient import conjugate_gradient

KEY = jax.random.key(0)
BATCH = nets.batch()
WEIGHTS = np.array([1.0, 10.0, 0.0, 0.5, 1.0, 10.0, 2.0])
LEARNERS = {
    "plain": backprop.backprop(optax.sgd(1.0)),
    "momentum": backprop.backprop(optax.sgd(1.0, momentum=0.5)),
    "adam": backprop.backprop(optax.adam(1.0)),
    "lbfgs": backprop.backprop(optax.lbfgs(memory_size=2)),
    "conjugate gradient": backprop.backprop(conjugate_gradient()),
}
DESCENT = LEARNERS["plain"]
DROPPING = backprop.backprop(optax.sgd(1.0), dropout=True)
SHORTENING = backprop.backprop(optax.sgd(1.0), max_norm=True)
close = partial(np.testing.assert_allclose, rtol=1e-4, atol=2e-6)


@partial(jax.jit, static_argnums=0)
def run(learner, key, hyper, state, batch):
    return learner.step(key, hyper, state, batch)


def step(learner, hyper, net, batch=BATCH, key=KEY):
    """The net after one step from rest, and what the step says."""
    state, info = run(learner, key, hyper, learner.init(KEY, net), batch)
    return state.params, info


def exact_gradient(net, batch, decay=0.0):
    v, targets = np.float64(batch.visible), np.float64(batch.labels)
    weights = 1.0 if batch.weights is None else np.float64(batch.weights)
    return nets.flat(
        oracles.gradient(
            lambda layers: oracles.cost(layers, v, targets, weights, decay), nets.exact(net)
        )
    )


@pytest.mark.parametrize("kind", nets.UNITS)
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_of_rate_one_is_minus_the_slope_of_the_cost(kind, decay, weighted):
    net = nets.net(kind)
    batch = BATCH._replace(weights=jnp.asarray(WEIGHTS, jnp.float32)) if weighted else BATCH
    fields = oracles.inputs(nets.exact(net)[:-1], np.float64(batch.visible))
    assert min(np.abs(field).min() for field in fields) > 10 * oracles.STEP  # no kink within reach
    after, info = step(DESCENT, backprop.hyper(1.0, decay), net, batch)
    for moved, slope in zip(nets.moved(net, after), exact_gradient(net, batch, decay), strict=True):
        close(moved, -slope)
    v, labels = np.float64(batch.visible), np.float64(batch.labels)
    each = oracles.cross_entropy(nets.exact(net), v, labels)
    close(info.cross_entropy, ((WEIGHTS if weighted else 1.0) * each).mean())
    guesses = oracles.states(nets.exact(net), v)[-1].argmax(-1)
    wrong = guesses != labels.argmax(-1)
    assert 0 < wrong.mean() < 1
    close(info.error, ((WEIGHTS if weighted else 1.0) * wrong).mean())


def test_targets_may_be_probabilities():
    soft = 0.7 * BATCH.labels + 0.3 * jnp.array([0.5, 0.2, 0.3])
    batch, net = BATCH._replace(labels=soft), nets.net()
    after, info = step(DESCENT, backprop.hyper(1.0), net, batch)
    for moved, slope in zip(nets.moved(net, after), exact_gradient(net, batch), strict=True):
        close(moved, -slope)
    close(info.cross_entropy, oracles.cost(nets.exact(net), *map(np.float64, batch[:2])))


def test_the_rate_multiplies_what_the_optimiser_makes_of_the_slope_once():
    net = nets.net()
    learner = LEARNERS["momentum"]
    slopes, state = [], learner.init(KEY, net)
    for _ in range(3):
        slopes.append(exact_gradient(state.params, BATCH))
        before = state.params
        state, _ = run(learner, KEY, backprop.hyper(0.1), state, BATCH)
    for moved, first, second, third in zip(nets.moved(before, state.params), *slopes, strict=True):
        close(moved, -0.1 * (third + 0.5 * second + 0.25 * first))


def test_adam_moves_every_weight_by_the_rate_at_first():
    net = nets.net()
    after, _ = step(LEARNERS["adam"], backprop.hyper(0.01), net)
    for moved, slope in zip(nets.moved(net, after), exact_gradient(net, BATCH), strict=True):
        np.testing.assert_allclose(moved, -0.01 * np.sign(slope), rtol=1e-3)


SEARCHING = ("lbfgs", "conjugate gradient")  # they find their step by themselves


@pytest.mark.parametrize("name", LEARNERS)
def test_hidden_layers_are_left_exactly_as_they_are_while_the_softmax_layer_learns(name):
    net, learner = nets.net(), LEARNERS[name]
    still = backprop.hyper(1.0 if name in SEARCHING else 0.1, decay=0.1, hidden=0.0)
    state, costs = learner.init(KEY, net), []
    for _ in range(3):
        state, info = run(learner, KEY, still, state, BATCH)
        costs.append(info.cross_entropy)
    jax.tree.map(np.testing.assert_array_equal, state.params.hidden, net.hidden)
    assert costs[-1] < costs[0]
    assert (state.params.output.weights != net.output.weights).all()


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_no_memory_of_an_optimiser_moves_layers_that_are_left_alone(name):
    learner = LEARNERS[name]
    state, _ = run(learner, KEY, backprop.hyper(0.1), learner.init(KEY, nets.net()), BATCH)
    after, _ = run(learner, KEY, backprop.hyper(0.1, hidden=0.0), state, BATCH)
    jax.tree.map(np.testing.assert_array_equal, after.params.hidden, state.params.hidden)
    assert (after.params.output.weights != state.params.output.weights).all()


@pytest.mark.parametrize("hidden", [0.0, 0.25])
def test_the_softmax_layer_learns_as_it_would_and_the_others_by_their_factor(hidden):
    net = nets.net()
    after, info = step(DESCENT, backprop.hyper(1.0, decay=0.3, hidden=hidden), net)
    *lower, weights, bias = exact_gradient(net, BATCH, decay=0.3)
    expected = [*(hidden * slope for slope in lower), weights, bias]
    for moved, slope in zip(nets.moved(net, after), expected, strict=True):
        close(moved, -slope)
    assert info == step(DESCENT, backprop.hyper(1.0), net)[1]


@pytest.mark.parametrize("name", SEARCHING)
def test_optimisers_that_look_along_a_line_lower_the_cost_in_every_step(name):
    learner, decay = LEARNERS[name], 0.01
    state = learner.init(KEY, nets.net())
    v, labels = np.float64(BATCH.visible), np.float64(BATCH.labels)

    def cost(net):
        return oracles.cost(nets.exact(net), v, labels, decay=decay)

    costs = [cost(state.params)]
    for _ in range(4):
        state, _ = run(learner, KEY, backprop.hyper(1.0, decay), state, BATCH)
        costs.append(cost(state.params))
    assert (np.diff(costs) < 0).all()
    slow = DESCENT.init(KEY, nets.net())
    for _ in range(4):
        slow, _ = run(DESCENT, KEY, backprop.hyper(0.5, decay), slow, BATCH)
    assert costs[-1] < cost(slow.params)


def test_dropout_keeps_the_expectation_of_every_unit(monkeypatch):
    """The exact sum over all masks of three units, by the probabilities that were asked for."""
    x, total, asked = jnp.array([0.3, -1.2, 5.0]), np.zeros(3), []
    for mask in itertools.product((0.0, 1.0), repeat=3):

        def drawn(key, probability, mask=mask):
            asked.append(np.float64(probability))
            return jnp.array(mask)

        monkeypatch.setattr(numerics, "bernoulli", drawn)
        kept = np.float64(backprop.drop(KEY, x, jnp.float32(0.2)))
        np.testing.assert_array_equal(kept == 0, np.array(mask) == 0)
        total += np.where(mask, asked[-1], 1 - asked[-1]).prod() * kept
    np.testing.assert_allclose(total, x, rtol=1e-6)
    np.testing.assert_allclose(asked, 0.8, rtol=1e-6)


def test_dropout_takes_units_out_with_its_probability_each_by_itself():
    n = 20_000
    out = np.asarray(jax.jit(backprop.drop)(KEY, jnp.ones((n, 2)), jnp.float32(0.2)) == 0)
    np.testing.assert_allclose(out.mean(0), 0.2, atol=5 * np.sqrt(0.2 * 0.8 / n))
    both, spread = 0.04, np.sqrt(0.04 * 0.96)
    np.testing.assert_allclose(out.all(1).mean(), both, atol=5 * spread / np.sqrt(n))


def drawn_masks(monkeypatch, net, hyper):
    """What a net says under dropout, and every mask with its probability, from the bottom up."""
    draw = numerics.bernoulli

    @jax.jit
    def said_and_drawn(net, hyper):
        masks = []

        def watched(key, probability):
            masks.append((draw(key, probability), probability))
            return masks[-1][0]

        with monkeypatch.context() as patched:
            patched.setattr(numerics, "bernoulli", watched)
            return backprop.log_probabilities(KEY, net, BATCH.visible, hyper), masks

    said, masks = said_and_drawn(net, hyper)
    return said, [(np.float64(mask), np.float64(probability)) for mask, probability in masks]


@pytest.mark.parametrize("kind", nets.UNITS)
def test_a_net_under_dropout_lacks_visible_and_hidden_units(monkeypatch, kind):
    net, hyper = nets.net(kind), backprop.hyper(0.1, drop_visible=0.25, drop_hidden=0.5)
    said, masks = drawn_masks(monkeypatch, net, hyper)
    assert [probability.flat[0] for _, probability in masks] == [0.75, 0.5, 0.5]
    state = np.float64(BATCH.visible)
    for layer, (mask, probability) in zip(nets.exact(net), masks, strict=True):
        state = layer.activation(state * mask / probability @ layer.weights + layer.bias)
    np.testing.assert_allclose(said, state, rtol=1e-4, atol=1e-5)


def test_layers_and_steps_draw_masks_of_their_own(monkeypatch):
    net = nets.net(sizes=(4, 4, 4))
    hyper = backprop.hyper(0.1, drop_visible=0.5, drop_hidden=0.5)
    _, masks = drawn_masks(monkeypatch, net, hyper)
    for (a, _), (b, _) in itertools.combinations(masks, 2):
        assert (a != b).any()
    costs = [step(DROPPING, hyper, net, key=jax.random.key(i))[1].cross_entropy for i in (0, 0, 1)]
    assert costs[0] == costs[1] != costs[2]


def test_a_learner_under_dropout_descends_the_cost_of_what_is_left():
    """At a given key the masks are fixed: the oracle's net is asked with the same ones."""
    net, hyper = nets.net(), backprop.hyper(1.0, drop_visible=0.25, drop_hidden=0.5)

    def cost(net):
        log_p = backprop.log_probabilities(KEY, net, BATCH.visible, hyper)
        return -(BATCH.labels * log_p).sum(-1).mean()

    value, slope = jax.jit(jax.value_and_grad(cost))(net)
    after, info = step(DROPPING, hyper, net)
    close(info.cross_entropy, value)
    for moved, expected in zip(nets.moved(net, after), nets.parameters(slope), strict=True):
        close(moved, -expected)


def test_dropout_of_nothing_and_a_learner_without_it_are_the_plain_step():
    net, nothing = nets.net(), backprop.hyper(0.1, drop_visible=0.0, drop_hidden=0.0)
    plain, info = step(DESCENT, nothing, net)
    dropping, same = step(DROPPING, nothing, net)
    jax.tree.map(close, dropping, plain)
    close(same.cross_entropy, info.cross_entropy)
    ignored = backprop.hyper(0.1, drop_visible=0.5, max_norm=1e-3)
    jax.tree.map(np.testing.assert_array_equal, step(DESCENT, ignored, net)[0], plain)
    other = step(DESCENT, nothing, net, key=jax.random.key(9))[0]
    jax.tree.map(np.testing.assert_array_equal, other, plain)


def lengths(layer):
    """Of each unit's incoming weights."""
    return np.sqrt((np.float64(layer.weights) ** 2).sum(0))


def test_longer_weights_are_shortened_to_the_length_and_shorter_ones_untouched():
    net = nets.net(sizes=(4, 6, 5))
    dead = net.hidden[0].weights.at[:, 2].set(0.0)
    net = net.replace(hidden=(net.hidden[0].replace(weights=dead), net.hidden[1]))
    most = 1.4
    short = backprop.within_norm(net, jnp.float32(most))
    for before, after in zip(net.hidden, short.hidden, strict=True):
        long = lengths(before) > most
        assert 0 < long.sum() < len(long)
        np.testing.assert_allclose(lengths(after)[long], most, rtol=1e-6)
        np.testing.assert_array_equal(after.weights[:, ~long], before.weights[:, ~long])
        direction = np.asarray(before.weights)[:, long] / lengths(before)[long]
        np.testing.assert_allclose(after.weights[:, long], most * direction, rtol=1e-5)
        np.testing.assert_array_equal(after.unit.bias, before.unit.bias)
    assert not short.hidden[0].weights[:, 2].any()
    assert lengths(net.output).max() > most
    jax.tree.map(np.testing.assert_array_equal, short.output, net.output)


def test_lengths_are_kept_after_the_step():
    net, most = nets.net(), 0.9
    hyper = backprop.hyper(0.5, max_norm=most)
    after, _ = step(SHORTENING, hyper, net)
    free, _ = step(DESCENT, hyper, net)
    assert max(lengths(layer).max() for layer in free.hidden) > most
    assert max(lengths(layer).max() for layer in after.hidden) <= most * (1 + 1e-6)
    jax.tree.map(close, after, backprop.within_norm(free, jnp.float32(most)))
    assert max(lengths(layer).max() for layer in net.hidden) > most
    alone, _ = step(SHORTENING, hyper._replace(hidden=jnp.float32(0.0)), net)
    jax.tree.map(np.testing.assert_array_equal, alone.hidden, net.hidden)


def test_a_net_without_hidden_layers_learns_too():
    net = nets.net(sizes=(4,))
    assert net.hidden == ()
    for learner in (DESCENT, backprop.backprop(optax.sgd(1.0), dropout=True, max_norm=True)):
        after, info = step(learner, backprop.hyper(1.0, drop_visible=0.0), net)
        close(nets.moved(net, after)[0], -exact_gradient(net, BATCH)[0])
        assert info.cross_entropy.shape == ()


def test_the_numbers_are_float32_arrays_with_what_was_given():
    given = backprop.hyper(0.1, 0.2, 0.0, 0.3, 0.4, 5.0)
    assert {(x.shape, x.dtype.name, x.weak_type) for x in given} == {((), "float32", False)}
    np.testing.assert_allclose(given, [0.1, 0.2, 0.0, 0.3, 0.4, 5.0], rtol=1e-6)
    assert given._fields == (
        "rate", "decay", "hidden", "drop_visible", "drop_hidden", "max_norm",
    )  # fmt: skip


def test_half_the_squared_weights_leaves_biases_out():
    net = nets.net()
    squares = sum((np.float64(layer.weights) ** 2).sum() for layer in (*net.hidden, net.output))
    close(backprop.half_square(net), 0.5 * squares)
