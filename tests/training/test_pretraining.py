"""Stacks and nets learned from plans without a place, as with one; their rates and first biases."""

import dataclasses

import jax
import numpy as np
import pytest

from dbnjax.models import dbn
from dbnjax.training import fine_tuning, fitting, greedy, keys, loop, metrics, pretraining, stages
from dbnjax.training.plans import LayerPlan, StackPlan, UpDownPlan
from dbnjax.training.task import Task

LAYERS = (LayerPlan(n_hidden=6, n_epochs=2), LayerPlan(8, 1, rule="pcd", n_chains=10))
PLAN = StackPlan(LAYERS, batch_size=10, pixels="sample", data_biases=True)
UP_DOWN = UpDownPlan(n_epochs=(2, 1), n_steps=(1, 2), rate=0.1, batch_size=10)


def cases(n, seed):
    labels = np.arange(n) % 2
    rng = np.random.default_rng(seed)
    pixels = (labels[:, None] * 120 + rng.integers(0, 130, (n, 12))).astype(np.uint8)
    return loop.put(pixels, labels, 2, 10, balanced=n >= 20)


@pytest.fixture
def task():
    return Task(jax.random.key(0), 2, cases(40, 0), cases(10, 1))


def learned(task):
    net = dbn.untie(pretraining.learn_stack(task, PLAN))
    selected = fine_tuning.fine_tune(task, UP_DOWN, net)
    one = dataclasses.replace(UP_DOWN, n_epochs=(2,), n_steps=(2,))
    return net, selected, fine_tuning.go_on(task, one, selected.best, task.data)


def test_without_a_place_nothing_is_written_and_the_same_is_learned(task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    without = learned(task)
    assert list(tmp_path.iterdir()) == []
    place = stages.Place(tmp_path / "run")
    for a, b in zip(
        *map(jax.tree.leaves, (without, learned(dataclasses.replace(task, place=place)))),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    told = metrics.read(place.metrics)
    assert [(record["stage"], record["epoch"]) for record in told] == [
        *[("rbm_1", 1), ("rbm_1", 2), ("rbm_2", 1)],
        *[("up_down_1", 1), ("up_down_1", 2), ("up_down_2", 1)],
        *[("all_cases", 1), ("all_cases", 2)],
    ]
    assert told[0].keys() >= {"reconstruction_error", "free_energy_gap"}


def test_learning_on_all_cases_ends_at_its_target(task):
    net = dbn.untie(pretraining.learn_stack(task, PLAN))
    one = dataclasses.replace(UP_DOWN, n_epochs=(1,), n_steps=(1,))
    at_once = fine_tuning.go_on(task, one, net, task.data, most=len(task.data.labels))
    for a, b in zip(*map(jax.tree.leaves, (at_once.learner.params, net)), strict=True):
        np.testing.assert_array_equal(a, b)
    never = fine_tuning.go_on(task, one, net, task.data)
    assert (never.learner.params.memory.weights != net.memory.weights).any()
    assert int(never.errors) == fine_tuning.count(task, never.learner.params, task.data)


def test_a_target_is_the_same_share_of_more_cases():
    def of(n):
        return loop.Data(np.zeros((n, 1), np.uint8), np.zeros(n, np.int32), None)

    for wrong, most in ((0, 0), (1, 1), (11, 15), (44, 60)):
        assert fine_tuning.most_errors(wrong, of(44), of(60)) == most


def test_pixels_biases_start_at_the_datas_and_labels_even():
    pixels = np.array([[0, 255], [255, 255], [0, 0], [0, 255]], np.uint8)
    data = loop.put(pixels, np.array([0, 1, 0, 1]), 2, 2, balanced=False)
    first = greedy.layer(jax.random.key(0), 2, 3, 2)
    visible = pretraining.with_data_biases(first, data, 2).visible
    np.testing.assert_allclose(jax.nn.sigmoid(visible.parts[0].bias), [0.25, 0.75], atol=1e-6)
    np.testing.assert_allclose(jax.nn.softmax(visible.parts[1].bias), [0.5, 0.5], atol=1e-6)


def test_rates_fall_to_zero_or_stay_and_momentum_rises_once():
    falling = fitting.schedule("linear", 0.1, 10)
    assert [falling(i) for i in (0, 5, 10)] == pytest.approx([0.1, 0.05, 0.0])
    assert fitting.schedule("constant", 0.1, 10)(9) == pytest.approx(0.1)
    hyper = pretraining.layer_hyper(LayerPlan(1, 10, rate=0.2, early_momentum=0.4, momentum=0.8))
    assert [float(hyper(i).momentum) for i in (0, 4, 5, 9)] == pytest.approx([0.4, 0.4, 0.8, 0.8])
    # The phases of up-down share one schedule.
    plan = dataclasses.replace(UP_DOWN, schedule="linear", rate=0.3)
    rates = [float(fine_tuning.phase_hyper(plan, p)(i).rate) for p, i in ((0, 0), (0, 1), (1, 0))]
    assert rates == pytest.approx([0.3, 0.2, 0.1])


def test_an_energy_that_overflows_is_divergence():
    assert fitting.finite({"free_energy_gap": 1.0})
    assert not fitting.finite({"free_energy_gap": float("inf"), "error": 0.0})


def test_every_part_of_a_run_draws_by_a_number_of_its_own():
    numbers = [n for name, n in vars(keys).items() if name.isupper()]
    assert len(numbers) >= 7
    assert len(set(numbers)) == len(numbers)
