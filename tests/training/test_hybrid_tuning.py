"""Tuning by two gradients: the weight of each epoch, which net is kept, and what all cases take."""

import jax
import numpy as np
import two_classes

from dbnjax import dbn
from dbnjax.learning import hybrid
from dbnjax.training import hybrid_tuning, loop, metrics, stages
from dbnjax.training.hybrid_tuning import HybridPlan
from dbnjax.training.task import Task

KEY = jax.random.key(0)
START = two_classes.deep(strength=0.05)
N_EPOCHS = 3


def cases(n, seed):
    """Halves that are bright, some of them with a wrong label."""
    labels = np.arange(n) % 2
    pixels = two_classes.pixels(labels)
    wrong = np.random.default_rng(seed).random(n) < 0.2
    return loop.put(pixels, np.where(wrong, 1 - labels, labels), 2, 2, balanced=False)


DATA, HELD_OUT, EVERYTHING = cases(8, 0), cases(10, 1), cases(18, 2)


def task(place=None):
    return Task(key=KEY, n_labels=2, data=DATA, held_out=HELD_OUT, place=place)


def plan(rate=0.5, learner=None):
    return HybridPlan(
        learner=learner or hybrid.contrastive(1),
        weight=lambda i: (0.5, 0.7, 0.9)[i],
        rate=lambda i: rate,
        n_epochs=N_EPOCHS,
        batch_size=2,
    )


def assert_same(first, second):
    for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_weight_rises_and_validation_chooses(tmp_path):
    place = stages.Place(tmp_path)
    seen = hybrid_tuning.tune(task(place), plan(), START)
    records = metrics.read(place.metrics)
    assert [record["weight"] for record in records] == [0.5, 0.7, 0.9]
    before = hybrid_tuning.measure(START, HELD_OUT)
    looks = [(len(before.wrong), np.float32(before.cost))]
    looks += [
        (round(r["validation_error"] / 100 * 10), np.float32(r["validation_cost"])) for r in records
    ]
    assert looks.index(min(looks)) == int(seen.epoch)
    assert int(seen.errors) == len(hybrid_tuning.measure(seen.best, HELD_OUT).wrong)
    assert_same(hybrid_tuning.tune(task(), plan(), START), seen)  # without a place
    last = hybrid_tuning.go_on(task(place), plan(), seen.best, EVERYTHING, 2)
    after = metrics.read(place.metrics)[N_EPOCHS:]
    assert [(r["stage"], r["weight"]) for r in after] == [("all_cases", 0.5), ("all_cases", 0.7)]
    assert any(map(np.any, jax.tree.leaves(jax.tree.map(np.not_equal, last, seen.best))))


def test_a_start_that_nothing_betters_is_kept():
    stack = dbn.tie(START)
    seen = hybrid_tuning.tune(task(), plan(0.0, hybrid.pretraining()), stack)
    assert int(seen.epoch) == 0
    assert_same(seen.best, stack)
    found = [hybrid_tuning.measure(params, HELD_OUT) for params in (stack, START)]
    assert found[0].cost == found[1].cost
