"""RAISE against the exact law of what the forward walk leaves."""

import functools
import itertools

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles_dbn
import pytest

from dbnjax.checks import InputError
from dbnjax.evaluation import annealing, raise_bound
from dbnjax.models import path as path_lib

TARGET = machines.binary(17, 4, 3)
PATH = path_lib.from_base_rates(TARGET, jnp.full(4, 0.35), jnp.full(4, 0.2))
LOG_Z_BASE = machines.joint(PATH.base).log_z
STATES = jnp.asarray(machines.states(TARGET.visible), jnp.float32)
SCHEDULES = {2: np.array([0.0, 0.5, 1.0]), 5: np.array([0, 2, 5, 9, 13, 16]) / 16}

anneal = jax.jit(annealing.anneal)
start = jax.jit(raise_bound.start, static_argnums=3)
estimate, increment = jax.jit(raise_bound.estimate), jax.jit(annealing.increment)


@functools.cache
def kernel(beta):
    """The exact Gibbs step of the machine at beta."""
    between = jax.tree.map(
        lambda a, b: (1 - beta) * np.float64(a) + beta * np.float64(b), PATH.base, PATH.target
    )
    return oracles_dbn.gibbs_kernel(machines.joint(between))


def annealing_model(betas):
    """p_ann(v): base samples after one Gibbs step at each of the other temperatures."""
    law = machines.joint(PATH.base).visible_marginal
    for beta in betas[1:].tolist():
        law = law @ kernel(beta)
    return law


def expected_estimate(betas):
    """E[exp(estimate)] of one chain from each v: the library's increments, exact moves."""
    value = np.ones(len(STATES))
    for below, beta in itertools.pairwise(betas.tolist()):
        gained = np.float64(increment(PATH, STATES, beta, below))
        value = kernel(beta) @ (np.exp(gained) * value)
    return np.exp(-machines.joint(TARGET).free_energy - LOG_Z_BASE) * value


@functools.cache
def chains(n):
    """20,000 chains from each of the 16 states, `[20_000, 16]`."""
    key_start, key = jax.random.split(jax.random.key(0))
    return anneal(key, PATH, SCHEDULES[n][::-1][1:], start(key_start, PATH, STATES, 20_000))


@pytest.mark.parametrize("n", SCHEDULES)
def test_the_expected_estimate_is_the_annealing_models_probability(n):
    expected = expected_estimate(SCHEDULES[n])
    np.testing.assert_allclose(expected, annealing_model(SCHEDULES[n]), rtol=3e-6)
    assert expected.sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("n", SCHEDULES)
def test_chains_have_that_expectation(n):
    """A walk without its first Gibbs step is far from it."""
    betas = SCHEDULES[n]
    got = estimate(PATH, STATES, LOG_Z_BASE, chains(n))
    assert got.value.shape == (16,)
    exact = annealing_model(betas)
    error = np.abs(np.exp(np.float64(got.value)) / exact - 1)
    assert (error < 5 * np.float64(got.standard_error)).all()
    stepless = anneal(
        jax.random.key(1),
        PATH,
        betas[::-1][1:],
        annealing.start(PATH, jnp.broadcast_to(STATES, (20_000, 16, 4)), 1.0),
    )
    wrong = estimate(PATH, STATES, LOG_Z_BASE, stepless)
    off = np.abs(np.exp(np.float64(wrong.value)) / exact - 1)
    assert (off > 10 * np.float64(wrong.standard_error)).any()


def test_one_chain_an_image_is_on_average_a_lower_bound_and_more_chains_are_tighter():
    state, image = chains(2), STATES[3]
    exact = np.log(annealing_model(SCHEDULES[2])[3])
    means = []
    for n_chains in (1, 10):
        n = 20_000 // n_chains  # as many images, all the same
        arrays = (state.v[:, 3], state.log_weight[:, 3], state.compensation[:, 3])
        arrays = [x.reshape(n_chains, n, *x.shape[1:]) for x in arrays]
        alike = annealing.State(*arrays, beta=state.beta, step=state.step)
        images = jnp.broadcast_to(image, (n, 4))
        value = np.float64(estimate(PATH, images, LOG_Z_BASE, alike).value)
        assert value.shape == (n,)
        assert value.mean() + 4 * value.std() / np.sqrt(n) < exact
        means.append(value.mean())
    assert means[0] < means[1]


@pytest.mark.parametrize(
    ("v", "n_chains", "message"),
    [
        (np.zeros((2, 4)), 0, "chains: expected 1 or more, a whole number, got 0"),
        (np.zeros((2, 3)), 1, "visible states: expected 4 units in the last axis, got 3"),
        (np.full((2, 4), 0.3), 1, "expected 0 or 1, got 8 other values"),
    ],
    ids=["chains", "width", "probabilities"],
)
def test_images_that_do_not_fit_are_refused(v, n_chains, message):
    with pytest.raises(InputError, match=message):
        raise_bound.start(jax.random.key(0), PATH, v, n_chains)


def test_chains_that_did_not_reach_the_base_are_refused():
    state = annealing.start(PATH, STATES[None], 1.0)
    with pytest.raises(InputError, match="expected chains carried to beta = 0, got beta = 1"):
        raise_bound.estimate(PATH, STATES, LOG_Z_BASE, state)
