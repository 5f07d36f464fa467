"""Binary 0/1 units: E(x) = -b . x, so p(x = 1 | f) = sigmoid(b + f) (2006 paper, eq. 2.1)."""

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, numerics
from dbnjax.types import Array, Key, pytree
from dbnjax.units.base import Unit


@pytree
class Bernoulli(Unit):
    """Binary units with states 0 and 1.

    A mean in [0, 1] may stand in for a state, as pixel intensities do in the 2006 paper.

    Attributes:
      bias: `[n]`.

    Example:
      >>> Bernoulli.zeros(3).mean(jnp.zeros(3)).tolist()
      [0.5, 0.5, 0.5]
    """

    bias: Array

    @classmethod
    def zeros(cls, n: int) -> "Bernoulli":
        """Makes n units without bias."""
        checks.check_count("units", n, 1)
        return cls(bias=jnp.zeros(n))

    @property
    def size(self) -> int:
        """The number of units."""
        return self.bias.shape[-1]

    @property
    def n_states(self) -> int:
        """2^n."""
        return 2**self.size

    def state(self, index: Array) -> Array:
        """Returns the binary digits of the number, `[..., n]`."""
        places = jnp.arange(self.size - 1, -1, -1)
        return ((index[..., None] >> places) & 1).astype(self.bias.dtype)

    def has_state(self, x: Array, means: bool = False) -> Array:
        """Returns whether all units are 0 or 1, or between the two for a mean, `[...]`."""
        return ((x >= 0) & (x <= 1) if means else (x == 0) | (x == 1)).all(-1)

    def energies(self, state: Array) -> Array:
        """Returns -b x, `[..., n]`."""
        return -(state * self.bias)

    def cumulants(self, field: Array) -> Array:
        """Returns log(1 + exp(b + f)), `[..., n]`."""
        return numerics.softplus(self.bias + field)

    def mean(self, field: Array) -> Array:
        """Returns sigmoid(b + f), `[..., n]`."""
        return jax.nn.sigmoid(self.bias + field)

    def sample(self, key: Key, field: Array) -> Array:
        """Draws zeros and ones, `[..., n]`."""
        return numerics.bernoulli(key, self.mean(field))

    def statistics(self, state: Array) -> "Bernoulli":
        """Returns -dE/db = x."""
        return Bernoulli(bias=state)

    def expected_statistics(self, field: Array) -> "Bernoulli":
        """Returns dGamma/db, the mean."""
        return Bernoulli(bias=self.mean(field))

    def shift_field(self, shift: Array) -> "Bernoulli":
        """Returns units with the bias `b + shift`."""
        return Bernoulli(bias=self.bias + shift)

    def match(self, mean: Array, variance: Array) -> "Bernoulli":
        """Returns the bias log(p / (1 - p)), p kept within [0.001, 0.999]."""
        self.check_moments(mean, variance)
        del variance
        p = jnp.clip(mean, 1e-3, 1 - 1e-3)
        return Bernoulli(bias=jnp.log(p) - jnp.log1p(-p))

    def check_data(self, name: str, values: np.ndarray) -> None:
        """Refuses what is outside [0, 1] by more than a rounding."""
        checks.check_unit_interval(name, values, rounding=1e-5)
