"""Complementary priors of appendix A.1 for random likelihoods, by enumeration."""

import itertools

import jax.numpy as jnp
import machines
import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from dbnjax.checks import InputError
from dbnjax.models import complementary_prior
from dbnjax.models.complementary_prior import Likelihood

SIZES = (2, 3, 2)
N_X = 5
Y = list(itertools.product(*(range(k) for k in SIZES)))


@pytest.fixture(scope="module")
def tables():
    generator = np.random.default_rng(4)
    phi = [generator.normal(0.0, 2.0, (N_X, k)).astype(np.float32) for k in SIZES]
    alpha = [generator.normal(0.0, 1.0, k).astype(np.float32) for k in SIZES]
    return phi, generator.normal(0.0, 1.0, N_X).astype(np.float32), alpha


@pytest.fixture(scope="module")
def likelihood(tables):
    phi, beta, _ = tables
    return Likelihood(phi=tuple(jnp.asarray(t) for t in phi), beta=jnp.asarray(beta))


def posterior(likelihood, log_prior):
    """P(y | x) by Bayes in float64, `[n_x, *SIZES]`."""
    log_joint = np.float64(complementary_prior.log_likelihood(likelihood)) + log_prior
    joint = np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
    return joint.reshape(N_X, *SIZES)


def distance_from_factorial(law):
    marginals = [law.sum(tuple(a for a in (1, 2, 3) if a != j)) for j in (1, 2, 3)]
    return np.abs(law - np.einsum("xi,xj,xk->xijk", *marginals)).max()


def test_the_likelihood_and_the_prior_are_equations_a1_and_a2(likelihood, tables):
    phi, beta, alpha = tables
    scores = np.array([[sum(phi[j][x, y[j]] for j in range(3)) + beta[x] for y in Y]
                       for x in range(N_X)])  # fmt: skip
    expected = scores - logsumexp(scores, axis=0)
    np.testing.assert_allclose(
        complementary_prior.log_likelihood(likelihood), expected, rtol=1e-5, atol=1e-5
    )
    free = np.array([sum(alpha[j][y[j]] for j in range(3)) for y in Y])
    np.testing.assert_allclose(
        complementary_prior.log_prior(likelihood, alpha),
        log_softmax(logsumexp(scores, axis=0) + free),
        rtol=1e-5,
        atol=1e-5,
    )


def test_a_complementary_prior_makes_the_posterior_factorial(likelihood, tables):
    alpha = tables[2]
    law = posterior(likelihood, np.float64(complementary_prior.log_prior(likelihood, alpha)))
    assert distance_from_factorial(law) < 1e-6
    factors = complementary_prior.log_posterior_factors(likelihood, alpha)
    product = np.einsum("xi,xj,xk->xijk", *(np.exp(np.float64(f)) for f in factors))
    np.testing.assert_allclose(law, product, atol=1e-6)


def test_other_priors_leave_explaining_away(likelihood, tables):
    alpha = tables[2]
    uniform = np.full(len(Y), -np.log(len(Y)))
    assert distance_from_factorial(posterior(likelihood, uniform)) > 0.05
    # A prior that is complementary but for one interaction between two variables.
    bent = np.float64(complementary_prior.log_prior(likelihood, alpha))
    bent = bent + np.array([3.0 if y[0] == 1 and y[2] == 1 else 0.0 for y in Y])
    assert distance_from_factorial(posterior(likelihood, bent)) > 0.02


def test_a_machines_own_prior_over_hidden_units_is_complementary():
    """For p(v | h) of an RBM, phi_j = h_j (v W)_j, alpha_j = c_j h_j, and the prior is p(h)."""
    rbm = machines.binary(3, 4, 3)
    joint = machines.joint(rbm)
    field = joint.visible.states @ np.float64(rbm.weights)
    phi = tuple(jnp.stack([jnp.zeros(16), jnp.asarray(f, jnp.float32)], -1) for f in field.T)
    beta = jnp.asarray(joint.visible.states @ np.float64(rbm.visible.bias), jnp.float32)
    alpha = tuple(jnp.stack([jnp.zeros(()), c]) for c in rbm.hidden.bias)
    likelihood = Likelihood(phi=phi, beta=beta)
    np.testing.assert_allclose(
        complementary_prior.log_likelihood(likelihood), joint.log_visible_given_hidden, atol=2e-5
    )
    log_prior = complementary_prior.log_prior(likelihood, alpha)
    np.testing.assert_allclose(log_prior, np.log(joint.hidden_marginal), atol=2e-5)


def test_free_parts_that_do_not_fit_are_refused(likelihood):
    with pytest.raises(InputError, match=r"expected sizes \[2, 3, 2\].*got \[2, 2, 2\]"):
        complementary_prior.log_prior(likelihood, [jnp.zeros(2)] * 3)
