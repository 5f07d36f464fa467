"""Counts: E(x) = sum log x! - b x on x = 0, 1, 2, ..., so p(x | f) is Poisson(exp(b + f))."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from dbnjax import checks, numerics
from dbnjax.types import Array, Key, pytree
from dbnjax.units.base import X_LOG_X, Tails, Unit

_LARGEST_EXACT = 2.0**16
"""Beyond it the terms of a count's log probability leave no digits of their sum in float32."""


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

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether all units are counts, `[...]`; a mean is none."""
        return (jnp.isfinite(x) & (x >= 0) & (x == jnp.round(x))).all(-1)

    def energies(self, state: Array) -> Array:
        """Returns log x! - b x, infinite for negative states, `[..., n]`.

        A mean may stand in for a count: between counts the factorial is the gamma function's.
        """
        count = jnp.where(state < 0, 0, state)
        return jnp.where(state < 0, jnp.inf, gammaln(count + 1.0) - self.bias * count)

    def cumulants(self, field: Array) -> Array:
        """Returns exp(b + f), `[..., n]`."""
        return self.mean(field)

    def mean(self, field: Array) -> Array:
        """Returns exp(b + f), `[..., n]`."""
        return jnp.exp(self.bias + field)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws counts, `[..., n]` in the field's type, by threefry whatever the key.

        Above a rate of 65,536 (2^16) a normal of the same mean and variance is rounded, which then
        has the law to 1 part in 250 of a standard deviation; beyond 2^24 a float32 holds no odd
        counts. Where the rate is infinite or NaN, so is the count.
        """
        numerics.check_key(key)
        rate = self.mean(field)
        exact = rate <= _LARGEST_EXACT
        # JAX draws counts from keys of threefry alone; two words of any key are one.
        words = jax.random.key_data(key)[..., :2]
        key_count = jax.random.wrap_key_data(words, impl="threefry2x32")
        count = jax.random.poisson(key_count, jnp.where(exact, rate, 0)).astype(rate.dtype)
        noise = jax.random.normal(jax.random.fold_in(key_count, 1), rate.shape, rate.dtype)
        many = jnp.where(jnp.isfinite(rate), jnp.round(rate + jnp.sqrt(rate) * noise), rate)
        return jnp.where(exact, count, many)

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
