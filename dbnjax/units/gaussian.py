"""Real-valued units: E(x) = sum (x - b)^2 / (2 sigma^2).

With the coupling x . f this gives p(x | f) proportional to exp(x f - (x - b)^2 / 2 sigma^2), a
normal with mean b + sigma^2 f and variance sigma^2. The weights are not divided by sigma.

The variance is learned through its logarithm, held smoothly within +-LIMIT by
`log sigma^2 = LIMIT tanh(s / LIMIT)`: it can neither turn negative nor explode.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, numerics
from dbnjax.types import Array, Key, pytree
from dbnjax.units.base import QUADRATIC, Tails, Unit

LIMIT = 6.0
_REACH = 0.99  # of LIMIT: how near to it a variance may start
_ROUNDING = 1e-12  # the variance of a constant 1, in float32, is less
_LOG_2PI = math.log(2.0 * math.pi)


def bounded_log_variance(raw: Array) -> Array:
    """Returns log sigma^2 = LIMIT tanh(raw / LIMIT), close to `raw` near zero."""
    return LIMIT * jnp.tanh(raw / LIMIT)


def raw_log_variance(variance: Array) -> Array:
    """Inverts `bounded_log_variance`; variances outside its range move just inside it."""
    log_variance = jnp.log(jnp.maximum(variance, 1e-30))
    return LIMIT * jnp.arctanh(jnp.clip(log_variance / LIMIT, -_REACH, _REACH))


def largest(scale: np.ndarray) -> np.ndarray:
    """Returns the largest of all cases' scales `[..., n]` for each unit, `[n]`."""
    return scale.reshape(-1, scale.shape[-1]).max(0)


def check_variance(kind: str, mean: Any, variance: Any) -> None:
    """Raises `InputError` for variances that units cannot have, naming the units.

    A constant, whose variance is nothing but rounding, is taken: it gets the least variance.

    Args:
      kind: the units' type.
      mean: `[n]` mean of the data.
      variance: `[n]` variance of the data.
    """
    if not checks.is_concrete((mean, variance)):
        return
    values = np.asarray(variance, np.float64)
    constant = values <= _ROUNDING * (1.0 + np.asarray(mean, np.float64) ** 2)
    least, most = math.exp(-_REACH * LIMIT), math.exp(_REACH * LIMIT)
    (wrong,) = np.nonzero(~constant & ((values < least) | (values > most)))
    more = f" and {wrong.size - 5} more" if wrong.size > 5 else ""
    checks.require(
        wrong.size == 0,
        f"variance of the data: expected {least:.2g} to {most:.3g} for {kind} units, got "
        f"{', '.join(f'{x:.3g}' for x in values[wrong[:5]])} at units "
        f"{', '.join(map(str, wrong[:5]))}{more}; standardise the data first: subtract each "
        "unit's mean and divide by its standard deviation",
    )


@pytree
class Gaussian(Unit):
    """Normal units with a learned variance.

    Attributes:
      bias: `[n]` mean at a zero field.
      raw_log_variance: `[n]` unbounded; see `bounded_log_variance`.
    """

    bias: Array
    raw_log_variance: Array

    @classmethod
    def zeros(cls, n: int) -> "Gaussian":
        """Makes n standard normal units."""
        checks.check_count("units", n, 1)
        return cls(bias=jnp.zeros(n), raw_log_variance=jnp.zeros(n))

    @property
    def size(self) -> int:
        """The number of units."""
        return self.bias.shape[-1]

    @property
    def variance(self) -> Array:
        """sigma^2, `[n]`."""
        return jnp.exp(bounded_log_variance(self.raw_log_variance))

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether all units are finite, `[...]`."""
        return jnp.isfinite(x).all(-1)

    def energies(self, state: Array) -> Array:
        """Returns (x - b)^2 / (2 sigma^2), `[..., n]`."""
        return 0.5 * (state - self.bias) ** 2 / self.variance

    def cumulants(self, field: Array) -> Array:
        """Returns b f + sigma^2 f^2 / 2 + log(2 pi sigma^2) / 2, `[..., n]`."""
        log_variance = bounded_log_variance(self.raw_log_variance)
        quadratic = self.bias * field + 0.5 * jnp.exp(log_variance) * field**2
        return quadratic + 0.5 * (_LOG_2PI + log_variance)

    def mean(self, field: Array) -> Array:
        """Returns b + sigma^2 f, `[..., n]`."""
        return self.bias + self.variance * field

    def sample(self, key: Key, field: Array) -> Array:
        """Draws normal states, `[..., n]`."""
        numerics.check_key(key)
        mean = self.mean(field)
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        return mean + jnp.sqrt(self.variance) * noise

    def _statistics(self, deviation: Array, square: Array) -> "Gaussian":
        slope = 1.0 - jnp.tanh(self.raw_log_variance / LIMIT) ** 2
        return Gaussian(
            bias=deviation / self.variance,
            raw_log_variance=slope * 0.5 * square / self.variance,
        )

    def statistics(self, state: Array) -> "Gaussian":
        """Returns -dE/db = (x - b) / sigma^2 and -dE/ds = (x - b)^2 / (2 sigma^2) dlog/ds."""
        deviation = state - self.bias
        return self._statistics(deviation, deviation**2)

    def expected_statistics(self, field: Array) -> "Gaussian":
        """As `statistics`, with the expectation of the square: deviation^2 + sigma^2."""
        deviation = self.variance * field
        return self._statistics(deviation, deviation**2 + self.variance)

    def shift_field(self, shift: Array) -> "Gaussian":
        """Returns units with the bias `b + sigma^2 shift`."""
        return dataclasses.replace(self, bias=self.bias + self.variance * shift)

    def match(self, mean: Array, variance: Array) -> "Gaussian":
        """Returns units with this mean and variance; a constant pixel gets the least variance."""
        self.check_moments(mean, variance)
        return Gaussian(bias=jnp.asarray(mean), raw_log_variance=raw_log_variance(variance))

    def check_moments(self, mean: Array, variance: Array) -> None:
        """Refuses variances, too, that the units cannot have."""
        super().check_moments(mean, variance)
        check_variance(type(self).__name__, mean, variance)

    def tails(self) -> Tails:
        """Quadratic, on both sides."""
        n = self.size
        scale = largest(np.sqrt(np.asarray(self.variance)))
        return Tails(np.full(n, QUADRATIC), scale, np.zeros(n, bool))
