"""Sums over very many states, closed forms, and what is refused."""

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest
from scipy.special import expit

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import enumeration, exact
from dbnjax.models.rbm import RBM

MEGABYTE = 2**20


def test_binary_states_count_with_the_last_unit_fastest():
    expected = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1]]
    np.testing.assert_array_equal(exact.binary_states(3)[:4], expected)
    assert exact.binary_states(5).shape == (32, 5)


def independent(n):
    """Binary units and, to be summed out, one real unit; no weights."""
    bias = jnp.asarray(np.random.default_rng(1).normal(-0.5, 1.0, n), jnp.float32)
    return RBM(units.Bernoulli(bias), units.Gaussian.zeros(1), jnp.zeros((n, 1)))


def test_2_to_the_25_states_in_bounded_memory_to_1e_5():
    rbm = independent(25)
    program = jax.jit(exact.log_z).lower(rbm).compile()
    assert program.memory_analysis().temp_size_in_bytes < 8 * MEGABYTE
    bias = np.float64(rbm.visible.bias)
    expected = np.logaddexp(0.0, bias).sum() + 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(program(rbm), expected, rtol=1e-6)


def test_autodiff_of_log_z_takes_bounded_memory_too():
    program = jax.jit(jax.grad(exact.log_z)).lower(independent(25)).compile()
    assert program.memory_analysis().temp_size_in_bytes < 8 * MEGABYTE


def test_many_small_chunks_add_up_without_loss(monkeypatch):
    monkeypatch.setattr(enumeration, "CHUNK", 2)
    rbm = independent(17)
    log_z, (visible, _) = jax.jit(lambda r: (exact.log_z(r), exact.marginals(r)))(rbm)
    bias = np.float64(rbm.visible.bias)
    np.testing.assert_allclose(visible, expit(bias), rtol=2e-6)
    expected = np.logaddexp(0.0, bias).sum() + 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(log_z, expected, rtol=1e-6)


def test_weights_that_all_underflow_have_a_finite_slope(monkeypatch):
    """A chunk whose states are e^-1000 times as likely as those before it."""
    monkeypatch.setattr(enumeration, "CHUNK", 1)
    rbm = RBM(units.Bernoulli(jnp.array([-1000.0])), units.Gaussian.zeros(1), jnp.zeros((1, 1)))
    slope = jax.grad(exact.log_z)(rbm)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))


def two_normals(seed, n_visible, n_hidden):
    generator = np.random.default_rng(seed)

    def layer(n):
        bias, raw = generator.normal(size=(2, n))
        return units.Gaussian(jnp.asarray(bias, jnp.float32), jnp.asarray(0.3 * raw, jnp.float32))

    weights = generator.normal(0.0, 0.15, (n_visible, n_hidden))
    return RBM(layer(n_visible), layer(n_hidden), jnp.asarray(weights, jnp.float32))


def test_two_real_layers_are_one_normal():
    rbm = two_normals(3, 6, 5)
    bias = np.float64(jnp.concatenate([rbm.visible.bias, rbm.hidden.bias]))
    raw = np.float64(jnp.concatenate([rbm.visible.raw_log_variance, rbm.hidden.raw_log_variance]))
    precision = np.diag(np.exp(-oracles.bounded_log_variance(raw)))
    pull = precision @ bias
    constant = 0.5 * bias @ pull
    precision[:6, 6:] = -np.float64(rbm.weights)
    precision[6:, :6] = precision[:6, 6:].T
    mean = np.linalg.solve(precision, pull)
    log_z = 0.5 * (11 * np.log(2 * np.pi) + pull @ mean - np.linalg.slogdet(precision)[1])
    found, means = jax.jit(lambda r: (exact.log_z(r), exact.marginals(r)))(rbm)
    np.testing.assert_allclose(found, log_z - constant, rtol=1e-5)
    np.testing.assert_allclose(jnp.concatenate(means), mean, rtol=1e-4, atol=1e-5)


