"""A matrix between two matrices that is never made, and products with it."""

from typing import Any

import numpy as np

from dbnjax.types import Array, pytree


@pytree
class Product:
    """States times the matrices at both ends, from which the product at any beta costs no other.

    Attributes:
      base: `[..., m]`, or None for no weights at all.
      target: `[..., m]`.
    """

    base: Array | None
    target: Array

    def at(self, beta: Any) -> Array:
        """Returns the product with the matrix at beta, `[..., m]`."""
        product = beta * self.target
        return product if self.base is None else (1.0 - beta) * self.base + product


def multiply(x: Array, base: Array | None, target: Array) -> Product:
    """Multiplies states `[..., n]` with the matrices `[n, m]` at both ends."""
    return Product(None if base is None else x @ base, x @ target)


@pytree
class Blend:
    """The matrix `(1 - beta) base + beta target`, as something that states are multiplied with.

    It stands in for the weights of an RBM and is never made. The products with the ends do not
    depend on beta, so that under `vmap` all temperatures share one matrix product, and under
    `jit` so do the free energies of one state at several temperatures.

    Attributes:
      beta: scalar in [0, 1].
      base: `[n, m]`, or None for no weights at all.
      target: `[n, m]`.
    """

    beta: Array
    base: Array | None
    target: Array

    __array_ufunc__ = None  # a NumPy array on the left leaves the product to us

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the matrix."""
        return self.target.shape

    @property
    def T(self) -> "Blend":  # noqa: N802, as arrays call it
        """The transposed matrix."""
        base = None if self.base is None else self.base.T
        return Blend(self.beta, base, self.target.T)

    def __rmatmul__(self, x: Array) -> Array:
        """Returns `x @ matrix`, `[..., m]`."""
        return multiply(x, self.base, self.target).at(self.beta)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Returns the matrix, on the host."""
        base = 0.0 if self.base is None else (1.0 - self.beta) * self.base
        return np.asarray(base + self.beta * self.target, dtype, copy=copy)
