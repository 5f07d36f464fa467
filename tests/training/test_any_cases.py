"""Epochs learn from any pytree of arrays, and from rows of what all cases share."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.learning import updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.training import loop, sharding, streaming

N, N_VISIBLE = 12, 6
RBM_, HYPER = machines.binary(1, N_VISIBLE, 4), updates.hyper(0.1, momentum=0.5)
LEARNER = contrastive_divergence()
V = np.random.default_rng(0).random((N, N_VISIBLE), np.float32)


def learned(prepare, data, context=None, key=0):
    """The parameters after an epoch."""
    epoch = loop.epoch_program(LEARNER, prepare, batch_size=4)
    state, report = epoch(
        jax.random.key(key), HYPER, LEARNER.init(jax.random.key(1), RBM_), context, data
    )
    assert report.finite
    return state.params


def as_they_are(key, context, cases, labels):
    assert labels is None
    return cases


def assert_same(got, expected):
    jax.tree.map(np.testing.assert_array_equal, got, expected)


def test_two_views_with_a_mask_are_gathered_together():
    half = N_VISIBLE // 2
    cases = {"left": V[:, :half], "right": (255 * V[:, half:]).astype(np.uint8), "seen": V > 0.3}

    def joined(key, context, cases, labels):
        right = jnp.asarray(cases["right"], float) / 255.0
        return jnp.where(cases["seen"], jnp.concatenate([cases["left"], right], -1), 0.0)

    data = loop.put_cases(cases, 4)
    assert data.cases["right"].dtype == jnp.uint8  # as small on the device as it was
    whole = joined(None, None, cases, None)
    assert_same(learned(joined, data), learned(as_they_are, loop.put_cases(whole, 4)))


def test_windows_of_shared_frames_are_those_of_explicit_copies():
    frames = np.random.default_rng(1).random((40, N_VISIBLE // 2), np.float32)
    # Two sequences of unequal lengths, 0 to 7 and 8 to 39: no window crosses from one to the other.
    starts = np.concatenate([np.arange(0, 7), np.arange(8, 13)])

    def window(key, frames, starts, labels):
        return frames[starts[:, None] + jnp.arange(2)].reshape(len(starts), -1)

    copies = np.stack([frames[i : i + 2].reshape(-1) for i in starts])
    rows = learned(window, loop.put_cases(starts, 4), jnp.asarray(frames))
    assert_same(rows, learned(as_they_are, loop.put_cases(copies, 4)))
    other = learned(as_they_are, loop.put_cases(np.roll(copies, 1, axis=1), 4))
    assert any((a != b).any() for a, b in zip(*map(jax.tree.leaves, (rows, other)), strict=True))


def test_labels_stay_beside_cases_and_balance_them():
    labels = np.arange(N) % 2
    data = loop.put_cases(np.arange(N), 4, labels, n_classes=2, balanced=True)
    rows = loop.minibatches(jax.random.key(3), data, 4)
    assert (np.asarray(data.labels)[rows].sum(-1) == 2).all()
    assert sorted(np.asarray(data.cases)[rows].ravel()) == list(range(N))
    images = loop.put((255 * V).astype(np.uint8), labels, 2, 4, balanced=True)
    assert_same(loop.minibatches(jax.random.key(3), images, 4), rows)


def test_members_of_an_ensemble_and_devices_of_a_mesh_share_any_cases():
    cases = {"v": V}

    def view(key, context, cases, labels):
        return cases["v"]

    alone = learned(view, loop.put_cases(cases, 4))
    many = loop.ensemble_program(LEARNER, view, batch_size=4)
    hyper, params = (jax.tree.map(lambda x: jnp.stack([x, x]), tree) for tree in (HYPER, RBM_))
    start = jax.vmap(LEARNER.init)(jax.random.split(jax.random.key(1), 2), params)
    state, _ = many(jax.random.key(0), hyper, start, None, loop.put_cases(cases, 4))
    with sharding.using("data:2", (sharding.DATA,)):
        split = learned(view, loop.put_cases(cases, 4))
    for got in (jax.tree.map(lambda x: x[1], state.params), split):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), got, alone)


class Rows:
    """A stream of real values."""

    n_cases, n_classes, shape = N, 0, (N_VISIBLE,)

    def read(self, ranges):
        return {"v": np.concatenate([V[start:stop] for start, stop in ranges])}


def test_a_stream_may_give_any_cases():
    def view(key, context, cases, labels):
        return cases["v"]

    def over(cases):
        program = loop.epoch_program(LEARNER, view, batch_size=4)
        epoch = streaming.epoch_over(program, cases)
        state = LEARNER.init(jax.random.key(1), RBM_)
        return epoch(jax.random.key(0), HYPER, state, None)[0].params

    chunks = streaming.cut(Rows(), 8, 4)
    (ranges, *_) = streaming.plan(jax.random.split(jax.random.key(0))[0], N, 8)
    data = loop.put_cases(Rows().read(ranges), 4)
    key = jax.random.fold_in(jax.random.split(jax.random.key(0))[1], 0)
    program = loop.epoch_program(LEARNER, view, batch_size=4)
    state, _ = program(key, HYPER, LEARNER.init(jax.random.key(1), RBM_), None, data)
    assert_same(over(chunks), state.params)


@pytest.mark.parametrize(
    ("cases", "options", "message"),
    [
        ({"a": V, "b": V[:3]}, {}, r"cases: expected arrays with one leading axis .*12.*3"),
        ({}, {}, "lengths of no array"),
        (V[:0], {}, "at least one case"),
        (np.float32(1.0), {}, r"cases: expected \[n_cases, ...\], got a scalar"),
        ({"a": [[1.0]]}, {}, r"cases\['a'\]: expected an array of real numbers, got .*list"),
        (np.array(["a", "b"]), {}, "cases: expected an array of real numbers"),
        (V, {"balanced": True}, "balanced minibatches: expected labels, got none"),
        (V, {"labels": np.arange(3), "n_classes": 3}, "as many labels as cases, got 3 for 12"),
        (V, {"labels": np.eye(N), "n_classes": N}, "one-of-K states become them by labels.argmax"),
        (V, {"labels": np.full(N, 5), "n_classes": 2}, "labels from 0 to 1, got 5 to 5"),
        (V, {"batch_size": 13}, "batch size: expected 1 to 12"),
    ],
)
def test_cases_that_cannot_be_learned_from_are_one_line(cases, options, message):
    with pytest.raises(InputError, match=message) as caught:
        loop.put_cases(cases, **{"batch_size": 2, **options})
    assert "\n" not in str(caught.value)
