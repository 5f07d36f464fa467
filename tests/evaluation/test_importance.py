"""Means of weights in logarithms, against float64."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from dbnjax.checks import InputError
from dbnjax.evaluation.importance import log_mean, reach_95


def test_a_mean_of_weights_with_its_error_and_size():
    log_weights = np.random.default_rng(0).normal(-700.0, 1.5, (50, 3)).astype(np.float32)
    got = log_mean(jnp.asarray(log_weights))
    exact = np.float64(log_weights)
    weights = np.exp(exact - exact.max(0))
    np.testing.assert_allclose(got.value, logsumexp(exact, axis=0) - np.log(50), rtol=1e-6)
    error = weights.std(0, ddof=1) / weights.mean(0) / np.sqrt(50)
    np.testing.assert_allclose(got.standard_error, error, rtol=1e-4)
    size = weights.sum(0) ** 2 / (weights**2).sum(0)
    np.testing.assert_allclose(got.effective_sample_size, size, rtol=1e-4)


def test_the_reach_of_an_interval():
    """Against Student's t of SciPy and moments in float64."""
    for n, spread in ((100, 0.5), (50, 1.5), (400, 2.0), (4, 0.3)):
        log_weights = np.random.default_rng(n).normal(-700.0, spread, n).astype(np.float32)
        weights = np.exp(np.float64(log_weights) - np.float64(log_weights).max())
        effective = weights.sum() ** 2 / (weights**2).sum()
        t = stats.t.ppf(0.975, max(effective - 1.0, 1.0))
        error = weights.std(ddof=1) / weights.mean() / np.sqrt(n)
        exact = t * error * (1.0 + t * max(stats.skew(weights), 0.0) / np.sqrt(n))
        # The table of t is read off in straight lines.
        assert float(reach_95(jnp.asarray(log_weights))) == pytest.approx(exact, rel=0.02)


def test_equal_weights_reach_no_further_than_their_mean_and_one_weight_everywhere():
    assert float(reach_95(jnp.full(8, 1000.0))) == 0.0
    assert float(reach_95(jnp.zeros(1))) == np.inf


def test_equal_weights_have_no_error_and_count_fully():
    got = log_mean(jnp.full(8, 1000.0))
    assert [float(x) for x in got] == [1000.0, 0.0, 8.0]


def test_one_weight_says_nothing_about_its_error():
    got = log_mean(jnp.zeros((1, 2)))
    np.testing.assert_array_equal(got.standard_error, [np.inf, np.inf])
    np.testing.assert_array_equal(got.effective_sample_size, [1.0, 1.0])


def test_no_weights_have_no_mean():
    with pytest.raises(InputError, match="weights to average: expected 1 or more"):
        log_mean(jnp.zeros((0, 2)))
