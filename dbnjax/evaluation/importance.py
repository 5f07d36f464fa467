"""Means of importance weights, with their errors."""

from typing import NamedTuple

import jax.numpy as jnp

from dbnjax import checks
from dbnjax.types import Array

QUANTILE_95 = 1.96
"""Standard errors on either side of a normal estimate that hold it in 95 of 100 cases."""
SMALLEST_SHARE = 0.1
"""Effective sample size over weights from which on a standard error is one (`has_error`)."""


class LogMean(NamedTuple):
    """The logarithm of a mean of weights.

    Attributes:
      value: `[...]` in nats; on average too small.
      standard_error: `[...]` in nats, the relative error of the mean (delta method); infinite for
        one weight. It is at most 1 nat, since the relative variance of n weights is at most n,
        however far off their mean is: see `has_error`. Of modes that no chain has found it knows
        nothing.
      effective_sample_size: `[...]` (sum w)^2 / sum w^2.
    """

    value: Array
    standard_error: Array
    effective_sample_size: Array


def log_mean(log_weights: Array) -> LogMean:
    """Averages weights over the first axis.

    Args:
      log_weights: `[n, ...]` in nats.
    """
    n = log_weights.shape[0]
    checks.check_count("weights to average", n, 1)
    largest = log_weights.max(0)
    largest = jnp.where(largest == -jnp.inf, 0, largest)  # of weights that are all 0
    weights = jnp.exp(log_weights - largest)
    mean = weights.mean(0)
    variance = ((weights / mean - 1.0) ** 2).sum(0) / max(n - 1, 1)
    return LogMean(
        value=largest + jnp.log(mean),
        standard_error=jnp.sqrt(variance / n) if n > 1 else jnp.full(mean.shape, jnp.inf),
        effective_sample_size=weights.sum(0) ** 2 / (weights**2).sum(0),
    )


def has_error(effective_sample_size: float, n: int) -> bool:
    """Returns whether n weights are even enough for their standard error to say anything.

    The mean of a few weights among many small ones is theirs, and so is its error, whatever larger
    weights are still to come.
    """
    return n > 1 and effective_sample_size >= SMALLEST_SHARE * n
