"""Rectified linear units, exact and noisy.

`Relu` is a truncated Gaussian: E(x) = sum x^2 / (2 sigma^2) - b x on x >= 0. With m =
sigma^2 (b + f) and a = m / sigma, its cumulant is a^2 / 2 + log(2 pi sigma^2) / 2 + log Phi(a)
and its mean is m + sigma phi(a) / Phi(a). All are written through Mills' ratio
R = Phi(a) / phi(a), so nothing cancels far on the off side.

`NoisyRelu` is the approximation max(0, x + N(0, sigmoid(x))) to a sum of many binary units
with stepped biases (Nair and Hinton 2010). It is a sampler without an energy: it serves
contrastive divergence, and anything that asks for an energy is refused.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from dbnjax import checks, numerics
from dbnjax.types import Array, Key, pytree
from dbnjax.units import truncated_normal
from dbnjax.units.base import QUADRATIC, Tails, Unit
from dbnjax.units.gaussian import (
    LIMIT,
    bounded_log_variance,
    check_variance,
    largest,
    raw_log_variance,
)

_MATCH_STEPS = 60


@pytree
class Relu(Unit):
    """Truncated Gaussian units on the half line.

    Attributes:
      bias: `[n]`, added to the field.
      raw_log_variance: `[n]` of the Gaussian before truncation, bounded as in `gaussian`.
    """

    bias: Array
    raw_log_variance: Array

    least_state = 0.0

    @classmethod
    def zeros(cls, n: int) -> "Relu":
        """Makes n half-normal units."""
        checks.check_count("units", n, 1)
        return cls(bias=jnp.zeros(n), raw_log_variance=jnp.zeros(n))

    @property
    def size(self) -> int:
        """The number of units."""
        return self.bias.shape[-1]

    @property
    def scale(self) -> Array:
        """Standard deviation sigma of the Gaussian before truncation, `[n]`."""
        return jnp.exp(0.5 * bounded_log_variance(self.raw_log_variance))

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether all units are finite and none negative, `[...]`."""
        return (jnp.isfinite(x) & (x >= 0)).all(-1)

    def energies(self, state: Array) -> Array:
        """Returns x^2 / (2 sigma^2) - b x, infinite for negative states, `[..., n]`."""
        inside = 0.5 * (state / self.scale) ** 2 - self.bias * state
        return jnp.where(state < 0, jnp.inf, inside)

    def cumulants(self, field: Array) -> Array:
        """Returns log sigma + log R(a), R being Phi / phi, `[..., n]`."""
        a = self.scale * (self.bias + field)
        return jnp.log(self.scale) + truncated_normal.log_mills(-a)

    def mean(self, field: Array) -> Array:
        """Returns sigma (a + 1 / R(a)), `[..., n]`."""
        a = self.scale * (self.bias + field)
        return self.scale * truncated_normal.mean(a)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws truncated normal states, `[..., n]`."""
        a = self.scale * (self.bias + field)
        return self.scale * truncated_normal.draw_above(key, -a)

    def _statistics(self, state: Array, square: Array) -> "Relu":
        slope = 1.0 - jnp.tanh(self.raw_log_variance / LIMIT) ** 2
        return Relu(bias=state, raw_log_variance=slope * 0.5 * square / self.scale**2)

    def statistics(self, state: Array) -> "Relu":
        """Returns -dE/db = x and -dE/ds = x^2 / (2 sigma^2) dlog/ds."""
        return self._statistics(state, state**2)

    def expected_statistics(self, field: Array) -> "Relu":
        """As `statistics`, in expectation: E[x^2] = sigma^2 (1 + a E[x] / sigma)."""
        a = self.scale * (self.bias + field)
        mean = self.mean(field)
        square = self.scale**2 * truncated_normal.mean_square(a)
        return self._statistics(mean, square)

    def shift_field(self, shift: Array) -> "Relu":
        """Returns units with the bias `b + shift`."""
        return dataclasses.replace(self, bias=self.bias + shift)

    def match(self, mean: Array, variance: Array) -> "Relu":
        """Returns units with this mean at a zero field, by bisection over a = b sigma.

        The Gaussian before truncation takes the data's variance.
        """
        self.check_moments(mean, variance)
        raw = raw_log_variance(variance)
        scale = jnp.exp(0.5 * bounded_log_variance(raw))
        target = jnp.maximum(mean / scale, 1e-3)

        def halve(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = bracket
            middle = 0.5 * (low + high)
            above = truncated_normal.mean(middle) > target
            return jnp.where(above, low, middle), jnp.where(above, middle, high)

        # The mean is at least a and at least 1 / (1 + |a|), so the root lies between these.
        start = (-2.0 / target - 2.0, target + 1.0)
        low, high = jax.lax.fori_loop(0, _MATCH_STEPS, halve, start)
        return Relu(bias=0.5 * (low + high) / scale, raw_log_variance=raw)

    def check_moments(self, mean: Array, variance: Array) -> None:
        """Refuses variances, too, that the Gaussian before truncation cannot have."""
        super().check_moments(mean, variance)
        check_variance(type(self).__name__, mean, variance)

    def tails(self) -> Tails:
        """Quadratic, on the positive side."""
        n = self.size
        return Tails(np.full(n, QUADRATIC), largest(np.asarray(self.scale)), np.ones(n, bool))


@pytree
class NoisyRelu(Unit):
    """The noisy rectifier max(0, x + N(0, sigmoid(x))), x = b + f: an approximation, no energy.

    Attributes:
      bias: `[n]`.
    """

    bias: Array

    least_state = 0.0

    @classmethod
    def zeros(cls, n: int) -> "NoisyRelu":
        """Makes n units without bias."""
        checks.check_count("units", n, 1)
        return cls(bias=jnp.zeros(n))

    @property
    def size(self) -> int:
        """The number of units."""
        return self.bias.shape[-1]

    def mean(self, field: Array) -> Array:
        """Returns the mean of the rectified normal, m Phi(m/s) + s phi(m/s), `[..., n]`."""
        return self._mean(self.bias + field)

    @staticmethod
    @numerics.at_least_32_bits
    def _mean(m: Array) -> Array:
        s = jnp.exp(0.5 * jax.nn.log_sigmoid(m))  # not sqrt, whose slope at 0 is infinite
        z = m / jnp.maximum(s, 1e-12)
        return jnp.maximum(m * norm.cdf(z) + s * norm.pdf(z), 0.0)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws max(0, x + sqrt(sigmoid(x)) n), `[..., n]`."""
        numerics.check_key(key)
        m = self.bias + field
        noise = jax.random.normal(key, m.shape, m.dtype)
        return jnp.maximum(m + jnp.sqrt(jax.nn.sigmoid(m)) * noise, 0.0)

    def statistics(self, state: Array) -> "NoisyRelu":
        """Returns the state, as for a sum of binary units that share a bias."""
        return NoisyRelu(bias=state)

    def expected_statistics(self, field: Array) -> "NoisyRelu":
        """Returns the mean."""
        return NoisyRelu(bias=self.mean(field))

    def shift_field(self, shift: Array) -> "NoisyRelu":
        """Returns units with the bias `b + shift`."""
        return NoisyRelu(bias=self.bias + shift)
