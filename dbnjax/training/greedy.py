"""Greedy learning of a stack, one RBM after another (2006 paper, section 4).

Each machine learns from what the machines below it make of the data: their activation
probabilities, as in the paper, or binary samples of them, which regularise. The layers below
are recomputed in every step; storing their output would cost more memory than the third of
a step that it saves, and samples must be new each time anyway.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from dbnjax import checks, numerics
from dbnjax.learning import phases
from dbnjax.learning.passes import Batch
from dbnjax.models import belief_net, dbn, rbm, stack
from dbnjax.models.belief_net import Layer
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.types import Array, Draw, Key
from dbnjax.units import Bernoulli, Categorical, Concat

Below = tuple[Layer, ...]


def learn_stack(
    key: Key,
    n_visible: int,
    layers: Sequence[int],
    n_labels: int,
    learn: Callable[[int, RBM, Below], RBM],
) -> Stack:
    """Learns the machines from the bottom up.

    Args:
      key: for the machines' first weights.
      n_visible: visible units.
      layers: hidden units from the bottom up.
      n_labels: labels that join the top machine; 0 for none.
      learn: `learn(level, machine, below)` returns the machine after learning on what the
        layers below make of the data (see `layer_data`).
    """
    checks.check_counts("layers", layers, 1)
    rbms: list[RBM] = []
    for level, n_hidden in enumerate(layers):
        joined = n_labels if level == len(layers) - 1 else 0
        machine = layer(jax.random.fold_in(key, level), n_visible, n_hidden, joined)
        rbms.append(learn(level, machine, layers_of(rbms)))
        n_visible = n_hidden
    return stack.create(tuple(rbms))


def layers_of(rbms: Sequence[RBM]) -> Below:
    """Returns what RBMs, from the bottom up, are to one that learns above them."""
    return tuple(Layer(unit=lower.hidden, weights=lower.weights) for lower in rbms)


def layer(key: Key, n_visible: int, n_hidden: int, n_labels: int = 0) -> RBM:
    """Makes the next binary machine of a stack, with a softmax group of labels if it is the top.

    Args:
      key: a PRNG key.
      n_visible: units below.
      n_hidden: hidden units.
      n_labels: labels beside the units below; 0 for none.
    """
    checks.check_count("n_labels", n_labels, 0)
    visible = Bernoulli.zeros(n_visible)
    joined = Concat((visible, Categorical.zeros(n_labels))) if n_labels else visible
    return rbm.init(key, joined, Bernoulli.zeros(n_hidden))


def matched_layer(key: Key, n_hidden: int, below: Below, pixels: Array) -> RBM:
    """Makes the next binary RBM of a stack with small weights and visible biases like its data.

    Args:
      key: a PRNG key.
      n_hidden: hidden units.
      below: layers below.
      pixels: `[n, n_pixels]` uint8 cases whose mean activities the biases give.
    """
    key_weights, key_features = jax.random.split(key)
    n_visible = below[-1].unit.size if below else pixels.shape[-1]
    see = jax.jit(layer_data("mean", "mean", 0))
    mean = see(key_features, below, pixels, None).mean(0)
    return rbm.match_data(layer(key_weights, n_visible, n_hidden), mean, mean * (1.0 - mean))


def tied_layer(rbm_above: RBM, below: RBM) -> RBM:
    """Gives an RBM the weights and biases of the one below it, turned over.

    With as many hidden units as that one has visible ones, the bound of the two is log p under the
    one below, exactly, and what makes the features more probable raises it (2006 paper, section
    4). Spare hidden units keep their small weights w; what these add to log p(x), the sum of
    log(1 + exp(x . w)), is taken off the visible biases, to the second order without cross terms.

    Args:
      rbm_above: binary, with a visible unit for each hidden one below.
      below: binary.

    Raises:
      InputError: there are fewer hidden units than visible ones below.
    """
    n_below = below.visible.size
    checks.require(
        rbm_above.hidden.size >= n_below,
        f"hidden units of a tied layer: expected {n_below} or more, the visible units of the RBM "
        f"below, got {rbm_above.hidden.size}; there is no place for its weights",
    )
    turned = rbm.transpose(below)
    spare = rbm_above.weights[:, n_below:]
    bias = jnp.concatenate([turned.hidden.bias, jnp.zeros(spare.shape[1])])
    return rbm.create(
        turned.visible.shift_field(-(spare / 2 + spare**2 / 8).sum(1)),
        Bernoulli(bias=bias),
        jnp.concatenate([turned.weights, spare], axis=1),
    )


def choices(features_as: Draw, n_labels: int) -> phases.Choices:
    """Returns the choices of CD: reconstructions of the data's own kind, labels sampled.

    Where data are probabilities, as in the paper, so are their reconstructions; where they are
    binary samples, real-valued reconstructions lack the samples' variance, so that the two phases
    cannot agree even for a perfect model. On MNIST that doubles the errors of a short run.

    Args:
      features_as: "mean" or "sample", what the machine's data are.
      n_labels: labels joined to the visible layer, sampled one of so many; 0 for none.
    """
    return phases.Choices(visible=(features_as, "sample") if n_labels else features_as)


def unit_interval(pixels: Array) -> Array:
    """Returns uint8 pixels as intensities in [0, 1]; values of another type are that already."""
    return pixels.astype(float) / 255.0 if pixels.dtype == jnp.uint8 else pixels


def intensities(key: Key, pixels: Array, how: Draw) -> Array:
    """Turns pixels into visible states: intensities in [0, 1], or binary samples of them."""
    checks.check_draw("pixels", how)
    mean = unit_interval(pixels)
    return mean if how == "mean" else numerics.bernoulli(key, mean)


def layer_data(
    pixels_as: Draw, features_as: Draw, n_labels: int
) -> Callable[[Key, Below, Array, Array | None], Array]:
    """Makes the `prepare` function of a machine's epochs.

    Args:
      pixels_as: "mean" for real-valued intensities, "sample" for binary pixels drawn anew.
      features_as: the same for the outputs of the layers below.
      n_labels: labels joined to the visible layer; 0 for none.

    Returns:
      `prepare(key, below, pixels, labels)`, the machine's visible states.
    """
    for name, how in (("pixels", pixels_as), ("features", features_as)):
        checks.check_draw(name, how)
    checks.check_count("n_labels", n_labels, 0)

    def prepare(key: Key, below: Below, pixels: Array, labels: Array | None) -> Array:
        key_pixels, key_up = jax.random.split(key)
        v = intensities(key_pixels, pixels, pixels_as)
        features = (v, *belief_net.propagate(key_up, below, v, features_as))[-1]
        return dbn.join_labels(features, jax.nn.one_hot(labels, n_labels) if n_labels else None)

    return prepare


def net_data(pixels_as: Draw, n_labels: int) -> Callable[[Key, None, Array, Array], Batch]:
    """Makes the `prepare` function of a whole net's epochs; arguments as in `layer_data`."""
    checks.check_draw("pixels", pixels_as)
    checks.check_count("n_labels", n_labels, 0)

    def prepare(key: Key, context: None, pixels: Array, labels: Array) -> Batch:
        del context
        v = intensities(key, pixels, pixels_as)
        return Batch(v, jax.nn.one_hot(labels, n_labels) if n_labels else None)

    return prepare
