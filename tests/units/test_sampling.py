"""Draws of every unit type against its oracle, with tolerances from the sample size."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from scipy.stats import norm

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
