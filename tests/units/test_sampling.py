"""Draws of every unit type against its oracle, with tolerances from the sample size."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from scipy.special import log_ndtr
from scipy.stats import kstest, norm

from dbnjax import units
from dbnjax.checks import InputError

N = 20_000
DEVIATIONS = 5.0  # of the Monte-Carlo error; some 300 comparisons with fixed keys
N_WAVES = 12


def samples(unit, field):
    repeated = jnp.broadcast_to(field, (N, *field.shape))
    return np.float64(jax.jit(unit.sample)(jax.random.key(11), repeated))


def field_of(unit):
    return jnp.linspace(-1.5, 1.3, unit.size, dtype=jnp.float32)


@pytest.mark.parametrize("name", cases.WITH_ENERGY)
def test_draws_have_the_oracles_joint_distribution(name):
    unit = cases.WITH_ENERGY[name]
    layer, drawn = cases.layer(unit), samples(unit, field_of(unit))
    p = oracles.probabilities(layer, np.float64(field_of(unit)))
    mean = p @ layer.states
    centred = layer.states - mean
    variance, fourth = p @ centred**2, p @ centred**4
    error = DEVIATIONS / np.sqrt(N)
    # The small constant is float32 rounding of the drawn states.
    assert (np.abs(drawn.mean(0) - mean) <= error * np.sqrt(variance) + 1e-6).all()
    second = ((drawn - mean) ** 2).mean(0)
    assert (np.abs(second - variance) <= error * np.sqrt(fourth - variance**2) + 1e-6).all()
    # The characteristic function, along random directions, sees dependence between units too.
    waves = np.random.default_rng(1).normal(size=(unit.size, N_WAVES))
    for wave in (np.cos, np.sin):
        expected = p @ wave(layer.states @ waves)
        spread = np.sqrt(p @ wave(layer.states @ waves) ** 2 - expected**2)
        assert (np.abs(wave(drawn @ waves).mean(0) - expected) <= error * spread + 1e-6).all()


def test_the_noisy_rectifier_against_quadrature():
    unit = cases.NOISY_RELU
    field = jnp.array([[-3.0, 0.4], [0.0, 0.0], [2.0, -0.7], [8.0, 4.0]])
    noise, step = np.linspace(-8.0, 8.0, 8001, retstep=True)  # fine, for the kink at zero
    weight = step * norm.pdf(noise)
    m = np.float64(field + unit.bias)[..., None]
    state = np.maximum(m + noise / np.sqrt(1.0 + np.exp(-m)), 0.0)
    mean, square = state @ weight, state**2 @ weight
    np.testing.assert_allclose(unit.mean(field), mean, rtol=1e-5, atol=1e-5)
    drawn = samples(unit, field)
    error = DEVIATIONS / np.sqrt(N)
    assert (np.abs(drawn.mean(0) - mean) <= error * np.sqrt(square - mean**2)).all()
    spread = np.sqrt(state**4 @ weight - square**2)
    assert (np.abs((drawn**2).mean(0) - square) <= error * spread).all()
    off = norm.cdf(-m[..., 0] * np.sqrt(1.0 + np.exp(-m[..., 0])))
    assert (np.abs((drawn == 0).mean(0) - off) <= error * np.sqrt(off * (1 - off))).all()


POISSON = units.Poisson.zeros(1)
KEY = jax.random.key(3)


@pytest.mark.parametrize("field", [10.0, 12.0, 15.0, 17.0, 25.0, 80.0])
def test_counts_are_near_their_rate_however_large(field):  # F23
    """Their mean and variance; from e^11 on they are rounded normals."""
    drawn = np.float64(jax.jit(POISSON.sample)(KEY, jnp.full((N, 1), field)))
    rate = np.exp(np.float64(field))
    # float32 rounds the rate, by some 1e-7 of a field of 80, and every count.
    rounding = 1e-5 * rate
    assert abs(drawn.mean() - rate) < DEVIATIONS * np.sqrt(rate / N) + rounding
    spread = np.maximum(drawn.std(), 1e-30)
    if np.sqrt(rate) > 2.0**-23 * rate:  # else the steps of float32 are larger than the spread
        assert spread == pytest.approx(np.sqrt(rate), rel=DEVIATIONS / np.sqrt(2 * N) + 1e-2)
    assert (drawn == np.round(drawn)).all()


@pytest.mark.parametrize("field", [89.0, 1e3, np.inf, np.nan])
def test_a_rate_that_is_no_number_is_seen_in_the_count(field):  # F8
    drawn = POISSON.sample(KEY, jnp.full((4, 1), field))
    np.testing.assert_array_equal(drawn, np.full((4, 1), np.nan if np.isnan(field) else np.inf))


def test_counts_below_the_overflow_are_those_of_jax():
    field = jnp.broadcast_to(jnp.array([-jnp.inf, 0.0, 3.0, 9.0]), (50, 4))
    drawn = units.Poisson.zeros(4).sample(KEY, field)
    np.testing.assert_array_equal(drawn, jax.random.poisson(KEY, jnp.exp(field)))


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_counts_are_drawn_with_any_key(impl):  # F8
    keys = jax.random.split(jax.random.key(3, impl=impl), 2)
    drawn = [np.float64(POISSON.sample(key, jnp.full((N, 1), 1.5))) for key in keys]
    rate = np.exp(1.5)
    for counts in drawn:
        assert abs(counts.mean() - rate) < DEVIATIONS * np.sqrt(rate / N)
    correlation = np.corrcoef(*(counts.ravel() for counts in drawn))[0, 1]
    assert abs(correlation) < DEVIATIONS / np.sqrt(N)


def ends_of_the_grid(monkeypatch, low, high=None):
    """Puts JAX's uniforms into the lowest cell of their grid, and the last column elsewhere."""

    def uniform(key, shape, dtype, minval):
        u = jnp.full(shape, minval if low else 0.5, dtype)
        return u if high is None else u.at[..., -1].set(high)

    monkeypatch.setattr(jax.random, "uniform", uniform)


