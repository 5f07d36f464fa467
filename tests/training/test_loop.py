"""Epochs: which cases they visit, that they compile once, that their keys decide everything."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.learning import contrastive_divergence, updates
from dbnjax.models.belief_net import Layer
from dbnjax.training import greedy, loop

N_CASES, N_PIXELS, BATCH = 40, 12, 10


def data(balanced: bool = True, n_cases: int = N_CASES) -> loop.Data:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (n_cases, 3, 4), dtype=np.uint8)
    return loop.put(pixels, generator.permutation(np.arange(n_cases) % 5), 5, BATCH, balanced)


@functools.cache
def program():
    learner = contrastive_divergence.contrastive_divergence(1)
    return learner, loop.epoch_program(learner, greedy.layer_data("sample", "mean", 0), BATCH)


def test_an_epoch_visits_every_case_once():
    for balanced in (True, False):
        rows = loop.minibatches(jax.random.key(1), data(balanced), BATCH)
        assert rows.shape == (N_CASES // BATCH, BATCH)
        assert sorted(np.asarray(rows).ravel().tolist()) == list(range(N_CASES))


def test_balanced_minibatches_hold_as_many_of_each_class():
    cases = data()
    rows = loop.minibatches(jax.random.key(1), cases, BATCH)
    for batch in np.asarray(cases.labels)[np.asarray(rows)]:
        assert np.bincount(batch, minlength=5).tolist() == [2] * 5


def test_the_order_follows_the_key():
    first, again, other = (
        np.asarray(loop.minibatches(jax.random.key(seed), data(), BATCH)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_cases_beyond_the_last_whole_batch_wait():
    rows = loop.minibatches(jax.random.key(0), data(False, 37), BATCH)
    assert rows.shape == (3, BATCH)
    assert len(set(np.asarray(rows).ravel().tolist())) == 30


def test_data_stay_uint8_on_the_device():
    cases = data()
    assert cases.pixels.dtype == jnp.uint8
    assert cases.pixels.shape == (N_CASES, N_PIXELS)


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(InputError, match="batch size: expected 1 to 40"):
        loop.put(np.zeros((40, 2, 2), np.uint8), np.arange(40) % 2, 2, 41, balanced=False)


def test_unequal_classes_cannot_be_balanced():
    with pytest.raises(InputError, match=r"class sizes \[3, 1\]"):
        loop.put(np.zeros((4, 2, 2), np.uint8), np.array([0, 0, 0, 1]), 2, 2, balanced=True)


def test_more_labels_than_images_are_refused():
    with pytest.raises(InputError, match="got 5 for 4"):
        loop.put(np.zeros((4, 2, 2), np.uint8), np.zeros(5, int), 2, 2, balanced=False)


def test_a_second_epoch_and_a_new_rate_compile_nothing():
    learner, epoch = program.__wrapped__()  # one that no test has compiled
    machine = greedy.layer(jax.random.key(0), N_PIXELS, 6)
    state = learner.init(jax.random.key(0), machine)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, _, **__: compiled.append(name) if "backend_compile" in name else None
    )
    cases, keys = data(), [jax.random.fold_in(jax.random.key(0), i) for i in range(3)]
    hypers = [updates.hyper(0.1), updates.hyper(0.05, 0.9, 1e-3), updates.hyper(0.01)]
    state, _ = epoch(keys[0], hypers[0], state, (), cases)
    after_first = len(compiled)
    assert after_first > 0
    for key, hyper in zip(keys[1:], hypers[1:], strict=True):
        state, _ = epoch(key, hyper, state, (), cases)
    assert len(compiled) == after_first


def test_an_epoch_equals_its_steps_by_hand():
    learner, epoch = program()
    cases, key, hyper = data(), jax.random.key(3), updates.hyper(0.1, 0.5)
    prepare = greedy.layer_data("sample", "mean", 0)

    def start():
        return learner.init(key, greedy.layer(jax.random.key(0), N_PIXELS, 6))

    state, report = epoch(key, hyper, start(), (), cases)
    by_hand, step = start(), jax.jit(learner.step)
    key_order, key_steps = jax.random.split(key)
    for i, rows in enumerate(loop.minibatches(key_order, cases, BATCH)):
        key_prepare, key_step = jax.random.split(jax.random.fold_in(key_steps, i))
        batch = prepare(key_prepare, (), cases.pixels[rows], cases.labels[rows])
        by_hand, _ = step(key_step, hyper, by_hand, batch)
    np.testing.assert_allclose(state.params.weights, by_hand.params.weights, atol=1e-5)
    assert bool(report.finite)


def test_a_state_that_is_not_finite_is_reported():
    learner, epoch = program()
    machine = greedy.layer(jax.random.key(0), N_PIXELS, 6)
    state = learner.init(jax.random.key(0), machine)
    _, report = epoch(jax.random.key(0), updates.hyper(float("inf")), state, (), data())
    assert not bool(report.finite)


def test_the_state_is_donated():
    learner, epoch = program()
    state = learner.init(jax.random.key(0), greedy.layer(jax.random.key(0), N_PIXELS, 6))
    epoch(jax.random.key(0), updates.hyper(0.1), state, (), data())
    assert state.params.weights.is_deleted()


def test_members_of_an_ensemble_learn_what_they_would_alone():
    learner = contrastive_divergence.contrastive_divergence(1)
    prepare = greedy.layer_data("sample", "sample", 0)
    together = loop.ensemble_program(learner, prepare, BATCH)
    alone = loop.epoch_program(learner, prepare, BATCH)
    key, cases = jax.random.key(3), data()
    hypers = [updates.hyper(0.1, 0.5), updates.hyper(float("inf")), updates.hyper(0.02, 0.0, 0.1)]

    def below(member):
        machine = greedy.layer(jax.random.key(10 + member), N_PIXELS, 8)
        return (Layer(unit=machine.hidden, weights=10 * machine.weights),)

    def start():
        return learner.init(key, greedy.layer(jax.random.key(0), 8, 6))

    def stacked(trees):
        return jax.tree.map(lambda *x: jnp.stack(x), *trees)

    belows = [below(member) for member in range(3)]
    states = stacked([start()] * 3)
    learned, report = together(key, stacked(hypers), states, stacked(belows), cases)
    assert report.finite.tolist() == [True, False, True]
    assert states.params.weights.is_deleted()  # donated
    for member in (0, 2):
        one, said = alone(key, hypers[member], start(), belows[member], cases)
        moved = np.abs(one.params.weights - start().params.weights).max()
        assert moved > 1e-3  # so that the tolerance says something
        for a, b in zip(jax.tree.leaves(learned), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(a[member], b, atol=1e-5)
        np.testing.assert_allclose(report.info.activity[member], said.info.activity, atol=1e-5)


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (np.full((4, 2, 2), 0.7), np.zeros(4, int), "expected uint8 from 0 to 255, got float64"),
        (np.full((4, 2, 2), 300), np.zeros(4, int), "expected uint8 from 0 to 255, got int64"),
        (np.zeros((4, 2, 2), np.uint8), np.array([0, 1, -1, 0]), "labels from 0 to 1, got -1"),
        (np.zeros((4, 2, 2), np.uint8), np.array([0, 1, 2, 0]), "labels from 0 to 1, got 0 to 2"),
        (np.zeros((4, 2, 2), np.uint8), np.zeros(4), "expected integer labels"),
    ],
)
def test_pixels_and_labels_of_another_kind_are_refused(pixels, labels, message):
    with pytest.raises(InputError, match=message):
        loop.put(pixels, labels, 2, 2, balanced=False)
