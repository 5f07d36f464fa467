"""Integrals over a few Gaussian units as sums over a lattice, exact to float32.

Integrate a neighbour out of a machine and a standardised Gaussian unit z = (x - b) / sigma has a
mixture of unit normals, one around each field that the neighbour can send. A sum over a lattice of
spacing 1 then stands for the integral with a relative error below 2 exp(-2 pi^2) = 5e-9 a unit
(Poisson's summation formula: the Fourier transform of such a mixture falls as fast as the unit
normal's), wherever the mixture's parts lie. So no node has to be placed with care: the lattice
only has to reach far enough, and that is checked.
"""

from typing import Any

import jax.numpy as jnp

from dbnjax import checks
from dbnjax.evaluation import enumeration
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, pytree
from dbnjax.units import Gaussian

N_NODES = 128  # a unit; three units have 2^21 states
REACH = N_NODES // 2
_LARGEST_LOSS = 1e-6  # of the probability, at the lattice's border


@pytree
class Lattice(Gaussian):
    """Gaussian units with N_NODES states each, a standard deviation apart around the bias.

    The energy has the spacing in it, so that sums over states are integrals. The mean, the sampler
    and the statistics are the Gaussian units' own.
    """

    @property
    def n_states(self) -> int:
        """N_NODES^n."""
        return N_NODES**self.size

    def state(self, index: Array) -> Array:
        """Returns the lattice points with these numbers, `[..., n]`."""
        place = N_NODES ** jnp.arange(self.size - 1, -1, -1)
        digits = index[..., None] // place % N_NODES
        z = digits.astype(self.bias.dtype) - (REACH - 0.5)
        return self.bias + jnp.sqrt(self.variance) * z

    def energies(self, state: Array) -> Array:
        """Returns the Gaussian energies less the logarithm of the spacing, `[..., n]`."""
        return super().energies(state) - 0.5 * jnp.log(self.variance)


def on_lattice(unit: Any) -> Any:
    """Returns Gaussian units as a `Lattice`, any others as they are."""
    if not isinstance(unit, Gaussian):
        return unit
    return Lattice(bias=unit.bias, raw_log_variance=unit.raw_log_variance)


def check_reach(rbm: RBM) -> None:
    """Raises `InputError` if a machine's visible `Lattice` does not hold its states.

    Args:
      rbm: a machine with concrete parameters.
    """
    lattice = rbm.visible

    def near_the_border(weights: Array, x: Array) -> Array:
        z = (x - lattice.bias) / jnp.sqrt(lattice.variance)
        return weights @ (jnp.abs(z) > REACH - 1).any(-1).astype(weights.dtype)

    found = enumeration.fold(lattice, lambda x: -rbm_lib.free_energy(rbm, x), near_the_border)
    checks.require(
        float(found.mean) < _LARGEST_LOSS,
        f"quadrature: expected Gaussian states within {REACH} standard deviations of their bias, "
        f"got a share of {float(found.mean):.2g} beyond; the weights are too large for it",
    )