@pytest.mark.parametrize("field", [-6.0, 0.0, 4.0])
def test_a_rectified_state_in_the_lowest_cell_of_the_grid_is_where_it_belongs(monkeypatch, field):
    """Once in 2^23 draws: it was infinite, or 13 deviations out."""  # F24
    ends_of_the_grid(monkeypatch, low=True)
    drawn = np.float64(units.Relu.zeros(1).sample(KEY, jnp.full((N, 1), field)))[:, 0]
    survival = np.exp(log_ndtr(field - drawn) - log_ndtr(field)) * 2.0**23
    assert kstest(survival, "uniform").pvalue > 1e-6


def test_a_rare_category_is_drawn_at_its_own_rate(monkeypatch):  # F24
    """Where its uniform is in the last cell of the grid, and the other's is 1/2."""
    cell = 2.0**-23
    ends_of_the_grid(monkeypatch, low=False, high=1.0 - cell)
    for share in (0.01, 0.3, 0.9):
        # With 1/2 for the other's uniform the rare one wins where place * cell < exp(logit) log 2.
        logit = np.log(share * cell / np.log(2.0))
        field = jnp.broadcast_to(jnp.array([0.0, logit], jnp.float32), (N, 2))
        on = np.float64(units.Categorical.zeros(2).sample(KEY, field))[:, 1]
        error = DEVIATIONS * np.sqrt(share * (1 - share) / N)
        assert abs(on.mean() - share) < error + 1e-4  # float32 rounds the logit


def test_categories_are_otherwise_those_of_jax():
    logits = 3 * jax.random.normal(jax.random.key(1), (N, 5))
    drawn = units.Categorical.zeros(5).sample(KEY, logits)
    np.testing.assert_array_equal(drawn.argmax(-1), jax.random.categorical(KEY, logits))


@pytest.mark.parametrize("name", {**cases.WITH_ENERGY, "noisy relu": cases.NOISY_RELU})
def test_a_batch_of_keys_is_one_line(name):  # F30
    unit = {**cases.WITH_ENERGY, "noisy relu": cases.NOISY_RELU}[name]
    with pytest.raises(InputError, match=r"expected one key, got keys of shape \(3,") as caught:
        unit.sample(jax.random.split(jax.random.key(0), 3), field_of(unit))
    assert "\n" not in str(caught.value)


def test_a_group_without_a_distribution_shows():  # F8
    field = jnp.zeros((3, 3)).at[1, 0].set(jnp.nan).at[2].set(-jnp.inf)
    drawn = units.Categorical.zeros(3).sample(jax.random.key(0), field)
    assert jnp.isnan(drawn).all(-1).tolist() == [False, True, True]
