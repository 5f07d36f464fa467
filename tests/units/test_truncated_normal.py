"""The normal distribution above a bound against float64, far in its tail too."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
from scipy import special, stats

from dbnjax.units import truncated_normal

ARGUMENTS = np.concatenate(
    [-np.geomspace(1000, 3, 40), np.linspace(-3, 3, 61), np.geomspace(3, 50, 20)]
).astype(np.float32)
FAILURE = 1e-6  # the chance that a right generator had failed a test before the key was fixed


def test_log_mills_ratio():
    x = -ARGUMENTS.astype(np.float64)
    expected = special.log_ndtr(-x) - stats.norm.logpdf(x)
    np.testing.assert_allclose(
        jax.jit(truncated_normal.log_mills)(-ARGUMENTS), expected, rtol=2e-6, atol=2e-6
    )


def truncated_moments(a):
    """E[x] and E[x^2] of a normal of mean a and variance 1 on x > 0, by quadrature."""
    low, high = (max(0.0, a - 12), a + 12) if a > -3 else (0.0, 40 / -a)
    x, log_weight = oracles.gauss_legendre(low, high, 200)
    p = np.exp(log_weight + a * x - 0.5 * x**2 - np.max(a * x - 0.5 * x**2))
    return (p * x).sum() / p.sum(), (p * x**2).sum() / p.sum()


def test_moments_of_the_truncated_normal():
    mean, square = np.transpose([truncated_moments(float(a)) for a in ARGUMENTS])
    got = jax.jit(truncated_normal.mean)(ARGUMENTS)
    np.testing.assert_allclose(got, mean, rtol=5e-6)
    got = jax.jit(truncated_normal.mean_square)(ARGUMENTS)
    np.testing.assert_allclose(got, square, rtol=2e-5)


def test_slopes_are_finite_and_right_over_the_whole_range():
    # d log R / dx = x - 1 / R is minus the excess mean, in the library's own other function.
    slope = jax.jit(jax.vmap(jax.grad(truncated_normal.log_mills)))(-ARGUMENTS)
    mean = [truncated_moments(float(a))[0] for a in ARGUMENTS]
    np.testing.assert_allclose(slope, -np.array(mean), rtol=3e-5)
    for function in (truncated_normal.mean, truncated_normal.mean_square):
        assert np.isfinite(jax.jit(jax.vmap(jax.grad(function)))(ARGUMENTS)).all()


LOWER = np.array([-1000.0, -5.0, 0.0, 2.9, 3.1, 10.0, 100.0, 1000.0], np.float32)


def test_draws_from_the_tail():
    n = 20_000
    excess = jax.jit(truncated_normal.draw_above)(jax.random.key(4), jnp.tile(LOWER, (n, 1)))
    excess, lower = np.float64(excess), np.float64(LOWER)
    assert (excess >= 0).all()
    survival = np.exp(special.log_ndtr(-(lower + excess)) - special.log_ndtr(-lower))
    # Dvoretzky, Kiefer and Wolfowitz bound the Kolmogorov-Smirnov distance of n exact draws.
    allowed = np.sqrt(np.log(2 / FAILURE) / (2 * n))
    for column in survival.T:
        assert stats.kstest(column, "uniform").statistic < allowed
