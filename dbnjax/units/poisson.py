"""Counts: E(x) = sum log x! - b x on x = 0, 1, 2, ..., so p(x | f) is Poisson(exp(b + f))."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from dbnjax import checks
from dbnjax.types import Array, Key, pytree
from dbnjax.units.base import X_LOG_X, Tails, Unit


@pytree
class Poisson(Unit):
    """Poisson units; the bias is the log rate at a zero field.

    Attributes:
      bias: `[n]`.
    """

    bias: Array

    least_state = 0.0

    @classmethod
    def zeros(cls, n: int) -> "Poisson":
        """Makes n units with rate one."""
        checks.check_count("units", n, 1)
        return cls(bias=jnp.zeros(n))

    @property
    def size(self) -> int:
        """The number of units."""
        return self.bias.shape[-1]

    def energies(self, state: Array) -> Array:
        """Returns log x! - b x, `[..., n]`."""
        return gammaln(state + 1.0) - self.bias * state

    def cumulants(self, field: Array) -> Array:
        """Returns exp(b + f), `[..., n]`."""
        return self.mean(field)

    def mean(self, field: Array) -> Array:
        """Returns exp(b + f), `[..., n]`."""
        return jnp.exp(self.bias + field)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws counts, `[..., n]` in the field's type."""
        rate = self.mean(field)
        return jax.random.poisson(key, rate).astype(rate.dtype)

    def statistics(self, state: Array) -> "Poisson":
        """Returns -dE/db = x."""
        return Poisson(bias=state)

    def expected_statistics(self, field: Array) -> "Poisson":
        """Returns dGamma/db, the rate."""
        return Poisson(bias=self.mean(field))

    def shift_field(self, shift: Array) -> "Poisson":
        """Returns units with the bias `b + shift`."""
        return Poisson(bias=self.bias + shift)

    def match(self, mean: Array, variance: Array) -> "Poisson":
        """Returns the bias log mean, means kept above 0.001."""
        self.check_moments(mean, variance)
        del variance
        return Poisson(bias=jnp.log(jnp.maximum(mean, 1e-3)))

    def tails(self) -> Tails:
        """Growing as x log x, on the positive side."""
        n = self.size
        return Tails(np.full(n, X_LOG_X), np.zeros(n), np.ones(n, bool))
