"""CD-k against its exact expectation by enumeration."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import oracles_dbn
import pytest
from scipy.special import expit

from dbnjax.checks import InputError
from dbnjax.learning import phases, updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.models.rbm import RBM

N = 40_000
TOLERANCE = 5.0 / np.sqrt(N)  # five errors of a mean of differences that lie in [-1, 1]
RBM_ = machines.binary(17, 4, 3)
JOINT = machines.joint(RBM_)
COUNTS = np.random.default_rng(6).multinomial(
    N, np.random.default_rng(9).dirichlet(np.full(16, 0.15))
)
DATA_LAW = COUNTS / N
BATCH = jnp.asarray(np.repeat(JOINT.visible.states, COUNTS, axis=0), jnp.float32)


def one_step(learner, key=3):
    """The gradient that a step of rate 1 from rest follows, and its Info."""
    state = learner.init(jax.random.key(0), RBM_)
    new, info = jax.jit(learner.step)(jax.random.key(key), updates.hyper(1.0), state, BATCH)
    return jax.tree.map(jnp.subtract, new.params, RBM_), info


def statistics(v_law, h_means, v_states):
    """<v>, <h> and <v h> for a law `[S]` of visible states and the hidden means given each."""
    return v_law @ v_states, v_law @ h_means, (v_law[:, None] * v_states).T @ h_means


def exact_gradient(k):
    """The expected CD-k update with sampled visible states."""
    means, v = oracles_dbn.hidden_means(JOINT), JOINT.visible.states
    end = oracles_dbn.after_steps(JOINT, DATA_LAW, k)
    positive, negative = statistics(DATA_LAW, means, v), statistics(end, means, v)
    return RBM(*(p - n for p, n in zip(positive, negative, strict=True)))


def assert_expected(gradient, expected, tolerance=TOLERANCE):
    got = (gradient.visible.bias, gradient.hidden.bias, gradient.weights)
    wanted = (expected.visible, expected.hidden, expected.weights)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("positive", ["mean", "sample"])
@pytest.mark.parametrize("negative", ["mean", "sample"])
def test_cd_1_has_its_exact_expectation_whatever_is_averaged(positive, negative):
    choices = phases.Choices(positive, "sample", negative)
    gradient, _ = one_step(contrastive_divergence(k=1, choices=choices))
    assert_expected(gradient, exact_gradient(1))


@pytest.mark.parametrize("k", [2, 5])
def test_cd_k_has_its_exact_expectation(k):
    choices = phases.Choices(visible="sample")
    gradient, _ = one_step(contrastive_divergence(k=k, choices=choices))
    assert_expected(gradient, exact_gradient(k))


def test_the_tolerance_tells_other_chains_apart():
    """Other lengths, the infinite chain, and p(h_k | v_(k-1)) in the place of p(h_k | v_k)."""
    one = exact_gradient(1)
    for other in (exact_gradient(2), exact_gradient(200)):
        assert np.abs(one.weights - other.weights).max() > 2 * TOLERANCE
    hidden = JOINT.probability / JOINT.visible_marginal[:, None]
    visible = (JOINT.probability / JOINT.hidden_marginal).T
    pair = DATA_LAW[:, None, None] * hidden[:, :, None] * visible[None]  # v0, h0, v1
    stale = np.einsum("ahb,bi,hj->ij", pair, JOINT.visible.states, JOINT.hidden.states)
    clamped = statistics(DATA_LAW, oracles_dbn.hidden_means(JOINT), JOINT.visible.states)[2]
    assert np.abs(one.weights - (clamped - stale)).max() > 2 * TOLERANCE


def test_cd_approaches_the_gradient_of_the_log_likelihood():
    limit = oracles.coupling_gradient(JOINT, DATA_LAW)
    far = [np.abs(exact_gradient(k).weights - limit).max() for k in (1, 4, 16, 64)]
    assert far == sorted(far, reverse=True)
    assert far[-1] < 1e-9


@pytest.mark.parametrize(
    ("positive", "negative"), [("mean", "mean"), ("sample", "mean"), ("sample", "sample")]
)
def test_real_valued_reconstructions_have_their_exact_expectation(positive, negative):
    """The paper's default: v_1 is p(v | h_0), and the hidden means follow from it."""
    hidden = JOINT.probability / JOINT.visible_marginal[:, None]
    h_law, h = DATA_LAW @ hidden, JOINT.hidden.states
    weights = np.float64(RBM_.weights)
    v_hat = expit(h @ weights.T + np.float64(RBM_.visible.bias))
    h_hat = expit(v_hat @ weights + np.float64(RBM_.hidden.bias))
    clamped = statistics(DATA_LAW, oracles_dbn.hidden_means(JOINT), JOINT.visible.states)
    dreamt = statistics(h_law, h_hat, v_hat)
    choices = phases.Choices(positive, "mean", negative)
    gradient, info = one_step(contrastive_divergence(choices=choices))
    assert_expected(gradient, RBM(*(p - n for p, n in zip(clamped, dreamt, strict=True))))
    gap = ((JOINT.visible.states[:, None] - v_hat[None]) ** 2).sum(-1)
    error = (DATA_LAW[:, None] * hidden * gap).sum()
    np.testing.assert_allclose(info.reconstruction_error, error, atol=4 * TOLERANCE)
    exact_activity = 1e-5 if positive == "mean" else TOLERANCE
    np.testing.assert_allclose(info.activity, clamped[1].mean(), atol=exact_activity)


def test_leading_axes_are_cases():
    learner = contrastive_divergence(1)
    state = learner.init(jax.random.key(0), RBM_)
    key, hyper = jax.random.key(5), updates.hyper(0.1)
    flat, _ = learner.step(key, hyper, state, BATCH[:12])
    deep, _ = learner.step(key, hyper, state, BATCH[:12].reshape(2, 3, 2, -1))
    np.testing.assert_array_equal(flat.params.weights, deep.params.weights)


def test_choices_and_steps_that_mean_nothing_are_refused():
    with pytest.raises(InputError, match=r"choices\.positive: expected 'sample' or 'mean'"):
        contrastive_divergence(1, phases.Choices(positive="smaple"))
    with pytest.raises(InputError, match="k: expected 1 or more, a whole number, got 0"):
        contrastive_divergence(0)
