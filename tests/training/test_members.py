"""Members learned at once are what each is alone; validation keeps the best of each."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.learning import updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.training import loop, members, stages

V = np.random.default_rng(0).random((12, 6), np.float32)
LEARNER = contrastive_divergence()
DATA = loop.put_cases(V, 4)
KEYS = jax.random.split(jax.random.key(3), 2)
FIRST = jax.tree.map(lambda *x: jnp.stack(x), machines.binary(1, 6, 4), machines.binary(2, 6, 4))
QUIET = stages.Listener(progress=False)


def as_they_are(key, context, cases, labels):
    return cases


PROGRAM = loop.ensemble_program(LEARNER, as_they_are, batch_size=4)


def hyper(i):
    """A rate of its own for each member, another in each epoch."""
    rates = jnp.array([0.1, 0.3]) / (1 + i)
    return members.copies(updates.hyper(0.0, momentum=0.5), 2)._replace(rate=rates)


def both(hyper):
    return members.Members(KEYS, LEARNER, PROGRAM, hyper, FIRST, DATA)


def test_every_member_learns_as_it_would_alone():
    told = []
    listener = stages.Listener(lambda *words: told.append(words[:2]), progress=False)
    together = members.learn(both(hyper), 3, "both", listener)
    assert told == [("both", 1), ("both", 2), ("both", 3)]
    program = loop.epoch_program(LEARNER, as_they_are, batch_size=4)
    for m in range(2):
        first, key = jax.tree.map(lambda x, m=m: x[m], FIRST), KEYS[m]
        state = LEARNER.init(key, first)
        for i in range(3):
            numbers = jax.tree.map(lambda x, m=m: x[m], hyper(i))
            state, _ = program(jax.random.fold_in(key, i), numbers, state, (), DATA)
        jax.tree.map(
            lambda a, b, m=m: np.testing.assert_allclose(a[m], b, rtol=1e-5, atol=1e-5),
            together,
            state.params,
        )
        assert np.abs(together.weights[m] - first.weights).max() > 1e-3


def test_a_member_that_is_not_finite_ends_learning_by_name():
    def hopeless(i):
        return hyper(i)._replace(rate=jnp.array([0.1, jnp.inf]))

    with pytest.raises(stages.DivergenceError, match="after epoch 1 of both;") as caught:
        members.learn(both(hopeless), 3, "both", QUIET)
    assert "\n" not in str(caught.value)


def selected(table, rates=(0.1, 0.3), patience=2):
    """Selection by a table of errors, `[n_epochs, n_members]`; and the parameters seen."""
    seen = []

    def errors(params):
        seen.append(jax.tree.map(jnp.copy, params))  # the next epoch takes its memory
        return jnp.asarray(table[len(seen) - 1], jnp.int32)

    def constant(i):
        return hyper(0)._replace(rate=jnp.asarray(rates))

    kept, curves = members.select(
        both(constant), len(table), errors, most=9, patience=patience, listener=QUIET
    )
    return kept, curves, seen


def test_the_earliest_of_the_best_epochs_of_each_member_is_kept():
    kept, curves, seen = selected([[5, 4], [3, 4], [3, 6], [4, 7], [1, 1]])
    assert curves == [[5, 3, 3, 4], [4, 4, 6, 7]]  # two epochs after the best of both: no fifth
    assert kept.errors.tolist() == [3, 4]
    assert kept.epoch.tolist() == [2, 1]
    for m, epoch in enumerate(kept.epoch.tolist()):
        np.testing.assert_array_equal(kept.best.weights[m], seen[epoch - 1].weights[m])
    assert (seen[0].weights[0] != seen[1].weights[0]).any()


def test_a_member_that_is_not_finite_is_wrong_everywhere_and_disturbs_no_other():
    table = [[5, 4], [3, 2]]
    both, _, _ = selected(table)
    one, curves, _ = selected(table, rates=(0.1, np.inf))
    assert curves == [[5, 3], [9, 9]]
    np.testing.assert_array_equal(one.best.weights[0], both.best.weights[0])


def test_nothing_is_chosen_without_epochs_or_patience():
    with pytest.raises(InputError, match="n_epochs: expected 1 or more"):
        selected([])
    with pytest.raises(InputError, match="patience: expected 1 or more"):
        selected([[1, 1]], patience=0)
