"""Couplings: the weights between two layers of a Boltzmann machine, or within one layer.

A lateral coupling, within one layer, is a symmetric matrix L with an empty diagonal, and its energy
counts each pair once:

    E(x) = -sum_{i<j} L_ij x_i x_j = -x L x / 2

Both entries of a pair are one parameter, whose sufficient statistic -dE/dL_ij is x_i x_j. Units of
one block, such as a softmax group, have no coupling: exactly one of them is on, and a weight
between them would never count.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from dbnjax import checks
from dbnjax.types import Array, Key, pytree


@dataclasses.dataclass(frozen=True)
class Mask:
    """Which weights of a coupling exist: fixed, and hashable so that programs may depend on it.

    Attributes:
      shape: of the weights.
      bits: eight weights a byte, row after row.
    """

    shape: tuple[int, int]
    bits: bytes = dataclasses.field(repr=False)

    @classmethod
    def of(cls, exists: Any) -> "Mask":
        """Makes a mask from a matrix, true or 1 where there is a weight.

        Raises:
          InputError: it is no matrix of yes and no.
        """
        values = checks.as_numbers("mask of a coupling", exists)
        checks.require(
            values.ndim == 2 and bool(((values == 0) | (values == 1)).all()),
            "mask of a coupling: expected a matrix of true and false, as large as the weights, got "
            f"shape {values.shape} or other numbers; true means that the weight exists",
        )
        n_rows, n_columns = values.shape
        return cls((n_rows, n_columns), np.packbits(values.astype(bool)).tobytes())

    def array(self) -> np.ndarray:
        """Returns the matrix, true where there is a weight, on the host."""
        n_rows, n_columns = self.shape
        bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=n_rows * n_columns)
        return bits.reshape(self.shape).astype(bool)


@pytree
class Coupling:
    """Weights between the layers `first` and `second`, or within one layer where both are one.

    Attributes:
      weights: `[n_first, n_second]`.
      first: number of a layer, static.
      second: number of a layer, not below `first`, static.
      mask: which weights exist, static; None for all that may.
    """

    weights: Array
    first: int = struct.field(pytree_node=False)
    second: int = struct.field(pytree_node=False)
    mask: Mask | None = struct.field(pytree_node=False, default=None)

    @property
    def lateral(self) -> bool:
        """Whether the coupling is within one layer."""
        return self.first == self.second

    def energy(self, states: Any) -> Array:
        """Returns the coupling's share of the energy of the layers' states, `[...]`."""
        shared = (states[self.first] @ self.weights * states[self.second]).sum(-1)
        return -0.5 * shared if self.lateral else -shared


def between(weights: Any, first: int, second: int, mask: Any = None) -> Coupling:
    """Makes a coupling; `boltzmann.create` checks that it fits the layers.

    Args:
      weights: `[n_first, n_second]`.
      first: number of a layer.
      second: number of a layer; the same for lateral weights.
      mask: matrix of the weights that exist, a `Mask`, or None for all that may.

    Raises:
      InputError: the weights are no matrix, or the mask is none or of another shape.
    """
    checks.check_array("weights of a coupling", weights)
    weights = jnp.asarray(weights)
    checks.require(
        weights.ndim >= 2,
        f"weights of a coupling: expected [n_first, n_second], got shape {weights.shape}",
    )
    if mask is not None and not isinstance(mask, Mask):
        mask = Mask.of(mask)
    checks.require(
        mask is None or mask.shape == weights.shape[-2:],
        f"mask of a coupling: expected the shape of the weights, {weights.shape[-2:]}, got "
        f"{mask and mask.shape}; it belongs to other layers",
    )
    if first > second:
        turned = mask and Mask.of(mask.array().T)
        return Coupling(jnp.swapaxes(weights, -1, -2), second, first, turned)
    return Coupling(weights, first, second, mask)


def lateral(weights: Any, layer: int, mask: Any = None) -> Coupling:
    """Makes the lateral coupling of a layer; see `between`."""
    return between(weights, layer, layer, mask)


def blocks(unit: Any) -> np.ndarray:
    """Returns the number of the block that each unit belongs to, `[n]`, on the host."""
    sizes = [width for _, run in unit.runs() for width in [run.size // run.n_blocks] * run.n_blocks]
    return np.repeat(np.arange(unit.n_blocks), sizes)


def may_exist(coupling: Coupling, unit: Any) -> np.ndarray | None:
    """Returns which weights may be other than zero, on the host; None for all of them.

    Args:
      coupling: of the layer `first` with `second`.
      unit: the units of `first`.
    """
    exists = None if coupling.mask is None else coupling.mask.array()
    if not coupling.lateral:
        return exists
    number = blocks(unit)
    apart = number[:, None] != number[None]
    return apart if exists is None else apart & exists


def keep(coupling: Coupling, unit: Any, weights: Array) -> Array:
    """Returns weights with zeros where there is none.

    Lateral ones become symmetric to the last bit, whatever rounding did to them.

    Args:
      coupling: of the layer `first` with `second`.
      unit: the units of `first`.
      weights: `[n_first, n_second]`.
    """
    if coupling.lateral:
        weights = 0.5 * (weights + weights.T)
    exists = may_exist(coupling, unit)
    return weights if exists is None else jnp.where(exists, weights, 0)


def draw(key: Key, coupling: Coupling, unit: Any, scale: float) -> Coupling:
    """Returns a coupling with small normal weights where there may be any; `keep`'s arguments.

    Args:
      key: a PRNG key.
      coupling: gives the shape, the layers and the mask.
      unit: the units of `first`.
      scale: standard deviation of the weights.
    """
    normal = scale * jax.random.normal(key, coupling.weights.shape, coupling.weights.dtype)
    if coupling.lateral:
        upper = jnp.triu(normal, 1)
        normal = upper + upper.T
    return dataclasses.replace(coupling, weights=keep(coupling, unit, normal))


def check(coupling: Coupling, layers: Any) -> None:
    """Raises `InputError` unless the coupling fits its layers.

    Args:
      coupling: any.
      layers: the units of each layer.
    """
    first, second, n_layers = coupling.first, coupling.second, len(layers)
    checks.require(
        0 <= first <= second < n_layers,
        f"coupling of layers {first} and {second}: expected numbers from 0 to {n_layers - 1}, the "
        "smaller one first",
    )
    name = f"weights {first}-{second}"
    sizes, shape = (layers[first].size, layers[second].size), np.shape(coupling.weights)
    checks.require(
        shape == sizes,
        f"{name}: expected shape {sizes} for these layers, got {shape}; the layer sizes do not fit "
        "the weights",
    )
    if not checks.is_concrete(coupling.weights):
        return
    checks.check_finite(name, coupling.weights)
    weights = np.asarray(coupling.weights)
    exists = may_exist(coupling, layers[first])
    if coupling.lateral:
        _check_lateral(name, weights, blocks(layers[first]))
    stray = 0 if exists is None else int((weights[~exists] != 0).sum())
    checks.require(
        stray == 0,
        f"{name}: expected zeros where the mask has no weight, got {stray} others; multiply the "
        "weights by the mask",
    )


def _check_lateral(name: str, weights: np.ndarray, number: np.ndarray) -> None:
    uneven = int((weights != weights.T).sum())
    checks.require(
        uneven == 0,
        f"{name}: expected symmetric lateral weights, got {uneven} that differ from their mirror "
        "images; both entries of a pair are one weight, (L + L.T) / 2",
    )
    own = int((np.diag(weights) != 0).sum())
    checks.require(
        own == 0,
        f"{name}: expected an empty diagonal, got {own} units that are coupled to themselves; such "
        "a weight belongs into the bias of a binary unit, or the variance of a real one",
    )
    inside = int((weights[number[:, None] == number[None]] != 0).sum())
    checks.require(
        inside == 0,
        f"{name}: expected no weights inside a softmax group, got {inside}; one of its units is on "
        "at a time, so that they would never count",
    )
