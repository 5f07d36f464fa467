"""Feedforward nets in float64 NumPy: what they say, what it costs, which way the cost falls.

A net is a list of layers from the bottom up, the softmax layer last; nothing here imports the
library under test. n: cases, K: classes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_softmax

STEP = 1e-6  # of the differences: their error is about STEP^2 and 1e-16 / STEP


class Layer(NamedTuple):
    """Weights `[n_from, n_to]`, biases `[n_to]` and what a unit makes of its total input."""

    weights: np.ndarray
    bias: np.ndarray
    activation: Callable[[np.ndarray], np.ndarray]


def rectified(x: np.ndarray) -> np.ndarray:
    """max(0, x)."""
    return np.where(x > 0, x, 0.0)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Bernoulli": expit,
    "Rectifier": rectified,
    "Categorical": lambda x: log_softmax(x, axis=-1),
}


def inputs(net: Sequence[Layer], v: np.ndarray) -> list[np.ndarray]:
    """The total input of every layer, `[n, n_to]` each."""
    found = []
    for layer in net:
        found.append(v @ layer.weights + layer.bias)
        v = layer.activation(found[-1])
    return found


def states(net: Sequence[Layer], v: np.ndarray) -> list[np.ndarray]:
    """The output of every layer; the last is log p(class), `[n, K]`."""
    return [layer.activation(x) for layer, x in zip(net, inputs(net, v), strict=True)]


def cross_entropy(net: Sequence[Layer], v: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Minus log p of each case's target, `[n]`."""
    return -(targets * states(net, v)[-1]).sum(-1)


def cost(
    net: Sequence[Layer],
    v: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | float = 1.0,
    decay: float = 0.0,
) -> float:
    """The mean of the weighted cross-entropies and half the squared weights, `decay` times."""
    squares = sum((layer.weights**2).sum() for layer in net)
    return float((weights * cross_entropy(net, v, targets)).mean() + 0.5 * decay * squares)


def gradient(cost_of: Callable[[Sequence[Layer]], float], net: Sequence[Layer]) -> list[Layer]:
    """The slope of a cost by every weight and bias, by central differences."""
    return [
        layer._replace(
            weights=_slope(lambda x, i=i: cost_of(_with(net, i, weights=x)), layer.weights),
            bias=_slope(lambda x, i=i: cost_of(_with(net, i, bias=x)), layer.bias),
        )
        for i, layer in enumerate(net)
    ]


def _with(net: Sequence[Layer], i: int, **changes: np.ndarray) -> list[Layer]:
    return [*net[:i], net[i]._replace(**changes), *net[i + 1 :]]


def _slope(function: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = STEP
        found[place] = (function(at + step) - function(at - step)) / (2 * STEP)
    return found
