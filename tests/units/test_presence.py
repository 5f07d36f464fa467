"""Absent units: what is not read, what is not learned, masks by part and by case, refusals.

That a machine with absent units is the machine without them is in `tests/models/test_conditional`.
"""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import gibbs, units
from dbnjax.checks import InputError

JOINED = units.Concat((cases.BERNOULLI, cases.GROUPS, cases.GAUSSIAN))  # 3 + 3 + 2 blocks
MASKS = np.array([[1, 0, 1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0]])
HERE = np.repeat(MASKS, [1, 1, 1, 3, 3, 3, 1, 1], axis=1) > 0


def test_each_part_gets_its_piece_of_the_mask():
    unit = units.present(JOINED, MASKS)
    assert [type(part).__name__ for part in unit.parts] == ["Present"] * 3
    assert unit.n_blocks == 8
    mean = np.asarray(unit.mean(jnp.zeros((2, 14))))
    np.testing.assert_array_equal(mean[~HERE], 0.0)
    everything = np.broadcast_to(JOINED.mean(jnp.zeros(14)), (2, 14))
    np.testing.assert_array_equal(mean[HERE], everything[HERE])


@pytest.mark.parametrize("nonsense", [np.inf, -np.inf, np.nan, 1e30])
def test_nothing_of_absent_units_is_read_not_even_by_slopes(nonsense):
    unit = units.present(JOINED, MASKS)
    field = jnp.where(HERE, 0.3, nonsense)
    for method in (unit.cumulants, unit.energies, unit.mean):
        np.testing.assert_array_equal(method(field), method(jnp.where(HERE, 0.3, 0.0)))
    slope = jax.grad(lambda u, f: u.cumulant(f).sum() + u.energy(f).sum(), (0, 1))(unit, field)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))
    np.testing.assert_array_equal(slope[1][~HERE], 0.0)
    statistics = unit.statistics(field)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(statistics))
    np.testing.assert_array_equal(statistics.parts[0].unit.bias[~HERE[:, :3]], 0.0)


def test_a_state_is_zeros_where_units_are_absent():
    unit = units.present(JOINED, MASKS)
    drawn = unit.sample(jax.random.key(0), jnp.zeros((2, 14)))
    np.testing.assert_array_equal(drawn[~HERE], 0.0)
    assert unit.has_state(drawn).all()
    assert unit.has_state(unit.mean(jnp.zeros((2, 14))), True).all()
    assert unit.has_state(drawn.at[:, 1].set(1.0)).tolist() == [False, False]
    assert unit.has_state(drawn.at[:, 0].set(2.0)).tolist() == [False, False]
    unit.check_data("states", np.asarray(drawn))
    np.testing.assert_array_equal(unit.only_present(jnp.full((2, 14), jnp.nan))[~HERE], 0.0)
    assert not unit.binary()[-2:].any()


def test_a_clamped_unit_that_is_absent_stays_absent():
    unit = units.present(JOINED, MASKS)
    mask = np.arange(14) < 6
    held = gibbs.clamp(unit, mask, np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0] + [np.nan] * 8))
    state = np.asarray(gibbs.apply_clamp(held, jnp.zeros((2, 14))))
    np.testing.assert_array_equal(state[0], [1.0] + [0.0] * 13)
    np.testing.assert_array_equal(state[1], 0.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: units.present(JOINED, HERE), "presence: expected 8 entries in the last axis"),
        (lambda: units.present(JOINED, MASKS * 3), "presence: expected true or false"),
        (lambda: units.present(JOINED, [1] * 8), "presence: expected an array"),
        (
            lambda: units.present(JOINED, MASKS).check_data("ratings", np.ones((2, 14))),
            "ratings: expected zeros where units are absent, got 4 other values",
        ),
        (
            lambda: units.present(cases.GROUPS, MASKS[0, 3:6]).check_data("ratings", np.zeros(9)),
            "ratings: expected one-of-K states",
        ),
        (lambda: units.Present(JOINED, MASKS[0]).check(), "expected units of one type, got a Con"),
        (
            lambda: units.Present(cases.GROUPS, np.ones(9)).check(),
            r"mask: expected shape \(3,\), one entry a block, got \(9,\)",
        ),
    ],
)
def test_masks_and_states_that_do_not_fit_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
