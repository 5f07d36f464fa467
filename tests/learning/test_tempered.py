"""Tempered chains as the negative phase of learning."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.learning import persistent, phases, tempered, updates
from dbnjax.learning.persistent import persistent_contrastive_divergence
from dbnjax.learning.tempered import parallel_tempering
from dbnjax.models import path as path_lib
from dbnjax.models.rbm import RBM
from dbnjax.sampling import gibbs, tempering

RBM_ = machines.binary(17, 4, 3)
BATCH = jnp.asarray(oracles.binary_states(4)[[1, 6, 7, 12, 15]], jnp.float32)
OTHER = jnp.asarray(oracles.binary_states(4)[[0, 0, 3, 8, 9]], jnp.float32)
KEY = jax.random.key(3)
BETAS = (1.0, 0.6, 0.2)
N_CHAINS = 9
LEARNER = parallel_tempering(BETAS, N_CHAINS, k=2)
init, step = jax.jit(LEARNER.init), jax.jit(LEARNER.step)


def moved_path(base, rbm):
    """The path from one machine's visible units to another machine."""
    uncoupled = RBM(base.visible, rbm.hidden, jnp.zeros_like(rbm.weights))
    return path_lib.Path(uncoupled, rbm, uncoupled=True)


def test_chains_live_on_and_never_see_the_data():
    state = init(jax.random.key(0), RBM_)
    assert state.chains.shape == (N_CHAINS, 3, 3)
    first, info = step(KEY, updates.hyper(0.1), state, BATCH)
    same_chains, _ = step(KEY, updates.hyper(0.1), state, OTHER)
    np.testing.assert_array_equal(first.chains, same_chains.chains)
    assert not np.array_equal(first.params.weights, same_chains.params.weights)
    moved = state._replace(chains=1.0 - state.chains)
    assert not np.array_equal(first.chains, step(KEY, updates.hyper(0.1), moved, BATCH)[0].chains)
    assert 0.0 < info.acceptance < 1.0


def test_the_chains_are_tempered_between_the_first_base_and_the_current_machine():
    other = machines.binary(5, 4, 3)
    state = init(jax.random.key(0), other)
    state = state._replace(machine=updates.initial_state(RBM_, centred=False))
    new, info = step(KEY, updates.hyper(0.1), state, BATCH)
    key_chain = jax.random.split(KEY, 3)[1]
    begin = gibbs.State(jnp.zeros((3, N_CHAINS, 4)), state.chains.swapaxes(0, 1))
    run = jax.jit(partial(tempering.chain, n_steps=2))
    walk, swaps = run(key_chain, moved_path(other, RBM_), jnp.array(BETAS), begin)
    np.testing.assert_array_equal(new.chains.swapaxes(0, 1), walk.hidden)
    np.testing.assert_allclose(info.acceptance, swaps.acceptance.mean(0).min(), rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, new.base, other.visible)


@pytest.mark.parametrize("negative", ["mean", "sample"])
def test_with_chains_at_equilibrium_the_gradient_is_that_of_the_log_likelihood(negative):
    n = 20_000
    choices = phases.Choices(visible="sample", negative=negative)
    learner = parallel_tempering(BETAS, n, choices=choices)
    generator, path = np.random.default_rng(5), moved_path(RBM_, RBM_)
    joints = [machines.joint(path_lib.at(path, beta)) for beta in BETAS]
    chains = [
        oracles.draw_states(generator, joint.hidden.states, joint.hidden_marginal, n)
        for joint in joints
    ]
    chains = jnp.asarray(np.stack(chains, axis=1), jnp.float32)
    state = tempered.State(updates.initial_state(RBM_, False), chains, RBM_.visible)
    new, info = jax.jit(learner.step)(KEY, updates.hyper(1.0), state, BATCH)
    data = oracles.frequencies(joints[0].visible.states, BATCH)
    # The data's part is exact; the chains' statistics lie in [0, 1].
    np.testing.assert_allclose(
        new.params.weights - RBM_.weights,
        oracles.coupling_gradient(joints[0], data),
        rtol=0,
        atol=2.5 / np.sqrt(n),
    )
    on = joints[0].hidden.states.mean(1) @ joints[0].hidden_marginal
    np.testing.assert_allclose(info.chain_activity, on, rtol=0, atol=2.5 / np.sqrt(n))


def test_chains_that_carry_means_are_refused():
    with pytest.raises(InputError, match=r"expected choices\.visible='sample'"):
        parallel_tempering(BETAS, 4, choices=phases.Choices(visible="mean"))
    labelled = phases.Choices(visible=("sample", "mean"))
    with pytest.raises(InputError, match=r"expected choices\.visible='sample'"):
        parallel_tempering(BETAS, 4, choices=labelled)


@pytest.mark.parametrize(
    ("betas", "n_chains", "k", "message"),
    [
        ((1.0,), 4, 1, "expected 2 temperatures or more"),
        ((0.5, 0.2), 4, 1, "expected 1 first, the target's temperature"),
        (BETAS, 0, 1, "n_chains: expected 1 or more"),
        (BETAS, 4, 0, "k: expected 1 or more"),
    ],
)
def test_a_learner_that_cannot_be_is_refused(betas, n_chains, k, message):
    with pytest.raises(InputError, match=message):
        parallel_tempering(betas, n_chains, k)


def share_of_the_first_mode(rbm):
    joint = machines.joint(rbm)
    states = joint.visible.states
    return joint.visible_marginal[states[:, :2].mean(1) > states[:, 2:].mean(1)].sum()


def trained(learner, state, data, n_steps):
    def body(state, i):
        # A rate that falls to nothing averages out the chains' noise.
        hyper = updates.hyper(1.0)._replace(rate=0.2 * (1.0 - i / n_steps))
        return learner.step(jax.random.fold_in(KEY, i), hyper, state, data)[0], None

    return jax.jit(lambda s: jax.lax.scan(body, s, jnp.arange(n_steps))[0])(state).params


def test_it_learns_the_balance_of_modes_that_its_chains_would_not_cross():
    """A machine of two modes, half and half; one case in four is of the first."""
    side = jnp.array([1.0, 1.0, -1.0, -1.0])
    start = RBM(units.Bernoulli(-8.0 * side), units.Bernoulli.zeros(1), 16.0 * side[:, None])
    data = jnp.stack([side > 0, side < 0, side < 0, side < 0]).astype(jnp.float32)
    flat, n = units.Bernoulli.zeros(4), 100  # flat: the data's means, not the start's biases
    learner = parallel_tempering(tuple(np.linspace(1.0, 0.0, 6)), n)
    state = tempered.State(updates.initial_state(start, False), jnp.zeros((n, 6, 1)), flat)
    learnt = share_of_the_first_mode(trained(learner, state, data, 250))
    np.testing.assert_allclose(learnt, 0.25, rtol=0, atol=0.05)
    plain = persistent_contrastive_divergence(n)
    stuck = persistent.State(updates.initial_state(start, False), jnp.zeros((n, 1)), None)
    assert share_of_the_first_mode(trained(plain, stuck, data, 250)) > 0.9
