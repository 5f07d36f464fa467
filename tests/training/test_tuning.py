"""Tuning with and without a place: what each epoch is given, when it stops, what it keeps."""

import jax
import numpy as np
import optax
import oracles_feedforward as oracles
import pytest
from feedforward_nets import exact, net, parameters

from dbnjax.learning import backprop
from dbnjax.training import easy_cases, loop, metrics, stages, tuning
from dbnjax.training.fitting import schedule
from dbnjax.training.task import Task

KEY = jax.random.key(0)
START = net(sizes=(4, 3))  # three classes


def cases(n, seed):
    """Cases whose class is the brightest of three pixels, the fourth pixel says nothing."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 4), dtype=np.uint8)
    return loop.put(pixels, pixels[:, :3].argmax(1), 3, 1, balanced=False)


DATA, HELD_OUT, EVERYTHING = cases(12, 0), cases(8, 1), cases(20, 2)


def task(place=None, **changes):
    return Task(key=KEY, n_labels=0, data=DATA, held_out=HELD_OUT, place=place, **changes)


def plan(rates=lambda i: 0.5, decay=0.0, hidden=lambda i: 1.0, **changes):
    """A plan of four epochs, by gradient descent with a momentum."""
    given = {
        "learner": backprop.backprop(optax.sgd(1.0, momentum=0.5)),
        "hyper": lambda i: backprop.hyper(rates(i), decay, hidden(i)),
        "n_epochs": 4,
        "n_classes": 3,
        "batch_size": 4,
    }
    return tuning.TuningPlan(**(given | changes))


def cost_of(params, data):
    """The oracle's mean cross-entropy, and the cases that are put into a wrong class."""
    log_p = oracles.states(exact(params), np.float64(data.pixels) / 255)[-1]
    labels = np.asarray(data.labels)
    return -log_p[np.arange(len(labels)), labels].mean(), (log_p.argmax(1) != labels).sum()


def test_validation_chooses_the_net_of_the_fewest_errors(tmp_path):
    place = stages.Place(tmp_path)
    seen = tuning.tune(task(place), plan(n_epochs=30, patience=3), START)
    records = metrics.read(place.metrics)
    errors = [round(record["validation_error"] / 100 * 8) for record in records]
    costs = [record["validation_cost"] for record in records]
    assert errors[int(seen.epoch) - 1] == min(errors) == int(seen.errors)
    assert errors.index(min(errors)) == int(seen.epoch) - 1
    over = len(errors) - int(seen.epoch) >= 3 and np.argmin(costs) < len(costs) - 1
    assert over or len(errors) == 30
    cost, wrong = cost_of(seen.best, HELD_OUT)
    assert (costs[int(seen.epoch) - 1], min(errors)) == (pytest.approx(cost, rel=1e-4), wrong)
    assert records[-1]["training_cost"] < records[0]["training_cost"]


def test_the_cost_of_the_plan_is_what_held_out_cases_cost(tmp_path):
    place, cost = stages.Place(tmp_path), backprop.squared_error
    learner = backprop.backprop(optax.sgd(1.0), cost=cost)
    seen = tuning.tune(task(place), plan(learner=learner, cost=cost, n_epochs=1), START)
    p = np.exp(oracles.states(exact(seen.best), np.float64(HELD_OUT.pixels) / 255)[-1])
    expected = ((p - np.eye(3)[np.asarray(HELD_OUT.labels)]) ** 2).sum(1).mean()
    np.testing.assert_allclose(metrics.read(place.metrics)[0]["validation_cost"], expected, 1e-5)


def test_without_a_place_the_same_net_is_learned_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    placed = tuning.tune(task(stages.Place(tmp_path / "run")), plan(), START)
    files = sorted(tmp_path.rglob("*"))
    free = tuning.tune(task(), plan(), START)
    assert sorted(tmp_path.rglob("*")) == files
    jax.tree.map(np.testing.assert_array_equal, placed, free)


def test_a_net_that_does_not_get_better_is_given_up(tmp_path):
    place = stages.Place(tmp_path)
    seen = tuning.tune(task(place), plan(lambda i: 0.0, n_epochs=9, patience=2), START)
    assert [record["epoch"] for record in metrics.read(place.metrics)] == [1, 2, 3]
    assert int(seen.epoch) == 1
    jax.tree.map(np.testing.assert_array_equal, seen.best, START)


def test_one_program_serves_all_epochs_with_numbers_and_draws_of_their_own(monkeypatch):
    traces, given = [], []
    learner = plan().learner

    def step(key, hyper, state, batch):
        traces.append(1)
        return learner.step(key, hyper, state, batch)

    make = loop.epoch_program

    def watched(*arguments):
        program = make(*arguments)

        def epoch(key, hyper, *rest):
            given.append((int(jax.random.key_data(key)[-1]), float(hyper.rate)))
            return program(key, hyper, *rest)

        return epoch

    monkeypatch.setattr(loop, "epoch_program", watched)
    falling = schedule("linear", 0.4, 4)
    still = plan(falling, 0.1, lambda i: float(i >= 4), learner=learner._replace(step=step))
    seen = tuning.tune(task(), still, START)
    assert len(traces) == 1
    assert len({key for key, _ in given}) == 4
    assert [rate for _, rate in given] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    # The hidden layer alone stood still.
    stood = [
        np.array_equal(a, b)
        for a, b in zip(parameters(START), parameters(seen.learner.params), strict=True)
    ]
    assert stood == [True, True, False, False]


@pytest.mark.parametrize(("target", "n_epochs"), [(100.0, 1), (0.0, 4)])
def test_all_cases_are_learned_until_their_cost_is_down(tmp_path, target, n_epochs):
    place = stages.Place(tmp_path)
    state = tuning.go_on(task(place), plan(), START, EVERYTHING, target)
    records = metrics.read(place.metrics)
    assert [(r["stage"], r["epoch"]) for r in records] == [
        ("all_cases", i + 1) for i in range(n_epochs)
    ]
    cost, _ = cost_of(state.learner.params, EVERYTHING)
    assert float(state.cost) == records[-1]["cost"] == pytest.approx(cost, rel=1e-4)
    assert cost < cost_of(START, EVERYTHING)[0]


def test_easy_cases_are_remembered_where_they_are_spared():
    seen = tuning.tune(task(), plan(easy=1.0), START)
    assert isinstance(seen.learner, easy_cases.State)
    assert seen.learner.costs.shape == (12,)
    state = tuning.go_on(task(), plan(easy=1.0, n_epochs=1), START, EVERYTHING, 0.0)
    assert state.learner.costs.shape == (20,)


def test_what_changes_the_cases_is_learned_from():
    def dark(prepare):
        return lambda key, context, pixels, labels: prepare(key, context, 0 * pixels, labels)

    seen = tuning.tune(task(vary=dark), plan(n_epochs=1), START)
    moved = [
        (a != b).any()
        for a, b in zip(parameters(START), parameters(seen.learner.params), strict=True)
    ]
    assert moved == [False, True, True, True]  # no weight of a dark pixel


def test_cases_are_intensities_with_one_of_k_labels():
    pixels, labels = DATA.pixels[:5], DATA.labels[:5]
    batch = tuning.cases(3)(KEY, None, pixels, labels)
    np.testing.assert_allclose(batch.visible, np.float64(pixels) / 255, rtol=1e-6)
    np.testing.assert_array_equal(batch.labels, np.eye(3)[np.asarray(labels)])
    assert batch.weights is None
