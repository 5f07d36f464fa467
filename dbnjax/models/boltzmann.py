"""Boltzmann machines: layers of units, coupled in pairs and within a layer.

    E(x) = sum_l E_l(x_l) - sum_{l<m} x_l W_lm x_m - sum_l x_l L_l x_l / 2,    p(x) = exp(-E(x)) / Z

with any unit types, W_lm between two layers and L_l lateral within one, symmetric with an empty
diagonal. Given all others, a unit's law is that of its own type for its total input, the field

    f_l = sum_m x_m W_ml + x_l L_l

One model, many names. Two layers are a restricted Boltzmann machine; a chain of layers is a deep
one; lateral weights between visible units make an RBM semi-restricted; with lateral weights on both
sides it is the machine of 1985 (Ackley, Hinton and Sejnowski), in which every unit may be coupled
with every other. `deep`, `semi_restricted` and `general` say which couplings there are and nothing
else. Visible is what data are put on, by convention layer 0.

Real-valued layers need a positive definite precision, diag(1 / sigma^2) less the couplings among
real-valued units; `create` refuses another.

Sources: Hinton 2014, "Where do features come from?", sections 2 to 4 and 7; the lecture on deep
nets, "Boltzmann machines"; units and fields as in `dbnjax.units.base`.
Shapes: states are a tuple with one array `[..., n_l]` a layer.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import couplings as couplings_lib
from dbnjax.models import normalisable
from dbnjax.models.couplings import Coupling, between, lateral
from dbnjax.models.rbm import RBM, check_units
from dbnjax.types import Array, Key, as_type, floating_type, pytree
from dbnjax.units.base import Conditional

States = tuple[Array, ...]
"""A state of each layer, `[..., n_l]`."""


@pytree
class Boltzmann:
    """Layers of units and the couplings among them.

    Attributes:
      layers: the units of each layer.
      couplings: in the order of the layers' numbers.
    """

    layers: tuple[Any, ...]
    couplings: tuple[Coupling, ...]

    def check(self) -> None:
        """Raises `InputError` unless the couplings fit and the model can be normalised."""
        _check_couplings(self)
        normalisable.check(self.layers, self.couplings)


def create(layers: Sequence[Any], couplings: Sequence[Coupling]) -> Boltzmann:
    """Makes a Boltzmann machine from given parameters, checked.

    Args:
      layers: units.
      couplings: made by `couplings.between` and `couplings.lateral`, at most one a pair.

    Raises:
      InputError: a layer is no units or has no coupling, a coupling does not fit its layers, is
        there twice, is not symmetric or couples a unit with itself, a parameter is not finite, or
        the model cannot be normalised.

    Example:
      >>> from dbnjax.units import Bernoulli
      >>> pair = jnp.array([[0.0, 2.0], [2.0, 0.0]])
      >>> machine = create([Bernoulli.zeros(2)], [lateral(pair, 0)])
      >>> energy(machine, (jnp.ones(2),)).tolist()
      -2.0
    """
    check_units(**{f"layer {number}": unit for number, unit in enumerate(layers)})
    ordered = sorted(couplings, key=lambda coupling: (coupling.first, coupling.second))
    given = Boltzmann(layers=tuple(layers), couplings=tuple(ordered))
    _check_couplings(given)
    machine: Boltzmann = as_type(given, floating_type(given))
    if checks.is_concrete(machine):
        for path, leaf in jax.tree.leaves_with_path(machine):
            checks.check_finite(jax.tree_util.keystr(path).removeprefix("."), leaf)
        normalisable.check(machine.layers, machine.couplings)
    return machine


def deep(layers: Sequence[Any], weights: Sequence[Any]) -> Boltzmann:
    """Makes a deep Boltzmann machine, a chain: `weights[l]` couples layer l with layer l + 1."""
    checks.require(
        len(weights) == len(layers) - 1,
        f"deep Boltzmann machine: expected {len(layers) - 1} weight matrices for {len(layers)} "
        f"layers, got {len(weights)}; one stands between every layer and the next",
    )
    return create(layers, [between(w, i, i + 1) for i, w in enumerate(weights)])


def semi_restricted(visible: Any, hidden: Any, weights: Any, visible_lateral: Any) -> Boltzmann:
    """Makes an RBM with lateral weights `[n_visible, n_visible]` between its visible units."""
    return create([visible, hidden], [lateral(visible_lateral, 0), between(weights, 0, 1)])


def general(
    visible: Any, hidden: Any, weights: Any, visible_lateral: Any, hidden_lateral: Any
) -> Boltzmann:
    """Makes a Boltzmann machine in which every unit is coupled with every other."""
    sides = [lateral(visible_lateral, 0), lateral(hidden_lateral, 1)]
    return create([visible, hidden], [*sides, between(weights, 0, 1)])


def from_rbm(rbm: RBM) -> Boltzmann:
    """Returns an RBM as a chain of two layers."""
    return Boltzmann((rbm.visible, rbm.hidden), (Coupling(rbm.weights, 0, 1),))


def randomise(key: Key, machine: Boltzmann, scale: float = 0.01) -> Boltzmann:
    """Returns the machine with small normal weights in the place of those that it has.

    Args:
      key: a PRNG key.
      machine: gives the units, which stay, and which weights there are.
      scale: standard deviation of the weights.

    Raises:
      InputError: the scale is negative, or the outcome cannot be normalised.
    """
    checks.check_within("scale", scale, 0.0)
    keys = jax.random.split(key, len(machine.couplings))
    pairs = zip(keys, machine.couplings, strict=True)
    drawn = [couplings_lib.draw(k, c, machine.layers[c.first], scale) for k, c in pairs]
    return create(machine.layers, drawn)


def lateral_weights(machine: Boltzmann, layer: int) -> Coupling | None:
    """Returns the lateral coupling of a layer, None where it has none."""
    return next((c for c in machine.couplings if c.lateral and c.first == layer), None)


def neighbours(machine: Boltzmann, layer: int) -> tuple[int, ...]:
    """Returns the numbers of the other layers that a layer is coupled with."""
    others = (c.first + c.second - layer for c in machine.couplings if layer in (c.first, c.second))
    return tuple(sorted(set(others) - {layer}))


def groups(machine: Boltzmann) -> tuple[tuple[int, ...], ...]:
    """Returns sets of layers without couplings between them, which may be drawn at one time.

    Each layer, by its number, joins the first set that has none of its neighbours: the even and the
    odd layers of a chain.
    """
    found: list[list[int]] = []
    for layer in range(len(machine.layers)):
        coupled = set(neighbours(machine, layer))
        free = next((group for group in found if not coupled & set(group)), None)
        if free is None:
            found.append([layer])
        else:
            free.append(layer)
    return tuple(map(tuple, found))


def external_field(machine: Boltzmann, layer: int, states: Sequence[Any]) -> Array:
    """Returns what a layer receives from the other layers, `[..., n_l]`.

    Args:
      machine: a Boltzmann machine.
      layer: its number.
      states: of every layer; only those of its neighbours are read.
    """
    total: Any = machine.layers[layer].no_field()
    for coupling in machine.couplings:
        if coupling.lateral or layer not in (coupling.first, coupling.second):
            continue
        other = coupling.first + coupling.second - layer
        checks.check_width(f"states of layer {other}", states[other], machine.layers[other].size)
        weights = coupling.weights if layer == coupling.second else coupling.weights.T
        total = total + jnp.asarray(states[other], weights.dtype) @ weights
    return total


def field(machine: Boltzmann, layer: int, states: Sequence[Any]) -> Array:
    """Returns each unit's total input given all other units, `[..., n_l]`; see the module."""
    total, own = external_field(machine, layer, states), lateral_weights(machine, layer)
    if own is None:
        return total
    checks.check_width(f"states of layer {layer}", states[layer], machine.layers[layer].size)
    return total + jnp.asarray(states[layer], own.weights.dtype) @ own.weights


