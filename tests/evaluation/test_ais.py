"""Estimates of log Z from below and from above, their errors, and what is said about them."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import ais, annealing, importance
from dbnjax.models import path as path_lib
from dbnjax.models.rbm import RBM

anneal = jax.jit(annealing.anneal)
start = jax.jit(ais.start, static_argnums=2)
forward, reverse = jax.jit(ais.forward), jax.jit(ais.reverse)
log_mean, reach_95 = jax.jit(importance.log_mean), jax.jit(importance.reach_95)

TARGET = machines.labelled(3, 2, 3, 3)
JOINT = machines.joint(TARGET)
PATH = path_lib.from_base_rates(TARGET, jnp.full(5, 0.3), jnp.full(5, 0.2))
LOG_Z_BASE = path_lib.log_z_uncoupled(PATH.base)
BETAS = jnp.linspace(0.0, 1.0, 4)
N_GROUPS, N_CHAINS = 600, 20


def samples(joint, n):
    drawn = oracles.draw_states(
        np.random.default_rng(1), joint.visible.states, joint.visible_marginal, n
    )
    return jnp.asarray(drawn, jnp.float32)


@partial(jax.jit, static_argnums=0)
def in_groups(estimate, state):
    """The same estimate from every group of chains, as if each were all that there is."""

    def one(v, log_weight, compensation):
        group = annealing.State(v, log_weight, compensation, state.beta, state.step)
        return estimate(LOG_Z_BASE, group)

    chains = (state.v, state.log_weight, state.compensation)
    return jax.vmap(one)(*(x.reshape(N_GROUPS, N_CHAINS, *x.shape[1:]) for x in chains))


@pytest.fixture(scope="module")
def up():
    state = start(jax.random.key(0), PATH, N_GROUPS * N_CHAINS)
    return anneal(jax.random.key(1), PATH, BETAS[1:], state)


@pytest.fixture(scope="module")
def down():
    state = annealing.start(PATH, samples(JOINT, N_GROUPS * N_CHAINS), 1.0)
    return anneal(jax.random.key(2), PATH, BETAS[::-1][1:], state)


def test_all_chains_together_find_log_z_both_ways(up, down):
    for estimate in (forward(LOG_Z_BASE, up), reverse(LOG_Z_BASE, down)):
        error = float(estimate.standard_error)
        assert 0.0 < error < 0.05
        assert float(estimate.log_z) == pytest.approx(JOINT.log_z, abs=5 * error)


def test_few_chains_are_too_low_forward_and_too_high_in_reverse(up, down):
    for estimate, state, sign in ((ais.forward, up, -1.0), (ais.reverse, down, 1.0)):
        bias = sign * (np.float64(in_groups(estimate, state).log_z) - JOINT.log_z)
        assert bias.mean() > 4 * bias.std() / np.sqrt(N_GROUPS)


def test_the_interval_covers_log_z_as_often_as_it_says(up):
    groups = in_groups(ais.forward, up)
    covered = ((groups.low <= JOINT.log_z) & (groups.high >= JOINT.log_z)).mean()
    assert float(covered) > 0.9
    assert (groups.high - groups.low > 3.92 * groups.standard_error).all()


@pytest.mark.parametrize("seed", [10, 15, 23])
def test_an_interval_that_is_given_holds_log_z(seed):  # F25
    """Three temperatures, a machine with weights up to 3: 1.96 errors hold it in 76 to 85 %."""
    drawn = np.random.default_rng(seed)
    weights = drawn.uniform(-3.0, 3.0, (6, 5))
    biases = [drawn.uniform(-1.0, 1.0, n) for n in (6, 5)]
    if seed % 2:
        weights = drawn.normal(0.0, 1.5, (6, 5)).clip(-3.0, 3.0)
    layers = [units.Bernoulli(jnp.asarray(bias, jnp.float32)) for bias in biases]
    target = RBM(*layers, jnp.asarray(weights, jnp.float32))
    path = path_lib.from_base_rates(target, jnp.full(6, 0.5), jnp.full(6, 0.25))
    state = start(jax.random.key(seed), path, 100 * N_GROUPS)
    state = anneal(jax.random.key(seed + 99), path, jnp.linspace(0.0, 1.0, 3)[1:], state)
    log_weights = annealing.log_weights(state).reshape(N_GROUPS, 100).T
    mean, reach = log_mean(log_weights), reach_95(log_weights)
    given = np.array([importance.has_error(x, 100) for x in mean.effective_sample_size])
    error = mean.value + path_lib.log_z_uncoupled(path.base) - machines.joint(target).log_z
    n = given.sum()
    assert n > N_GROUPS / 3
    covered = (np.abs(error) <= reach)[given].mean()
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / n)
    plain = (np.abs(error) <= 1.96 * mean.standard_error)[given].mean()
    assert plain < 0.9


def test_an_estimate_is_vectorised_over_what_it_holds(up):
    estimate = forward(LOG_Z_BASE, up)
    np.testing.assert_array_equal(estimate.log_weights, annealing.log_weights(up))
    assert estimate.log_weights.shape == (N_GROUPS * N_CHAINS,)


def test_base_samples_are_exact():
    n = 20_000
    state = start(jax.random.key(5), PATH, n)
    assert float(state.beta) == 0.0
    law = machines.joint(PATH.base).visible_marginal
    seen = oracles.frequencies(JOINT.visible.states, state.v)
    assert oracles.total_variation(seen, law) < oracles.total_variation_floor(law, n)


def test_one_machine_is_weighed_against_another():
    first, second = machines.binary(3, 4, 2), machines.binary(17, 4, 3)
    path, shift = path_lib.bridge(first, second)
    joint = machines.joint(first)
    state = annealing.start(path, samples(joint, 4000), 0.0)
    state = anneal(jax.random.key(0), path, jnp.linspace(0.0, 1.0, 13)[1:], state)
    estimate = forward(joint.log_z + shift, state)
    error = float(estimate.standard_error)
    assert error < 0.1
    assert float(estimate.log_z) == pytest.approx(machines.joint(second).log_z, abs=5 * error)


def test_machines_over_other_visible_units_have_no_bridge():
    with pytest.raises(InputError, match="path: expected two machines of the same units"):
        path_lib.bridge(machines.binary(3, 4, 2), machines.binary(3, 5, 2))
    with pytest.raises(InputError, match="path: expected two machines of the same units"):
        path_lib.bridge(machines.binary(3, 5, 2), TARGET)


def test_a_base_with_weights_has_no_samples_of_its_own():
    path, _ = path_lib.bridge(machines.binary(3, 4, 2), machines.binary(17, 4, 3))
    with pytest.raises(InputError, match="expected a base without weights"):
        ais.start(jax.random.key(0), path, 10)


def test_no_chains_are_refused():
    with pytest.raises(InputError, match="chains: expected 1 or more, a whole number, got 0"):
        ais.start(jax.random.key(0), PATH, 0)


@pytest.mark.parametrize(
    ("estimate", "beta", "wanted"), [(ais.forward, 0.5, 1), (ais.reverse, 1.0, 0)]
)
def test_chains_that_were_not_carried_to_the_end_are_refused(estimate, beta, wanted):
    state = annealing.start(PATH, samples(JOINT, 3), beta)
    message = f"expected chains carried to beta = {wanted}, got beta = {beta:g}; the schedule does"
    with pytest.raises(InputError, match=message) as caught:
        estimate(LOG_Z_BASE, state)
    assert "\n" not in str(caught.value)


def an_estimate(log_z, error=0.1, effective=90.0, n=100):
    return ais.Estimate(
        log_z=jnp.float32(log_z),
        log_weights=jnp.zeros(n),
        effective_sample_size=jnp.float32(effective),
        standard_error=jnp.float32(error),
        low=jnp.float32(log_z - 1.96 * error),
        high=jnp.float32(log_z + 1.96 * error),
    )


@pytest.mark.parametrize(
    ("forward", "reverse", "words"),
    [
        (an_estimate(10.0), an_estimate(10.5), []),
        (an_estimate(10.2), an_estimate(10.0), []),
        (an_estimate(10.0), None, []),
        (an_estimate(10.0, effective=9.0), None, ["the forward estimate rests on 9.0 of 100"]),
        (
            an_estimate(10.0),
            an_estimate(10.5, effective=2.5),
            ["the reverse estimate rests"],
        ),
        (an_estimate(10.0), an_estimate(11.5), ["the directions are 1.50 nats apart"]),
        (an_estimate(12.0), an_estimate(10.0), ["the forward estimate lies 2.00 nats above"]),
        (
            an_estimate(12.0, effective=1.0),
            an_estimate(14.0, effective=1.0),
            ["forward", "reverse", "2.00 nats apart"],
        ),
        (
            an_estimate(10.0, np.inf, effective=1.0, n=1),
            an_estimate(10.2),
            ["the forward estimate is of one chain, and one chain has no interval"],
        ),
        (
            an_estimate(np.nan, np.nan, effective=np.nan),
            an_estimate(10.0),
            ["the forward estimate is nan, not a finite number"],
        ),
        (an_estimate(10.0), an_estimate(np.inf, np.nan), ["the reverse estimate is inf"]),
    ],
    ids=[
        *("agree", "crossed within errors", "alone", "few", "few above", "apart", "crossed", "all"),
        *("one chain", "not a number", "infinite"),
    ],
)
def test_what_speaks_against_an_estimate_is_said_in_words(forward, reverse, words):
    said = ais.warnings(forward, reverse)
    assert len(said) == len(words)
    assert all(word in line for word, line in zip(words, said, strict=True))
