"""Few cases with a label: which they are, and how a round goes through them and the others."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.learning import updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.training import loop, partly_labelled, stages

LABELS = np.arange(50) % 10
DATA = loop.put(np.zeros((50, 4), np.uint8), LABELS, 10, 1, balanced=False)


def drawn(n, seed=(0, 0)):
    return partly_labelled.draw(DATA.labels, 10, n, seed)


def test_a_draw_has_as_many_of_each_class_and_holds_the_smaller_ones():
    np.testing.assert_array_equal(LABELS[drawn(20)], np.arange(10)[:, None] * [[1, 1]])
    assert set(drawn(10).flat) < set(drawn(20).flat)
    assert set(drawn(10).flat) != set(drawn(10, (0, 1)).flat)


@pytest.mark.parametrize(("beside", "n_groups"), [(0, 10), (1, 20), (2, 30)])
def test_a_round_shows_the_labels_of_its_draw_alone(beside, n_groups):
    rows = drawn(20)
    rounds = partly_labelled.rounds(DATA, rows, 60, beside, (0, 0))
    one, two = (np.asarray(rounds(i).by_class) for i in range(2))
    assert one.shape == (n_groups, 60 // n_groups)
    known = set(rows.flat)
    assert set(one[:10].flat) <= known
    assert not known & set(one[10:].flat)
    assert (one != two).any()
    seen = np.asarray(rounds(0).labels)
    np.testing.assert_array_equal(np.flatnonzero(seen >= 0), sorted(known))
    np.testing.assert_array_equal(seen[sorted(known)], LABELS[sorted(known)])


def test_rounds_go_through_the_labelled_cases_evenly():
    rows = partly_labelled.rounds(DATA, drawn(20), 60, 0, (0, 0))(0).by_class
    assert set(np.unique(rows, return_counts=True)[1]) == {3}


def test_what_cannot_be_drawn_is_refused():
    partly_labelled.check("labels", DATA.labels, 10, (10, 50))
    with pytest.raises(InputError, match="labels: expected multiples of 10"):
        partly_labelled.check("labels", DATA.labels, 10, (10, 15))
    with pytest.raises(InputError, match="labels: expected at most 50, since there are 5"):
        partly_labelled.check("labels", DATA.labels, 10, (60,))
    with pytest.raises(InputError, match="labels: expected fewer than the 50 training cases"):
        partly_labelled.rounds(DATA, drawn(50), 60, 1, (0, 0))


def fitted(errors, rate=0.1):
    """A fit whose validation errors and costs are told, and the parameters that were judged."""
    learner, seen = contrastive_divergence(), []
    program = loop.epoch_program(learner, lambda key, context, v, labels: v / 255.0, 10)

    def judge(params):
        seen.append(jax.tree.map(jnp.copy, params))  # the next epoch takes its memory
        return errors[len(seen) - 1], float(errors[len(seen) - 1])

    found = partly_labelled.fit(
        jax.random.key(0),
        learner,
        program,
        updates.hyper(rate),
        machines.binary(1, 4, 3),
        partly_labelled.rounds(DATA, drawn(20), 20, 0, (0, 0)),
        len(errors),
        judge=judge,
        patience=2,
        name="few",
        progress=False,
    )
    return *found, seen


def test_a_fit_keeps_the_best_round_and_ends_when_it_lies_far_enough_back():
    seen, curve, judged = fitted([5, 3, 4, 4, 1])
    assert curve == [5, 3, 4, 4]
    assert (int(seen.errors), int(seen.epoch)) == (3, 2)
    np.testing.assert_array_equal(seen.best.weights, judged[1].weights)
    assert (judged[0].weights != judged[1].weights).any()


def test_a_fit_that_diverges_says_so_in_one_line():
    with pytest.raises(stages.DivergenceError, match="after epoch 1 of few;") as caught:
        fitted([5, 3], rate=np.inf)
    assert "\n" not in str(caught.value)
