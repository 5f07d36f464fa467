"""Directed layers of stochastic units: logistic belief nets and the passes through them.

A layer gives each of its units the field `x W` from the layer that it listens to, and the units
are then independent: p(y | x) = prod_j p(y_j | (x W)_j). For binary units this is equation 2.1
of the 2006 paper. A belief net is a factorial prior at the top and layers below it.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.types import Array, Draw, Key, floating_type, pytree
from dbnjax.units import Bernoulli
from dbnjax.units.base import Conditional


@pytree
class Layer:
    """Directed connections into a layer of units.

    Attributes:
      unit: the units that are predicted, with their biases.
      weights: `[n_from, n_to]`.
    """

    unit: Any
    weights: Array

    def check(self) -> None:
        """Raises `InputError` unless the weights have one axis of units below and one above."""
        shape = np.shape(self.weights)
        checks.require(
            len(shape) == 2,
            f"weights: expected one axis of units below and one of units above, got shape {shape}; "
            "more axes belong to an ensemble",
        )


@pytree
class BeliefNet:
    """A directed net: independent causes, then layers from the top down.

    Attributes:
      prior: the units of the top layer.
      layers: each predicts the next lower layer from the one above it.
    """

    prior: Any
    layers: tuple[Layer, ...]


def check_binary(what: str, units: Sequence[Any]) -> None:
    """Raises `InputError` unless all of some layers of units are binary."""
    other = {type(unit).__name__ for unit in units if not isinstance(unit, Bernoulli)}
    checks.require(
        not other,
        f"{what}: expected binary units, got {', '.join(sorted(other))}; recognition weights "
        "(dbnjax.models.helmholtz) infer units of any type",
    )


def conditional(layer: Layer, x: Array) -> Conditional:
    """Returns p(y | x) of one layer for x `[..., n_from]`."""
    checks.check_width("states of the layer before", x, layer.weights.shape[-2])
    return Conditional(layer.unit, jnp.asarray(x, floating_type(layer)) @ layer.weights)


def propagate(key: Key, layers: Sequence[Layer], x: Array, how: Draw) -> tuple[Array, ...]:
    """Passes a state through layers, one after another, sampling or averaging each.

    Args:
      key: a PRNG key.
      layers: in the order of the pass, up or down.
      x: `[..., n]` state of the layer before the first.
      how: "sample" draws every layer from the drawn layer before it; "mean" puts
        probabilities in the place of states, a deterministic pass.

    Returns:
      One state for each layer, in the same order; empty for no layers.
    """
    checks.check_draw("how", how)
    states = []
    for i, layer in enumerate(layers):
        x, _ = conditional(layer, x).draw(jax.random.fold_in(key, i), how)
        states.append(x)
    return tuple(states)


def ancestral_sample(key: Key, net: BeliefNet, n_samples: int) -> tuple[Array, ...]:
    """Draws from the net, each layer given the one above it.

    Args:
      key: a PRNG key.
      net: a belief net.
      n_samples: number of independent draws.

    Returns:
      States of every layer from the top down, `[n_samples, n]` each.
    """
    checks.check_count("n_samples", n_samples, 1)
    key_top, key_layers = jax.random.split(key)
    top = net.prior.sample(key_top, net.prior.no_field(n_samples))
    return (top, *propagate(key_layers, net.layers, top, "sample"))


def log_joint(net: BeliefNet, states: Sequence[Array]) -> Array:
    """Returns log p of the states of every layer, from the top down, in nats, `[...]`."""
    top, *below = states
    total = Conditional(net.prior, net.prior.no_field(*top.shape[:-1])).log_prob(top)
    for layer, x, y in zip(net.layers, states, below, strict=False):
        total = total + conditional(layer, x).log_prob(y)
    return total
