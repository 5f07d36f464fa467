"""The machine against the oracles' tables, for every pair of units that can be tabled."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from scipy.stats import multivariate_normal

from dbnjax import units
from dbnjax.models import rbm as rbm_lib

N_ROWS = 6  # visible and hidden states compared in each machine
TWO_BINARY = units.Bernoulli(bias=jnp.array([0.4, -0.9]))
MIXED_BINARY = units.Concat((TWO_BINARY, cases.CATEGORICAL))
NEGATIVE = units.Poisson(bias=jnp.array([0.2]))

PAIRS = {
    "bernoulli-bernoulli": (cases.BERNOULLI, TWO_BINARY, 1.0),
    "categorical-bernoulli": (cases.GROUPS, TWO_BINARY, 1.0),
    "bernoulli-categorical": (cases.BERNOULLI, cases.CATEGORICAL, 1.0),
    "concat-bernoulli": (MIXED_BINARY, cases.BERNOULLI, 1.0),
    "concat-concat": (cases.MIXED, MIXED_BINARY, 0.5),
    "gaussian-bernoulli": (cases.GAUSSIAN, TWO_BINARY, 1.0),
    "relu-bernoulli": (cases.RELU, TWO_BINARY, 1.0),
    "poisson-bernoulli": (cases.POISSON, TWO_BINARY, 0.5),
    "gaussian-gaussian": (cases.ONE_GAUSSIAN, cases.GAUSSIAN, 0.25),
    "gaussian-relu": (cases.ONE_GAUSSIAN, cases.RELU, 0.25),
    "poisson-poisson": (cases.ONE_POISSON, NEGATIVE, -0.3),
}
ENUMERABLE = ["bernoulli-bernoulli", "categorical-bernoulli", "concat-bernoulli"]


def machine(pair):
    visible, hidden, scale = PAIRS[pair]
    weights = oracles.asymmetric_rbm(7, visible.size, hidden.size)[2]
    weights = scale * (np.abs(weights) if scale < 0 else weights)
    return rbm_lib.create(visible, hidden, jnp.asarray(weights, jnp.float32))


def joint(rbm):
    weights = np.float64(rbm.weights)
    return oracles.rbm_joint(cases.layer(rbm.visible), cases.layer(rbm.hidden), weights)


def likely(marginal):
    """A spread of states, none of them at the far ends of a grid."""
    allowed = np.flatnonzero(marginal > 1e-4 * marginal.max())
    return allowed[np.linspace(0, len(allowed) - 1, N_ROWS).astype(int)]


@jax.jit
def answers(rbm, v, h):
    above, below = rbm_lib.hidden_given_visible(rbm, v), rbm_lib.visible_given_hidden(rbm, h)
    slopes = jax.grad(lambda r, x: rbm_lib.free_energy(r, x).sum())(rbm, v)
    return {
        "energy": rbm_lib.energy(rbm, v, h),
        "free_energy": rbm_lib.free_energy(rbm, v),
        "hidden_free_energy": rbm_lib.hidden_free_energy(rbm, h),
        "hidden_mean": above.mean(),
        "visible_mean": below.mean(),
        "log_h": above.log_prob(h),
        "log_v": below.log_prob(v),
        "slope": slopes.weights,
        "hidden_slopes": jax.tree.leaves(slopes.hidden),
        "hidden_statistics": jax.tree.leaves(above.expected_statistics()),
    }


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=3e-5, atol=5e-5)


@pytest.mark.parametrize("pair", PAIRS)
def test_machine_against_its_table(pair):
    rbm = machine(pair)
    table = joint(rbm)
    rows, columns = likely(table.visible_marginal), likely(table.hidden_marginal)
    v, h = table.visible.states[rows], table.hidden.states[columns]
    got = answers(rbm, jnp.asarray(v, jnp.float32), jnp.asarray(h, jnp.float32))
    close(got["energy"], table.energy[rows, columns])
    close(got["free_energy"], table.free_energy[rows])
    close(got["hidden_free_energy"], table.hidden_free_energy[columns])
    close(got["log_h"], table.log_hidden_given_visible[rows, columns])
    close(got["log_v"], table.log_visible_given_hidden[rows, columns])
    p_hidden = table.probability[rows] / table.visible_marginal[rows, None]
    p_visible = table.probability[:, columns] / table.hidden_marginal[columns]
    close(got["hidden_mean"], p_hidden @ table.hidden.states)
    close(got["visible_mean"], p_visible.T @ table.visible.states)
    close(got["slope"], -v.T @ p_hidden @ table.hidden.states)
    for slope, statistics in zip(got["hidden_slopes"], got["hidden_statistics"], strict=True):
        close(slope, -statistics.sum(0))


@pytest.mark.parametrize("pair", ["bernoulli-categorical", "concat-concat", "gaussian-relu"])
def test_transposing_exchanges_the_layers(pair):
    rbm = machine(pair)
    v = jnp.linspace(0.0, 1.0, N_ROWS * rbm.visible.size).reshape(N_ROWS, -1)
    h = jnp.linspace(1.0, 0.2, N_ROWS * rbm.hidden.size).reshape(N_ROWS, -1)
    turned = rbm_lib.transpose(rbm)
    got, there = answers(turned, h, v), answers(rbm, v, h)
    close(got["energy"], there["energy"])
    close(got["free_energy"], there["hidden_free_energy"])
    close(got["hidden_free_energy"], there["free_energy"])
    close(got["hidden_mean"], there["visible_mean"])
    close(got["log_v"], there["log_h"])
    jax.tree.map(np.testing.assert_array_equal, rbm_lib.transpose(turned), rbm)


@pytest.mark.parametrize("pair", ENUMERABLE)
def test_likelihood_slopes_are_clamped_less_free_statistics(pair):
    rbm = machine(pair)
    table = joint(rbm)
    data = np.random.default_rng(3).dirichlet(np.ones(len(table.visible.states)))
    states = jnp.asarray(table.visible.states, jnp.float32)

    def log_likelihood(rbm):
        free = rbm_lib.free_energy(rbm, states)
        return -(jnp.asarray(data, jnp.float32) * free).sum() - jax.nn.logsumexp(-free)

    value, slope = jax.jit(jax.value_and_grad(log_likelihood))(rbm)
    close(value, data @ np.log(table.visible_marginal))
    close(slope.weights, oracles.coupling_gradient(table, data))
    visible_bias = np.concatenate(jax.tree.leaves(slope.visible))
    close(visible_bias, (data - table.visible_marginal) @ table.visible.states)
    clamped = (data / table.visible_marginal) @ table.probability
    close(slope.hidden.bias, (clamped - table.hidden_marginal) @ table.hidden.states)


@pytest.mark.parametrize("pair", ENUMERABLE)
def test_a_half_step_from_the_exact_law_keeps_it(pair):
    rbm, n = machine(pair), 40_000
    table = joint(rbm)
    generator = np.random.default_rng(4)
    v = oracles.draw_states(generator, table.visible.states, table.visible_marginal, n)
    above = rbm_lib.hidden_given_visible(rbm, jnp.asarray(v, jnp.float32))
    h = above.sample(jax.random.key(8))
    again = rbm_lib.visible_given_hidden(rbm, h).sample(jax.random.key(9))
    for states, samples, law in (
        (table.hidden.states, h, table.hidden_marginal),
        (table.visible.states, again, table.visible_marginal),
    ):
        distance = oracles.total_variation(oracles.frequencies(states, samples), law)
        assert distance < oracles.total_variation_floor(law, n)


def test_two_real_layers_in_closed_form():
    rbm = machine("gaussian-gaussian")
    b, c, w = (np.float64(x) for x in (rbm.visible.bias, rbm.hidden.bias, rbm.weights))
    upper = np.diag(1 / np.float64(rbm.visible.variance))
    lower = np.diag(1 / np.float64(rbm.hidden.variance))
    precision = np.block([[upper, -w], [-w.T, lower]])
    linear = np.concatenate([upper @ b, lower @ c])
    mean, covariance = np.linalg.solve(precision, linear), np.linalg.inv(precision)
    at_zero = 0.5 * (b @ upper @ b + c @ lower @ c)
    log_z = 0.5 * (linear @ mean + np.linalg.slogdet(2 * np.pi * covariance)[1]) - at_zero
    v = np.array([[-2.0], [0.0], [0.5], [4.0]])
    expected = multivariate_normal(mean[:1], covariance[:1, :1]).logpdf(v)
    close(-rbm_lib.free_energy(rbm, jnp.asarray(v, jnp.float32)) - log_z, expected)
    close(joint(rbm).log_z, log_z)


@pytest.mark.parametrize("lead", [(), (6,), (2, 3), (1, 3, 2)])
def test_any_number_of_leading_axes(lead):
    rbm = machine("concat-bernoulli")
    generator = np.random.default_rng(5)
    v, h = (jnp.asarray(generator.random((N_ROWS, n)), jnp.float32) for n in rbm.weights.shape)
    flat = answers(rbm, v, h)
    n_cases = np.prod(lead, dtype=int)
    got = answers(rbm, *(x[:n_cases].reshape(*lead, -1) for x in (v, h)))
    for name in ("energy", "free_energy", "hidden_free_energy", "log_h", "log_v"):
        close(got[name], flat[name][:n_cases].reshape(lead))
    for name in ("hidden_mean", "visible_mean"):
        close(got[name], flat[name][:n_cases].reshape(*lead, -1))


def test_an_ensemble_is_a_loop():
    members = [rbm_lib.init(jax.random.key(i), cases.BERNOULLI, TWO_BINARY, 2.0) for i in range(3)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *members)
    v, h = jnp.asarray(oracles.binary_states(3), jnp.float32), jnp.ones((8, 2))
    together = jax.vmap(answers, (0, None, None))(stacked, v, h)
    for i, member in enumerate(members):
        alone = answers(member, v, h)
        jax.tree.map(close, jax.tree.map(lambda x, i=i: x[i], together), alone)


def test_init_draws_weights_of_the_given_size():
    rbm = rbm_lib.init(jax.random.key(0), units.Bernoulli.zeros(90), units.Bernoulli.zeros(100))
    assert rbm.weights.dtype == jnp.float32
    # The error of a standard deviation from 9,000 draws is 1 / sqrt(18,000) of it.
    assert float(rbm.weights.std()) == pytest.approx(0.01, rel=5 / np.sqrt(18_000))


def test_match_data_sets_the_visible_units_only():
    rbm = machine("concat-bernoulli")
    mean = jnp.array([0.2, 0.7, 0.1, 0.2, 0.3, 0.4])
    matched = rbm_lib.match_data(rbm, mean, mean * (1 - mean))
    alone = rbm_lib.visible_given_hidden(matched, jnp.zeros(3)).mean()
    np.testing.assert_allclose(alone, mean, rtol=1e-5)
    np.testing.assert_array_equal(matched.weights, rbm.weights)
    np.testing.assert_array_equal(matched.hidden.bias, rbm.hidden.bias)
