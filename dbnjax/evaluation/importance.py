"""Means of importance weights, with their errors."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.types import Array

QUANTILE_95 = 1.96
"""Standard errors on either side of a normal estimate that hold it in 95 of 100 cases."""
_DEGREES = (1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, math.inf)
_STUDENT_95 = (12.706, 4.303, 3.182, 2.776, 2.447, 2.228, 2.086, QUANTILE_95)
"""The same of Student's t by its degrees of freedom, nearly linear in their inverse."""
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
        standard_error=jnp.sqrt(variance / n) if n > 1 else jnp.full_like(mean, jnp.inf),
        effective_sample_size=weights.sum(0) ** 2 / (weights**2).sum(0),
    )


def reach_95(log_weights: Array) -> Array:
    """Returns how far on either side of `log_mean` a 95 % interval reaches, in nats, `[...]`.

    The normal interval of 1.96 standard errors is short where few weights count: the largest
    weights are seldom drawn, and a sample without them has too small a mean and too small an error
    at once. Two things widen it here. Student's t takes the place of the normal, its degrees of
    freedom one fewer than the weights that count; and it reaches further by a share t s, with s
    the skewness of the weights over the square root of their number, which is that of their mean.
    Johnson (1978) has a third of this share, for a skewness that is known; that of a sample falls
    short like its error.

    The factor was chosen on walks of 6 x 5 units with weights up to 3, in 2 to 5 steps. On 177
    walks of other such machines the interval of 100 chains then held log Z in 93 % of cases or more
    where `has_error` allows one (in one walk in 88 % of 152), that of 1.96 standard errors in as
    few as 42 %. Modes that no chain has found it knows nothing of.

    Args:
      log_weights: `[n, ...]` in nats.
    """
    n, mean = log_weights.shape[0], log_mean(log_weights)
    deviation = jnp.exp(log_weights - mean.value) - 1.0
    square, cube = (deviation**2).mean(0), (deviation**3).mean(0)
    skewness = jnp.maximum(cube, 0.0) / jnp.where(square > 0, square, 1.0) ** 1.5
    degrees = jnp.maximum(mean.effective_sample_size - 1.0, 1.0)
    inverse = jnp.asarray(1.0 / np.array(_DEGREES[::-1]), degrees.dtype)
    t = jnp.interp(1.0 / degrees, inverse, jnp.asarray(_STUDENT_95[::-1], degrees.dtype))
    return t * mean.standard_error * (1.0 + t * skewness / n**0.5)


def has_error(effective_sample_size: float, n: int) -> bool:
    """Returns whether n weights are even enough for their standard error to say anything.

    The mean of a few weights among many small ones is theirs, and so is its error, whatever larger
    weights are still to come: no interval is given then.
    """
    return n > 1 and effective_sample_size >= SMALLEST_SHARE * n
