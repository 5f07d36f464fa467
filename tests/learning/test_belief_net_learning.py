"""Learning of belief nets: both rules' expectations by enumeration, and where they lead."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import belief_nets
from dbnjax.learning import passes
from dbnjax.learning.gibbs_posterior import gibbs_posterior
from dbnjax.learning.helmholtz import wake_sleep
from dbnjax.models.belief_net import Layer

N = 40_000
MACHINE = nets_of_causes.machine(3, 2, 3, 4)
NET = MACHINE.net
DATA = np.array([1, 6, 6, 11])  # numbers of visible states
CASES = jnp.asarray(machines.states(units.Bernoulli.zeros(4))[np.tile(DATA, N // 4)], jnp.float32)
SHARE = np.bincount(DATA, minlength=16) / len(DATA)
# Five standard errors of a mean of parent (child - prediction), whose spread is 1/2 at most where
# the child has the predicted law, and here never more.
ERROR = 5 * 0.5 / np.sqrt(N)


@partial(jax.jit, static_argnums=0)
def step(learner, key, hyper, state, batch):
    return learner.step(key, hyper, state, batch)


def update(learner, params):
    """What one step with a rate of 1 adds."""
    state = learner.init(jax.random.key(0), params)
    new, info = step(learner, jax.random.key(1), passes.hyper(1.0), state, CASES)
    return jax.tree.map(lambda a, b: np.asarray(a - b), new.params, params), info


def assert_expected(got, expected):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=ERROR), got, expected)
    largest = max(np.abs(x).max() for x in jax.tree.leaves(expected))
    assert largest > 10 * ERROR


def test_wake_sleep_expects_the_bounds_gradient_and_the_fantasies_recognition():
    got, info = update(wake_sleep(), MACHINE)
    joint, q = nets_of_causes.joint(NET), nets_of_causes.recognised(MACHINE)
    assert_expected(got.net, nets_of_causes.delta_rule(NET, q * SHARE))

    slope = jax.grad(
        lambda net: belief_nets.bound(MACHINE.replace(net=net), CASES[:4]).bound.mean()
    )
    assert_expected(got.net, slope(NET))

    states, p = nets_of_causes.every_state(NET)[::-1], joint.ravel()
    expected, log_q = [], 0.0
    for layer, x, y in zip(MACHINE.recognition, states[:-1], states[1:], strict=True):
        field = x @ np.float64(layer.weights) + np.float64(layer.unit.bias)
        error = p[:, None] * (y - 1 / (1 + np.exp(-field)))
        expected.append(Layer(units.Bernoulli(error.sum(0)), x.T @ error))
        log_q += p @ (y * field - np.logaddexp(0.0, field)).sum(-1)
    assert_expected(got.recognition, tuple(expected))
    np.testing.assert_allclose(info.recognition, log_q, atol=0.1)


def test_a_wake_sleep_step_on_recognition_descends_the_wrong_divergence():
    """Its slope is that of the mean over p(v) of KL(p(h | v) || Q(h | v))."""
    p_v = nets_of_causes.joint(NET).sum((0, 1))
    posterior = nets_of_causes.joint(NET) / p_v

    def divergence(machine):
        q = nets_of_causes.recognised(machine)
        return (p_v * posterior * np.log(posterior / q)).sum()

    got, _ = update(wake_sleep(), MACHINE)
    moved = MACHINE.replace(
        recognition=jax.tree.map(lambda p, g: p + 0.02 * g, MACHINE.recognition, got.recognition)
    )
    square = sum((x**2).sum() for x in jax.tree.leaves(got.recognition))
    fall = divergence(MACHINE) - divergence(moved)
    np.testing.assert_allclose(fall, 0.02 * square, rtol=0.1)


def test_the_gibbs_posterior_expects_the_gradient_of_the_exact_log_likelihood():
    got, info = update(gibbs_posterior(n_sweeps=40), NET)
    joint = nets_of_causes.joint(NET)
    posterior = joint / joint.sum((0, 1)) * SHARE
    assert_expected(got, nets_of_causes.delta_rule(NET, posterior))
    assert_expected(got, belief_nets.gradient(NET, CASES[:4]))
    np.testing.assert_allclose(info.log_joint, (posterior * np.log(joint)).sum(), atol=0.1)


def test_few_sweeps_are_biased_towards_the_prior():
    joint = nets_of_causes.joint(NET)
    exact = nets_of_causes.delta_rule(NET, joint / joint.sum((0, 1)) * SHARE)
    got, _ = update(gibbs_posterior(n_sweeps=1), NET)
    far = jax.tree.map(lambda a, b: np.abs(a - b).max(), got, exact)
    assert max(jax.tree.leaves(far)) > 2 * ERROR


@pytest.mark.parametrize(
    ("learner", "params"), [(wake_sleep(), MACHINE), (gibbs_posterior(n_sweeps=5), NET)]
)
def test_learning_makes_the_data_more_probable(learner, params):
    start = jax.tree.map(lambda x: 0.1 * x, params)

    @jax.jit
    def learn(state):
        def body(state, i):
            key = jax.random.fold_in(jax.random.key(3), i)
            return learner.step(key, passes.hyper(0.2), state, CASES[:40])[0], None

        return jax.lax.scan(body, state, jnp.arange(1500))[0].params

    learnt = learn(learner.init(jax.random.key(0), start))
    before, after = (
        belief_nets.log_prob(getattr(net, "net", net), CASES[:4]).mean() for net in (start, learnt)
    )
    entropy = -(SHARE[SHARE > 0] * np.log(SHARE[SHARE > 0])).sum()
    assert after > before + 1.0
    assert after < -entropy


def test_at_least_one_sweep():
    with pytest.raises(InputError, match="n_sweeps: expected 1 or more"):
        gibbs_posterior(n_sweeps=0)
