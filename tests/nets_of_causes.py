"""Small belief nets with strong, asymmetric parameters, and their oracle tables."""

import functools

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles

from dbnjax import units
from dbnjax.models import helmholtz
from dbnjax.models.belief_net import BeliefNet, Layer
from dbnjax.models.helmholtz import Helmholtz


def net(seed: int, *sizes: int, visible: units.base.Unit | None = None) -> BeliefNet:
    """A binary net, its sizes from the top down; its visible units may be of another type."""
    rbms = [machines.binary(seed + i, *sizes[i : i + 2]) for i in range(len(sizes) - 1)]
    layers = [Layer(rbm.hidden, rbm.weights) for rbm in rbms]
    if visible is not None:
        layers[-1] = layers[-1].replace(unit=visible)
    return BeliefNet(rbms[0].visible, tuple(layers))


def machine(seed: int, *sizes: int) -> Helmholtz:
    """A net and recognition layers that are not its own turned over."""
    whole = helmholtz.tied(net(seed, *sizes))
    return whole.replace(recognition=jax.tree.map(lambda x: 0.6 * x + 0.2, whole.recognition))


def layers_of(net: BeliefNet) -> list[units.base.Unit]:
    """The units of every layer, from the top down."""
    return [net.prior, *(layer.unit for layer in net.layers)]


def joint(net: BeliefNet) -> np.ndarray:
    """The oracle's joint law, one axis of states for each layer from the top down."""
    prior = machines.states(net.prior) @ np.float64(net.prior.bias)
    law = np.exp(prior) / np.exp(prior).sum()
    for layer, above in zip(net.layers, layers_of(net), strict=False):
        law = law[..., None] * machines.table(layer, machines.states(above))
    return law


def recognised(machine: Helmholtz) -> np.ndarray:
    """The oracle's Q(hidden layers | v), with the axes of `joint`."""
    upwards = layers_of(machine.net)[::-1]
    tables = [
        machines.table(layer, machines.states(below))
        for layer, below in zip(machine.recognition, upwards, strict=False)
    ]
    whole = functools.reduce(lambda q, table: q[..., None] * table, tables)
    return np.transpose(whole)


def every_state(net: BeliefNet) -> list[np.ndarray]:
    """All joint states as one array for each layer, in the order of `joint(net).ravel()`."""
    tables = [machines.states(unit) for unit in layers_of(net)]
    numbers = np.indices([len(table) for table in tables])
    return [table[n.ravel()] for table, n in zip(tables, numbers, strict=True)]


def draws(seed: int, net: BeliefNet, law: np.ndarray, n: int) -> tuple[jax.Array, ...]:
    """Exact draws of all layers from a law with the axes of `joint`."""
    chosen = np.random.default_rng(seed).choice(law.size, n, p=law.ravel())
    return tuple(jnp.asarray(x[chosen], jnp.float32) for x in every_state(net))


def distance(net: BeliefNet, law: np.ndarray, states: tuple[jax.Array, ...]) -> float:
    """The total variation from a law to the frequencies of some states."""
    whole = np.concatenate(every_state(net), axis=-1)
    seen = oracles.frequencies(whole, np.concatenate(states, axis=-1))
    return oracles.total_variation(seen, law.ravel())


def delta_rule(net: BeliefNet, weight: np.ndarray) -> BeliefNet:
    """The mean over joint states, by their weights in all, of the gradient of log p(states).

    Args:
      net: a binary net.
      weight: with the axes of `joint`, of sum 1.
    """
    states = every_state(net)
    p = weight.ravel()
    field = np.broadcast_to(np.float64(net.prior.bias), states[0].shape)
    prior = p @ (states[0] - 1 / (1 + np.exp(-field)))
    layers = []
    for layer, x, y in zip(net.layers, states[:-1], states[1:], strict=True):
        field = x @ np.float64(layer.weights) + np.float64(layer.unit.bias)
        error = p[:, None] * (y - 1 / (1 + np.exp(-field)))
        layers.append(Layer(units.Bernoulli(error.sum(0)), x.T @ error))
    return BeliefNet(units.Bernoulli(prior), tuple(layers))