ZEROS = units.Bernoulli.zeros
REFUSED = {
    "wide": (
        RBM(ZEROS(30), ZEROS(40), jnp.zeros((30, 40))),
        r"at most 2\^25 states .* got 2\^30 visible and 2\^40 hidden; use annealed importance",
    ),
    "groups": (
        RBM(units.Categorical.zeros(10, 20), ZEROS(40), jnp.zeros((200, 40))),
        r"got 2\^66\.44 visible and 2\^40 hidden",
    ),
    "infinite": (
        RBM(cases.RELU, cases.POISSON, -jnp.ones((2, 2))),
        "got infinitely many visible and infinitely many hidden",
    ),
    "too many real units": (
        RBM(units.Gaussian.zeros(4), cases.ONE_RELU, jnp.zeros((4, 1))),
        "or up to 3 Gaussian units",
    ),
    "not normalisable": (
        RBM(units.Gaussian.zeros(1), units.Gaussian.zeros(1), jnp.array([[1.5]])),
        "cannot be normalised: sigma_v W sigma_h reaches 1.5",
    ),
    "real units and counts": (
        RBM(units.Gaussian.zeros(1), cases.ONE_POISSON, jnp.array([[-0.1]])),
        "couplings join counts",
    ),
    "NaN weights": (
        RBM(ZEROS(2), ZEROS(1), jnp.array([[0.0], [jnp.nan]])),
        r"parameters\.weights: expected finite values, got 1 NaN or infinite of 2",
    ),
    "infinite bias": (
        RBM(units.Bernoulli(jnp.array([jnp.inf])), ZEROS(1), jnp.zeros((1, 1))),
        r"parameters\.visible\.bias: expected finite values",
    ),
    "beyond the lattice": (
        RBM(
            units.Gaussian.zeros(1),
            units.Relu(jnp.full(1, 40.0), jnp.zeros(1)),
            jnp.full((1, 1), 0.8),
        ),
        "within 64 standard deviations of their bias, got a share of",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_exact_answer_is_refused_in_one_line(name):
    rbm, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as caught:
        exact.log_z(rbm)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rbm", "evaluations"),
    [
        (RBM(ZEROS(784), ZEROS(20), jnp.zeros((784, 20))), 2**20 * 784),
        (RBM(ZEROS(3), ZEROS(500), jnp.zeros((3, 500))), 2**3 * 500),
        (RBM(units.Categorical.zeros(10, 2), ZEROS(7), jnp.zeros((20, 7))), 10**2 * 7),
        (RBM(cases.ONE_GAUSSIAN, cases.BERNOULLI, jnp.zeros((1, 3))), 2**3),
        (RBM(cases.ONE_GAUSSIAN, cases.RELU, jnp.zeros((1, 2))), 128 * 2),
        (two_normals(3, 6, 5), 0),
        *((REFUSED[name][0], None) for name in ("wide", "infinite", "too many real units")),
    ],
    ids=["hidden", "visible", "groups", "real", "lattice", "normal", "wide", "infinite", "reals"],
)
def test_the_cost_is_states_times_the_other_layers_units(rbm, evaluations):
    assert exact.cost(rbm) == evaluations


@pytest.mark.parametrize("name", ["wide", "not normalisable", "NaN weights"])
@pytest.mark.parametrize(
    "ask",
    [
        exact.marginals,
        lambda rbm: exact.log_prob(rbm, jnp.zeros((1, rbm.visible.size))),
        lambda rbm: exact.sample(jax.random.key(0), rbm, 1),
        lambda rbm: exact.gradient(rbm, jnp.zeros((1, rbm.visible.size))),
    ],
    ids=["marginals", "log p", "sample", "gradient"],
)
def test_every_question_is_refused_alike(ask, name):
    rbm, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        ask(rbm)


def test_data_and_counts_that_do_not_fit_are_refused():
    rbm = machines.binary(1, 3, 2)
    with pytest.raises(InputError, match="expected 3 units in the last axis, got 4"):
        exact.log_prob(rbm, jnp.zeros((2, 4)))
    with pytest.raises(InputError, match="expected 3 units in the last axis, got 4"):
        exact.gradient(rbm, jnp.zeros((2, 4)))
    for ask in (exact.log_prob, exact.gradient):
        with pytest.raises(InputError, match="visible states: expected one case or more, got"):
            ask(rbm, jnp.zeros((0, 3)))
        with pytest.raises(InputError, match="expected 0 or 1, got 6 other values such as"):
            ask(rbm, jnp.full((2, 3), 0.5))
        with pytest.raises(InputError, match="visible states: expected finite values, got 6 NaN"):
            ask(rbm, jnp.full((2, 3), jnp.nan))
    with pytest.raises(InputError, match="samples: expected 1 or more"):
        exact.sample(jax.random.key(0), rbm, 0)
    with pytest.raises(InputError, match=r"at most 2\^20 states in one table, got 2\^21"):
        exact.binary_states(21)
