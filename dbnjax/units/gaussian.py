"""Real-valued units: E(x) = sum (x - b)^2 / (2 sigma^2).

With the coupling x . f this gives p(x | f) proportional to exp(x f - (x - b)^2 / 2 sigma^2), a
normal with mean b + sigma^2 f and variance sigma^2. The weights are not divided by sigma.

The variance is learned through its logarithm, held smoothly within +-LIMIT by
`log sigma^2 = LIMIT tanh(s / LIMIT)`: it can neither turn negative nor explode.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.types import Array, Key, pytree
from dbnjax.units.base import QUADRATIC, Tails, Unit

LIMIT = 6.0
_LOG_2PI = math.log(2.0 * math.pi)


def bounded_log_variance(raw: Array) -> Array:
    """Returns log sigma^2 = LIMIT tanh(raw / LIMIT), close to `raw` near zero."""
    return LIMIT * jnp.tanh(raw / LIMIT)


def raw_log_variance(variance: Array) -> Array:
    """Inverts `bounded_log_variance`; variances outside its range move just inside it."""
    log_variance = jnp.log(jnp.maximum(variance, 1e-30))
    return LIMIT * jnp.arctanh(jnp.clip(log_variance / LIMIT, -0.99, 0.99))


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
        return Gaussian(bias=jnp.asarray(mean), raw_log_variance=raw_log_variance(variance))

    def tails(self) -> Tails:
        """Quadratic, on both sides."""
        n = self.size
        return Tails(np.full(n, QUADRATIC), np.sqrt(np.asarray(self.variance)), np.zeros(n, bool))
