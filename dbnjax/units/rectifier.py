"""Deterministic rectified units, y = max(0, b + f): for feedforward nets alone.

They have no energy and draw nothing; `relu` has the rectified units of machines.
"""

from typing import NoReturn

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.types import Array, pytree
from dbnjax.units.base import Unit


@pytree
class Rectifier(Unit):
    """Units whose output is their input where that is positive.

    Attributes:
      bias: `[n]`.

    Example:
      >>> Rectifier.zeros(2).mean(jnp.array([-1.0, 2.0])).tolist()
      [0.0, 2.0]
    """

    bias: Array

    @classmethod
    def zeros(cls, n: int) -> "Rectifier":
        """Makes n units without bias."""
        checks.check_count("units", n, 1)
        return cls(bias=jnp.zeros(n))

    @property
    def size(self) -> int:
        """The number of units."""
        return self.bias.shape[-1]

    def mean(self, field: Array) -> Array:
        """Returns max(0, b + f), `[..., n]`."""
        return jax.nn.relu(self.bias + field)

    def shift_field(self, shift: Array) -> "Rectifier":
        """Returns units with the bias `b + shift`."""
        return Rectifier(bias=self.bias + shift)

    def tails(self) -> NoReturn:
        """Refuses to be a layer of a machine.

        Raises:
          InputError: always, since there is no energy.
        """
        raise checks.InputError(
            "units: expected some with an energy in a machine, got Rectifier, which feedforward "
            "nets alone have; the rectified units of machines are Relu and NoisyRelu"
        )
