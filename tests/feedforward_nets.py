"""Small feedforward nets with strong weights, labelled cases, and the oracle's copies of both."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracles_feedforward as oracles

from dbnjax.learning.backprop import Batch
from dbnjax.models.belief_net import Layer
from dbnjax.models.feedforward import Feedforward
from dbnjax.units import Bernoulli, Categorical, Rectifier

UNITS = {"logistic": Bernoulli, "rectified": Rectifier}


def net(kind: str = "logistic", sizes: tuple[int, ...] = (4, 3, 2), n_classes: int = 3):
    """A net whose weights and biases are normal draws, so that no unit is like another."""
    rng = np.random.default_rng(3)

    def layer(unit_of, n_from: int, n_to: int) -> Layer:
        weights, bias = rng.normal(size=(n_from, n_to)), 0.5 * rng.normal(size=n_to)
        return Layer(
            unit_of(jnp.asarray(bias, jnp.float32)),
            jnp.asarray(1.5 / np.sqrt(n_from) * weights, jnp.float32),
        )

    hidden = tuple(layer(UNITS[kind], *pair) for pair in itertools.pairwise(sizes))
    output = layer(lambda bias: Categorical(bias, n_categories=n_classes), sizes[-1], n_classes)
    return Feedforward(hidden, output)


def batch(n: int = 7, n_visible: int = 4, n_classes: int = 3) -> Batch:
    """Cases in [0, 1] with all classes among their labels."""
    visible = np.random.default_rng(4).uniform(size=(n, n_visible))
    labels = np.eye(n_classes)[np.arange(n) % n_classes]
    return Batch(jnp.asarray(visible, jnp.float32), jnp.asarray(labels, jnp.float32))


def exact(net: Feedforward) -> list[oracles.Layer]:
    """The oracle's copy of a net."""
    return [
        oracles.Layer(
            np.float64(layer.weights),
            np.float64(layer.unit.bias),
            oracles.ACTIVATIONS[type(layer.unit).__name__],
        )
        for layer in (*net.hidden, net.output)
    ]


def parameters(net: Feedforward) -> list[np.ndarray]:
    """Weights and biases from the bottom up."""
    layers = (*net.hidden, net.output)
    return [np.asarray(x) for layer in layers for x in (layer.weights, layer.unit.bias)]


def moved(before: Feedforward, after: Feedforward) -> list[np.ndarray]:
    """How far every array moved, from the bottom up."""
    pairs = zip(parameters(before), parameters(after), strict=True)
    return [np.float64(b) - np.float64(a) for a, b in pairs]


def flat(layers: list[oracles.Layer]) -> list[np.ndarray]:
    """The oracle's weights and biases in the order of `parameters`."""
    return [x for layer in layers for x in (layer.weights, layer.bias)]


def copy(tree):
    """A tree whose arrays may be donated."""
    return jax.tree.map(jnp.copy, tree)
