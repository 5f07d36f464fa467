"""The two-condition rule on scripted epochs: when it stops, which net it keeps, how it resumes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.training import early_stopping, metrics, stages
from dbnjax.types import Array


class Learner(NamedTuple):
    """A learner whose only parameter is the number of its epochs."""

    params: Array


def epochs(errors, costs, patience, n_epochs=None):
    """Watches a script to its end or until the rule holds; returns what was seen."""
    seen = early_stopping.watch(Learner(jnp.zeros(2)))
    for n, (wrong, cost) in enumerate(zip(errors, costs, strict=True), start=1):
        assert not early_stopping.done(seen, patience)
        seen = early_stopping.look(seen, Learner(jnp.full(2, float(n))), wrong, cost)
        if early_stopping.done(seen, patience):
            break
    return seen


FALLING = [1.0 / n for n in range(1, 21)]
SCRIPTS = {
    # errors, cross-entropies, patience, epoch of the best net, epoch of the end (0: never)
    "both at once": ([5, 3, 4, 4, 4, 4], [0.5, 0.4, 0.5, 0.6, 0.7, 0.8], 3, 2, 5),
    "the errors wait for the cross-entropy": ([3] * 8, [*FALLING[:6], 0.9, 0.9], 2, 1, 7),
    "the cross-entropy waits for the errors": ([5, 4, 3, 2, 1, 2], [0.1, *[0.2] * 5], 1, 5, 6),
    "a cross-entropy that still falls": ([1] * 20, FALLING, 2, 1, 0),
    "errors that still fall": (list(range(20, 0, -1)), [0.1, *[0.2] * 19], 2, 20, 0),
    "the earliest of equals": ([4, 2, 2, 2, 2], [0.5, 0.6, 0.6, 0.6, 0.6], 3, 2, 5),
    "an equal cross-entropy is past the minimum": ([2, 2, 2], [0.5, 0.5, 0.5], 1, 1, 2),
    "a new minimum begins again": ([3] * 7, [0.5, 0.6, 0.4, 0.3, 0.2, 0.1, 0.2], 4, 1, 7),
    "none wrong": ([0, 0, 0, 0], [0.5, 0.6, 0.7, 0.8], 2, 1, 3),
}


@pytest.mark.parametrize(
    ("errors", "costs", "patience", "best", "end"), SCRIPTS.values(), ids=SCRIPTS
)
def test_it_stops_when_both_conditions_hold_and_keeps_the_fewest_errors(
    errors, costs, patience, best, end
):
    seen = epochs(errors, costs, patience)
    assert early_stopping.done(seen, patience) == bool(end)
    assert int(seen.n_epochs) == (end or len(errors))
    assert int(seen.epoch) == best
    assert int(seen.errors) == errors[best - 1]
    np.testing.assert_array_equal(seen.best, np.full(2, best))
    np.testing.assert_array_equal(seen.learner.params, np.full(2, int(seen.n_epochs)))


def test_any_script_ends_where_its_words_say():
    """Against the two sentences of the report, read anew after every epoch."""
    rng, ends = np.random.default_rng(0), []
    for _ in range(20):
        errors, costs = rng.integers(0, 6, 12), rng.integers(1, 9, 12) / 8
        for n in range(1, 13):
            past_the_minimum = np.argmin(costs[:n]) < n - 1
            epochs_ago = n - 1 - np.argmin(errors[:n])
            if past_the_minimum and epochs_ago >= 4:
                break
        seen = epochs(errors.tolist(), costs.tolist(), patience=4)
        assert int(seen.n_epochs) == n
        assert int(seen.epoch) == np.argmin(errors[:n]) + 1
        assert float(seen.least) == costs[:n].min()
        assert int(seen.least_epoch) == np.argmin(costs[:n]) + 1
        ends.append(n)
    assert len(set(ends)) > 3


def test_ten_epochs_are_the_papers():
    seen = epochs([1] * 20, [0.1, *[0.2] * 19], patience=10)
    assert int(seen.n_epochs) == 11
    assert early_stopping.done(seen)
    assert not early_stopping.done(seen._replace(n_epochs=seen.n_epochs - 1))


def test_nothing_is_done_before_the_first_epoch():
    seen = early_stopping.watch(Learner(jnp.ones(2)))
    assert not early_stopping.done(seen, patience=1)
    np.testing.assert_array_equal(seen.best, np.ones(2))


def test_the_best_net_outlives_the_state_it_came_from():
    """The next epoch's program is given the learner's arrays to overwrite."""
    first, second = Learner(jnp.zeros(2)), Learner(jnp.ones(2))
    seen = early_stopping.watch(first)
    first.params.delete()
    np.testing.assert_array_equal(seen.best, np.zeros(2))
    seen = early_stopping.look(seen, second, 1, 0.5)
    second.params.delete()
    np.testing.assert_array_equal(seen.best, np.ones(2))


ERRORS, COSTS = [6, 5, 3, 4, 3, 4, 4, 4], [0.5, 0.4, 0.3, 0.2, 0.3, 0.4, 0.5, 0.6]


def stage(stop_before=None):
    def epoch(i, seen):
        if i == stop_before:
            raise KeyboardInterrupt
        state = Learner(2.0 * seen.learner.params + i)
        return early_stopping.look(seen, state, ERRORS[i], COSTS[i]), True, {"errors": ERRORS[i]}

    return stages.Stage("tuning", 8, epoch, done=lambda seen: early_stopping.done(seen, 4))


def run(place, stop_before=None):
    begin = early_stopping.watch(Learner(jnp.ones(3)))
    return stages.run(stage(stop_before), begin, {"model": "script"}, place)


def test_a_watch_that_was_interrupted_ends_as_one_that_was_not(tmp_path):
    whole = run(stages.Place(tmp_path / "whole"))
    assert (int(whole.n_epochs), int(whole.epoch)) == (7, 3)
    cut = stages.Place(tmp_path / "cut", save_every=2)
    for stop_before in (3, 6):  # the best net is found, and then lies back, in other processes
        with pytest.raises(KeyboardInterrupt):
            run(cut, stop_before)
    for _ in range(2):  # the second time it is over and nothing is done
        ended = run(cut)
        assert jax.tree.structure(ended) == jax.tree.structure(whole)
        jax.tree.map(np.testing.assert_array_equal, ended, whole)
        assert [r["epoch"] for r in metrics.read(cut.metrics)] == [1, 2, 3, 4, 5, 6, 7]
