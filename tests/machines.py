"""Small library machines and nets with strong, asymmetric parameters, and their oracle tables."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import oracles

from dbnjax import units
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM


def _machine(seed: int, visible: units.base.Unit, hidden: units.base.Unit) -> RBM:
    weights = oracles.asymmetric_rbm(seed, visible.size, hidden.size)[2]
    return RBM(visible=visible, hidden=hidden, weights=jnp.asarray(weights, jnp.float32))


def binary(seed: int, n_visible: int, n_hidden: int) -> RBM:
    """A machine of two binary layers."""
    biases = oracles.asymmetric_rbm(seed, n_visible, n_hidden)[:2]
    visible, hidden = (units.Bernoulli(jnp.asarray(b, jnp.float32)) for b in biases)
    return _machine(seed, visible, hidden)


def labelled(seed: int, n_features: int, n_labels: int, n_hidden: int) -> RBM:
    """A machine with binary features and one softmax group as its visible layer."""
    plain = binary(seed, n_features + n_labels, n_hidden)
    features, labels = jnp.split(plain.visible.bias, [n_features])
    visible = units.Concat((units.Bernoulli(features), units.Categorical(labels, n_labels)))
    return plain.replace(visible=visible)


def groups(seed: int) -> RBM:
    """Two softmax groups of three below, a softmax group of four above."""
    plain = binary(seed, 6, 4)
    return plain.replace(
        visible=units.Categorical(plain.visible.bias, n_categories=3),
        hidden=units.Categorical(plain.hidden.bias, n_categories=4),
    )


def stack(seed: int, sizes: tuple[int, ...], n_labels: int = 0) -> stack_lib.Stack:
    """Binary machines from the bottom up; labels, if any, join the top one."""
    rbms = [binary(seed + i, *sizes[i : i + 2]) for i in range(len(sizes) - 1)]
    if n_labels:
        rbms[-1] = labelled(seed + len(sizes), sizes[-2], n_labels, sizes[-1])
    return stack_lib.create(tuple(rbms))


def net(seed: int, sizes: tuple[int, ...], n_labels: int = 0) -> DBN:
    """An untied net whose recognition parameters are not its generative ones."""
    tied = dbn_lib.untie(stack(seed, sizes, n_labels))
    return tied.replace(recognition=jax.tree.map(lambda x: 0.6 * x + 0.2, tied.recognition))


def joint(rbm: RBM) -> oracles.Joint:
    """The oracle's table of a machine."""
    visible, hidden = cases.layer(rbm.visible), cases.layer(rbm.hidden)
    return oracles.rbm_joint(visible, hidden, np.float64(rbm.weights))


def table(layer: Layer, states: np.ndarray) -> np.ndarray:
    """The oracle's p(y | x) of a directed layer for states `[S, n]`: `[S, Sy]`."""
    return oracles.probabilities(cases.layer(layer.unit), states @ np.float64(layer.weights))


def states(unit: units.base.Unit) -> np.ndarray:
    """All states of a layer, in the oracle's order."""
    return cases.layer(unit).states


def visible_given_penultimate(dbn: DBN) -> np.ndarray:
    """The oracle's p(v | penultimate) through the generative layers, `[Spen, Sv]`."""
    unit = stack_lib.feature_unit(dbn.memory)
    result = np.eye(len(states(unit)))
    for layer in reversed(dbn.generative):
        result = result @ table(layer, states(unit))
        unit = layer.unit
    return result


def penultimate_given_visible(dbn: DBN, v: np.ndarray) -> np.ndarray:
    """The oracle's law of the stochastic up-pass from one v `[n_visible]`: `[Spen]`."""
    result, below = np.ones((1, 1)), v[None]
    for layer in dbn.recognition:
        result = result @ table(layer, below)
        below = states(layer.unit)
    return result[0]
