"""The feedforward net that a stack of RBMs becomes: layers of means below a softmax layer.

    y_0 = v,    y_l = mean of layer l's units at the field y_{l-1} W_l,
    p(class | v) = softmax(y_L W + b)

For binary units the means are logistic and the hidden layers are the deterministic up-pass of the
stack (TR 2006-004, "Using backpropagation for discriminative fine-tuning"; Science 2006). A unit
type brings its own mean, so that nothing here names one but the softmax group at the top.
Shapes: v `[..., n_visible]`, classes `[..., n_classes]`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer, conditional
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.types import Array, Key, cast, floating_type, pytree
from dbnjax.units import Bernoulli, Categorical

SOFTMAX_SCALE = 0.1  # standard deviation of the first softmax weights (code of Science 2006)


@pytree
class Feedforward:
    """Hidden layers and the softmax layer on top of them.

    Attributes:
      hidden: layers from the bottom up; none for softmax regression.
      output: one softmax group, a class a unit.
    """

    hidden: tuple[Layer, ...]
    output: Layer

    def check(self) -> None:
        """Raises `InputError` unless neighbouring sizes fit and the output is a softmax group."""
        top = self.output.unit
        checks.require(
            isinstance(top, Categorical) and top.size == top.n_categories,
            f"output: expected one softmax group, got {type(top).__name__} units",
        )
        layers = (*self.hidden, self.output)
        for level, layer in enumerate(layers):
            below = layers[level - 1].unit.size if level else layer.weights.shape[-2]
            checks.require(
                layer.weights.shape[-2:] == (below, layer.unit.size),
                f"level {level + 1}: expected weights of shape {(below, layer.unit.size)}, got "
                f"{layer.weights.shape}; the layer sizes do not fit",
            )


def create(hidden: Sequence[Layer], output: Layer) -> Feedforward:
    """Makes a net from given layers, checked.

    Raises:
      InputError: neighbouring sizes do not fit, or the output is not one softmax group.
    """
    net = Feedforward(tuple(hidden), output)
    net.check()
    return net


def softmax_layer(key: Key, n_from: int, n_classes: int, scale: float = SOFTMAX_SCALE) -> Layer:
    """Makes a softmax layer with small normal weights and no biases.

    Args:
      key: a PRNG key.
      n_from: units below.
      n_classes: two or more.
      scale: standard deviation of the weights.
    """
    checks.check_count("n_from", n_from, 1)
    checks.check_count("n_classes", n_classes, 2)
    checks.check_within("scale", scale, 0.0)
    weights = scale * jax.random.normal(key, (n_from, n_classes))
    return Layer(unit=Categorical.zeros(n_classes), weights=weights)


def unroll(key: Key, model: RBM | Stack | DBN, n_classes: int) -> Feedforward:
    """Turns machines of any depth into the hidden layers of a net, in arrays of their own.

    Label units of the top machine are left out: their weights pull the top units towards a label
    that nobody knows here. Of an untied net the recognition layers are taken.

    Args:
      key: for the softmax layer, the only new weights.
      model: a machine, a stack or a net.
      n_classes: two or more.

    Raises:
      InputError: fewer than two classes.
    """
    if isinstance(model, RBM):
        model = stack_lib.create((model,))
    below = model.recognition if isinstance(model, DBN) else stack_lib.recognition(model)
    memory = model.memory if isinstance(model, DBN) else model.rbms[-1]
    features = stack_lib.feature_unit(memory).size
    top = Layer(unit=memory.hidden, weights=memory.weights[:features])
    hidden = jax.tree.map(jnp.copy, (*below, top))
    softmax = softmax_layer(key, memory.hidden.size, n_classes)
    return create(hidden, cast(softmax, floating_type(model)))


def custom_of_2006(n_from: int, n_to: int) -> float:
    """Returns 1 / sqrt(n_from), as was done before 2010 (Glorot and Bengio 2010, eq. 1)."""
    del n_to
    return 1.0 / math.sqrt(n_from)


def science_2006(n_from: int, n_to: int) -> float:
    """Returns 0.1 sqrt(3), for the standard deviation 0.1 that the code of Science 2006 starts at.

    Unlike `custom_of_2006`, which leaves deep logistic nets on a plateau for many epochs.
    """
    del n_from, n_to
    return 0.1 * math.sqrt(3.0)


def glorot_logistic(n_from: int, n_to: int) -> float:
    """Returns 4 sqrt(6 / (n_from + n_to)), even variances for logistic units.

    Glorot and Bengio 2010, eq. 16, is for tanh, four times as steep at zero.
    """
    return 4.0 * math.sqrt(6.0 / (n_from + n_to))


def he(n_from: int, n_to: int) -> float:
    """Returns sqrt(6 / n_from), even variances for rectified units (He et al. 2015, eq. 10)."""
    del n_to
    return math.sqrt(6.0 / n_from)


def init(
    key: Key,
    sizes: Sequence[int],
    n_classes: int,
    unit: Any = Bernoulli,
    bound: Callable[[int, int], float] = custom_of_2006,
) -> Feedforward:
    """Makes a net with random weights and no biases.

    Args:
      key: a PRNG key.
      sizes: visible units, then hidden units from the bottom up.
      n_classes: two or more.
      unit: a unit type with `zeros(n)`.
      bound: `bound(n_from, n_to)`, the largest weight of a hidden layer, whose weights are uniform;
        those of the softmax layer are so by `custom_of_2006`.

    Raises:
      InputError: no size, one that is not positive, or fewer than two classes.

    Example:
      >>> net = init(jax.random.key(0), (6, 4), n_classes=3)
      >>> log_probabilities(net, jnp.ones((5, 6))).shape
      (5, 3)
    """
    checks.check_counts("sizes", sizes, 1)
    checks.require(len(sizes) > 0, "sizes: expected at least the visible units, got none")
    checks.check_count("n_classes", n_classes, 2)
    keys = jax.random.split(key, len(sizes))

    def uniform(key: Key, n_from: int, n_to: int, most: float) -> Array:
        return jax.random.uniform(key, (n_from, n_to), minval=-most, maxval=most)

    hidden = [
        Layer(unit=unit.zeros(n_to), weights=uniform(k, n_from, n_to, bound(n_from, n_to)))
        for k, n_from, n_to in zip(keys[:-1], sizes[:-1], sizes[1:], strict=True)
    ]
    most = custom_of_2006(sizes[-1], n_classes)
    weights = uniform(keys[-1], sizes[-1], n_classes, most)
    return create(hidden, Layer(unit=Categorical.zeros(n_classes), weights=weights))


def states(net: Feedforward, v: Array) -> tuple[Array, ...]:
    """Returns the means of every hidden layer from the bottom up, `[..., n_hidden]` each."""
    means = []
    for layer in net.hidden:
        v = conditional(layer, v).mean()
        means.append(v)
    return tuple(means)


def log_probabilities(net: Feedforward, v: Array) -> Array:
    """Returns log p(class | v), `[..., n_classes]`."""
    top = conditional(net.output, (v, *states(net, v))[-1])
    return jax.nn.log_softmax(top.field + net.output.unit.bias, axis=-1)