def conditional(machine: Boltzmann, layer: int, states: Sequence[Any]) -> Conditional:
    """Returns p(x_l | all other layers) of a layer without lateral weights.

    Raises:
      InputError: the layer has lateral weights; its units are then dependent.
    """
    _check_no_lateral(machine, layer)
    return Conditional(machine.layers[layer], external_field(machine, layer, states))


def energy(machine: Boltzmann, states: Sequence[Any]) -> Array:
    """Returns E(x) in nats, `[...]`."""
    return free_energy(machine, states, ())


def free_energy(machine: Boltzmann, states: Sequence[Any], summed: Sequence[int]) -> Array:
    """Returns -log of the sum of exp(-E(x)) over the states of some layers, in nats, `[...]`.

        F = energy of the other layers - sum_{l summed} Gamma_l(f_l)

    Args:
      machine: a Boltzmann machine.
      states: of every layer; those of the summed layers are not read, and may be None.
      summed: numbers of layers without lateral weights and without couplings between them, such as
        the odd layers of a chain.

    Raises:
      InputError: these layers do not sum out, or a width is wrong.

    Example:
      >>> from dbnjax.units import Bernoulli
      >>> layers = [Bernoulli.zeros(n) for n in (3, 2, 1)]
      >>> machine = deep(layers, [jnp.ones((3, 2)), jnp.ones((2, 1))])
      >>> free_energy(machine, (jnp.ones((5, 3)), None, jnp.ones((5, 1))), summed=(1,)).shape
      (5,)
    """
    for layer in summed:
        _check_no_lateral(machine, layer)
        both = set(neighbours(machine, layer)) & set(summed)
        checks.require(
            not both,
            f"layers {layer} and {min(both, default=0)}: expected layers without a coupling "
            "between them to sum out together; sum out one of them",
        )
    kept = [number for number in range(len(machine.layers)) if number not in summed]
    for number in kept:
        checks.check_width(f"states of layer {number}", states[number], machine.layers[number].size)
    dtype = floating_type(machine)
    known = [None if i in summed else jnp.asarray(x, dtype) for i, x in enumerate(states)]
    total = sum(machine.layers[number].energy(known[number]) for number in kept)
    for coupling in machine.couplings:
        if coupling.first not in summed and coupling.second not in summed:
            total = total + coupling.energy(known)
    for layer in summed:
        total = total - machine.layers[layer].cumulant(external_field(machine, layer, known))
    return jnp.asarray(total)


def _check_couplings(machine: Boltzmann) -> None:
    pairs = [(coupling.first, coupling.second) for coupling in machine.couplings]
    twice = {pair for pair in pairs if pairs.count(pair) > 1}
    checks.require(
        not twice, f"couplings: expected at most one a pair of layers, got two of {sorted(twice)}"
    )
    for coupling in machine.couplings:
        couplings_lib.check(coupling, machine.layers)
    for layer in range(len(machine.layers)):
        checks.require(
            any(layer in pair for pair in pairs),
            f"layer {layer}: expected a coupling with another layer or within it, got none; "
            "without any it is no part of the model",
        )


def _check_no_lateral(machine: Boltzmann, layer: int) -> None:
    checks.require(
        lateral_weights(machine, layer) is None,
        f"layer {layer}: expected a layer without lateral weights, whose units are independent "
        "given the others; one with lateral weights takes sweeps (`sampling.sweeps`)",
    )
