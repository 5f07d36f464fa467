"""Annealed chains against exact recursions: the weight's expectation, the kernel, the sums."""

import functools
import itertools

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import oracles_dbn
import pytest

from dbnjax.checks import InputError
from dbnjax.evaluation import annealing
from dbnjax.models import path as path_lib
from dbnjax.models.rbm import RBM

increment, anneal = jax.jit(annealing.increment), jax.jit(annealing.anneal)
transition = jax.jit(annealing.transition)

# Temperatures that float32 holds exactly, and so does the oracle.
SCHEDULES = {
    2: np.array([0.0, 0.5, 1.0]),
    5: np.array([0, 2, 5, 9, 13, 16]) / 16,
    10: np.array([0, 1, 2, 4, 6, 8, 10, 12, 14, 15, 16]) / 16,
}


def from_base_rates(target, mean=0.35, variance=0.7):
    n = target.visible.size
    return path_lib.from_base_rates(target, jnp.full(n, mean), jnp.full(n, variance))


BINARY = machines.binary(17, 4, 3)
BRIDGE = path_lib.bridge(machines.binary(3, 4, 2), BINARY)
PATHS = {
    "binary": from_base_rates(BINARY),
    "labels": from_base_rates(machines.labelled(3, 2, 3, 3)),
    "softmax groups": from_base_rates(machines.groups(1)),
    "real": from_base_rates(RBM(cases.ONE_GAUSSIAN, cases.BERNOULLI, 0.9 * jnp.ones((1, 3)))),
    "hidden counts": from_base_rates(RBM(cases.BERNOULLI, cases.ONE_POISSON, -jnp.ones((3, 1)))),
    "bridge": BRIDGE.path,
}


@functools.cache
def joint_at(name, beta):
    """The oracle's table of the machine at beta, interpolated in float64."""
    path = PATHS[name]
    return machines.joint(
        jax.tree.map(
            lambda a, b: (1 - beta) * np.float64(a) + beta * np.float64(b), path.base, path.target
        )
    )


def expected_weight(name, betas, move_first=False):
    """E[w] of chains that start at p_betas[0]: the library's increments at all states, exact moves.

    With `move_first` in the wrong order, the bug that peers have shipped.
    """
    start = joint_at(name, betas[0])
    states, law = jnp.asarray(start.visible.states, jnp.float32), start.visible_marginal
    for beta, following in itertools.pairwise(betas):
        gained = np.float64(increment(PATHS[name], states, beta, following))
        kernel = oracles_dbn.gibbs_kernel(joint_at(name, following))
        law = (law @ kernel) * np.exp(gained) if move_first else (law * np.exp(gained)) @ kernel
    return law.sum()


@pytest.mark.parametrize("n", SCHEDULES)
@pytest.mark.parametrize("name", PATHS)
def test_the_expected_weight_is_the_ratio_of_partition_functions_both_ways(name, n):
    for betas in (SCHEDULES[n], SCHEDULES[n][::-1]):
        exact = joint_at(name, betas[-1]).log_z - joint_at(name, betas[0]).log_z
        assert np.log(expected_weight(name, betas)) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("n", SCHEDULES)
def test_the_check_finds_chains_that_move_before_they_are_weighed(n):
    betas = SCHEDULES[n]
    wrong = np.log(expected_weight("binary", betas, move_first=True))
    assert wrong - np.log(expected_weight("binary", betas)) > 0.5 / n


def expected_log_weight(name, betas):
    """E[log w] of the same chains."""
    start, total = joint_at(name, betas[0]), 0.0
    states, law = jnp.asarray(start.visible.states, jnp.float32), start.visible_marginal
    for beta, following in itertools.pairwise(betas):
        total += law @ np.float64(increment(PATHS[name], states, beta, following))
        law = law @ oracles_dbn.gibbs_kernel(joint_at(name, following))
    return total


@pytest.mark.parametrize("name", PATHS)
def test_log_z_lies_between_the_directions_and_more_temperatures_bring_them_together(name):
    exact, gaps = joint_at(name, 1.0).log_z - joint_at(name, 0.0).log_z, []
    for betas in SCHEDULES.values():
        low, high = expected_log_weight(name, betas), -expected_log_weight(name, betas[::-1])
        assert low < exact < high
        gaps.append(high - low)
    assert gaps[0] > gaps[1] > gaps[2]


