"""Persistent chains and fast weights."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import exact
from dbnjax.learning import persistent, phases, updates
from dbnjax.learning.persistent import (
    fast_persistent_contrastive_divergence,
    persistent_contrastive_divergence,
)
from dbnjax.models import rbm as rbm_lib

RBM_ = machines.binary(17, 4, 3)
JOINT = machines.joint(RBM_)
BATCH = jnp.asarray(oracles.binary_states(4)[[1, 6, 7, 12, 15]], jnp.float32)
OTHER = jnp.asarray(oracles.binary_states(4)[[0, 0, 3, 8, 9]], jnp.float32)
KEY = jax.random.key(3)
N_CHAINS = 9
PLAIN = persistent_contrastive_divergence(N_CHAINS, k=2)
FAST = fast_persistent_contrastive_divergence(N_CHAINS, k=2)
step, fast_step = jax.jit(PLAIN.step), jax.jit(FAST.step)
positive_phase = jax.jit(phases.positive_phase, static_argnums=3)
negative_phase = jax.jit(phases.negative_phase, static_argnums=(3, 4))


def assert_close(got, expected, atol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=atol), got, expected)


def test_chains_live_on_and_never_see_the_data():
    state = PLAIN.init(jax.random.key(0), RBM_)
    assert state.chains.shape == (N_CHAINS, 3)
    hyper = updates.hyper(0.1)
    first, _ = step(KEY, hyper, state, BATCH)
    same_chains, _ = step(KEY, hyper, state, OTHER)
    np.testing.assert_array_equal(first.chains, same_chains.chains)
    assert not np.array_equal(first.params.weights, same_chains.params.weights)
    # The next step goes on from them: the same draws from another start end elsewhere.
    moved = first._replace(chains=1.0 - first.chains)
    one, other = (step(KEY, hyper, s, BATCH)[0] for s in (first, moved))
    assert not np.array_equal(one.chains, other.chains)


def test_the_chains_make_k_steps_under_the_machine():
    state = PLAIN.init(jax.random.key(0), RBM_)
    new, info = step(KEY, updates.hyper(0.1), state, BATCH)
    key_chain = jax.random.split(KEY)[1]
    negative = negative_phase(key_chain, RBM_, state.chains, 2, persistent.CHOICES)
    np.testing.assert_array_equal(new.chains, negative.hidden_state)
    np.testing.assert_allclose(info.chain_activity, negative.hidden.mean(), rtol=1e-6)


def test_with_chains_at_equilibrium_the_gradient_is_that_of_the_log_likelihood():
    n = 40_000
    learner = persistent_contrastive_divergence(n)
    generator = np.random.default_rng(5)
    chains = oracles.draw_states(generator, JOINT.hidden.states, JOINT.hidden_marginal, n)
    state = learner.init(jax.random.key(0), RBM_)._replace(chains=jnp.asarray(chains, jnp.float32))
    new, _ = jax.jit(learner.step)(KEY, updates.hyper(1.0), state, BATCH)
    data = oracles.frequencies(JOINT.visible.states, BATCH)
    # The data's part is exact; the chains' statistics lie in [0, 1].
    np.testing.assert_allclose(
        new.params.weights - RBM_.weights,
        oracles.coupling_gradient(JOINT, data),
        rtol=0,
        atol=2.5 / np.sqrt(n),
    )


@pytest.fixture(scope="module")
def offset():
    return jax.tree.map(lambda x: 0.5 * jnp.cos(7.0 * x), RBM_)


def fast_state(offset):
    return FAST.init(jax.random.key(0), RBM_)._replace(fast=offset)


def test_fast_weights_drive_the_chains_and_nothing_else(offset):
    hyper = updates.hyper(0.2, momentum=0.5, decay=0.1)
    state = fast_state(offset)
    new, _ = fast_step(KEY, persistent.fast_hyper(hyper, rate=0.3), state, BATCH)
    key_hidden, key_chain = jax.random.split(KEY)
    shifted = jax.tree.map(jnp.add, RBM_, offset)
    positive = positive_phase(key_hidden, RBM_, BATCH, persistent.FAST_CHOICES)
    negative = negative_phase(key_chain, shifted, state.chains, 2, persistent.FAST_CHOICES)
    np.testing.assert_array_equal(new.chains, negative.hidden_state)
    gradient = phases.rbm_gradient(positive, negative, None)
    expected = updates.ascend(hyper, state.machine, gradient, positive)
    assert_close(new.params, expected.params)
    assert_close(new.fast, jax.tree.map(lambda f, g: 0.95 * f + 0.3 * g, offset, gradient))


def test_without_an_offset_the_regular_step_is_the_plain_one():
    hyper = updates.hyper(0.2, momentum=0.5)
    learner = persistent_contrastive_divergence(N_CHAINS, k=2, choices=persistent.FAST_CHOICES)
    start = learner.init(jax.random.key(0), RBM_)
    plain, _ = jax.jit(learner.step)(KEY, hyper, start, BATCH)
    state = FAST.init(jax.random.key(0), RBM_)
    fast, _ = fast_step(KEY, persistent.fast_hyper(hyper), state, BATCH)
    assert_close(fast.params, plain.params)
    np.testing.assert_array_equal(fast.chains, plain.chains)
    assert_close(fast.fast.weights, fast.params.weights - RBM_.weights)  # one rate for both


def test_fast_weights_are_forgotten(offset):
    hyper = persistent.fast_hyper(updates.hyper(0.2), rate=0.0, retention=0.5)
    new, _ = fast_step(KEY, hyper, fast_state(offset), BATCH)
    assert_close(new.fast, jax.tree.map(lambda f: 0.5 * f, offset))


def test_chains_that_carry_means_are_refused():
    with pytest.raises(InputError, match=r"expected choices\.visible='sample'"):
        persistent_contrastive_divergence(4, choices=phases.Choices(visible="mean"))


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast weights"])
def test_long_learning_ends_near_the_maximum_of_the_log_likelihood(fast):
    """Against exact ascent from the same start, in nats a case; both leave the start behind."""
    rows = [3, 3, 3, 3, 12, 12, 12, 12, 7, 13, 1, 8]  # two patterns and their neighbours
    data = jnp.asarray(oracles.binary_states(4)[rows], jnp.float32)
    start = jax.tree.map(lambda x: 0.1 * x, RBM_)

    def score(rbm):
        return exact.log_prob(rbm, data).mean()

    def climb(rbm, _):
        return jax.tree.map(lambda p, g: p + 0.2 * g, rbm, jax.grad(score)(rbm)), None

    def persist(state, i):
        # A rate that falls to nothing averages out the chains' noise.
        hyper = updates.hyper(1.0)._replace(rate=0.1 * (1.0 - i / n_steps))
        hyper = persistent.fast_hyper(hyper, rate=0.01) if fast else hyper
        return learner.step(jax.random.fold_in(KEY, i), hyper, state, data)[0], None

    n_steps = 4000
    make = fast_persistent_contrastive_divergence if fast else persistent_contrastive_divergence
    learner = make(100)
    state = learner.init(jax.random.key(0), start)
    learnt = jax.jit(lambda s: jax.lax.scan(persist, s, jnp.arange(n_steps))[0])(state).params
    best = jax.jit(lambda r: jax.lax.scan(climb, r, None, n_steps)[0])(start)
    gain = score(best) - score(start)
    assert gain > 0.5
    assert score(learnt) > score(best) - 0.05


def test_the_chains_of_fast_weights_are_measured_with_the_regular_energy():
    """A learned variance makes the statistics depend on the parameters that they are taken at."""
    visible = units.Gaussian(jnp.array([0.3, -0.2]), jnp.array([0.4, -0.3]))
    machine = rbm_lib.init(jax.random.key(1), visible, units.Bernoulli.zeros(3), 0.3)
    learner = fast_persistent_contrastive_divergence(6)
    state = learner.init(jax.random.key(0), machine)
    state = state._replace(fast=jax.tree.map(lambda x: 0.4 + 0.0 * x, machine))
    batch = jax.random.normal(jax.random.key(2), (5, 2))
    hyper = persistent.fast_hyper(updates.hyper(1.0))
    new, _ = jax.jit(learner.step)(KEY, hyper, state, batch)
    key_hidden, key_chain = jax.random.split(KEY)
    chained = jax.tree.map(jnp.add, machine, state.fast)
    positive = positive_phase(key_hidden, machine, batch, persistent.FAST_CHOICES)
    negative = negative_phase(key_chain, chained, state.chains, 1, persistent.FAST_CHOICES)

    def objective(m):
        dreamt = rbm_lib.energy(m, negative.visible, negative.hidden_state).mean()
        return dreamt - rbm_lib.free_energy(m, positive.visible).mean()

    moved = jax.tree.map(jnp.subtract, new.params, machine)
    assert_close(moved, jax.jit(jax.grad(objective))(machine), atol=1e-5)


@pytest.mark.parametrize("numbers", [{"n_chains": 0}, {"n_chains": 4, "k": 0}])
def test_at_least_one_chain_and_one_step(numbers):
    with pytest.raises(InputError, match="expected 1 or more, a whole number, got 0"):
        persistent_contrastive_divergence(**numbers)


def test_means_of_the_chains_hidden_units_are_refused_with_fast_weights():
    with pytest.raises(InputError, match=r"choices\.negative='sample'"):
        fast_persistent_contrastive_divergence(4, choices=persistent.CHOICES)