def test_a_chain_is_weighed_where_it_is_and_then_moved_at_the_next_temperature():
    path, betas = PATHS["binary"], jnp.array([0.5, 1.0])
    v = jnp.asarray(machines.states(BINARY.visible), jnp.float32)
    key, start = jax.random.key(3), annealing.start(path, v, 0.0)
    first = anneal(key, path, betas[:1], start)
    np.testing.assert_allclose(first.log_weight, increment(path, v, 0.0, 0.5), rtol=1e-6)
    moved = transition(jax.random.fold_in(key, 0), path, v, 0.5)
    np.testing.assert_array_equal(first.v, moved)
    second = anneal(key, path, betas, start)
    gained = increment(path, moved, 0.5, 1.0)
    np.testing.assert_allclose(second.log_weight - first.log_weight, gained, atol=2e-6)
    assert not np.array_equal(first.v, v)


def test_the_transition_is_the_machines_gibbs_step():
    """The law of (v, v') after one step from p_beta, so that no other beta will do."""
    n, name, beta = 40_000, "labels", 0.5
    joint = joint_at(name, beta)
    states, law = joint.visible.states, joint.visible_marginal
    v = oracles.draw_states(np.random.default_rng(0), states, law, n)
    moved = transition(jax.random.key(1), PATHS[name], jnp.asarray(v, jnp.float32), beta)
    pairs = np.array([np.concatenate(pair) for pair in itertools.product(states, states)])
    seen = oracles.frequencies(pairs, np.concatenate([v, moved], axis=1))
    exact = (law[:, None] * oracles_dbn.gibbs_kernel(joint)).reshape(-1)
    floor = oracles.total_variation_floor(exact, n)
    assert oracles.total_variation(seen, exact) < floor
    hotter = law[:, None] * oracles_dbn.gibbs_kernel(joint_at(name, 0.0))
    assert oracles.total_variation(seen, hotter.reshape(-1)) > 2 * floor


@pytest.mark.parametrize("name", ["labels", "bridge"])
def test_a_schedule_may_be_cut_anywhere(name):
    path, betas = PATHS[name], jnp.linspace(0.0, 1.0, 13)[1:]
    visible = path.base.visible
    v = jax.jit(visible.sample)(jax.random.key(0), jnp.zeros((2, 5, visible.size)))
    key, start = jax.random.key(4), annealing.start(path, v, 0.0)
    whole = anneal(key, path, betas, start)
    parts = anneal(key, path, betas[5:], anneal(key, path, betas[:5], start))
    assert whole.log_weight.shape == (2, 5)
    assert (int(whole.step), float(whole.beta)) == (12, 1.0)
    assert jax.tree.all(jax.tree.map(np.array_equal, whole, parts))


def test_an_ensemble_of_machines_is_one_call():
    paths = [PATHS["labels"], from_base_rates(machines.labelled(5, 2, 3, 3))]
    v = jnp.asarray(machines.states(paths[0].base.visible), jnp.float32)
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *paths)
    got = jax.jit(jax.vmap(annealing.increment, in_axes=(0, None, None, None)))(
        together, v, 0.25, 0.75
    )
    for path, row in zip(paths, got, strict=True):
        np.testing.assert_allclose(row, increment(path, v, 0.25, 0.75), rtol=1e-5, atol=1e-6)


def test_a_step_makes_two_matrix_products():
    """The increment's two fields and the Gibbs step's are one product of the state."""
    path = PATHS["binary"]
    arguments = (jax.random.key(0), path, jnp.ones(3), annealing.start(path, jnp.ones((7, 4)), 0.0))
    program = anneal.lower(*arguments).compile().as_text()
    assert program.count(" dot(") == 2


def test_chains_start_at_states():
    with pytest.raises(InputError, match="visible states: expected 0 or 1, got 8 other values"):
        annealing.start(PATHS["binary"], np.full((2, 4), 0.5), 0.0)
    state = annealing.start(PATHS["real"], np.full((2, 1), 0.5), 0.0)
    np.testing.assert_array_equal(state.v, 0.5)
