"""The methods that `three_ideas` compares: how a hidden layer gets its weights, and in which era.

The lecture's ideas: no pretraining (1), each layer supervised under a softmax layer of its own that
is thrown away (2), each layer unsupervised, as an auto-encoder or as an RBM (3); afterwards
backpropagation tunes all weights (Bengio et al. 2006, "Greedy layer-wise training of deep
networks").
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from dbnjax.learning import autoencoder, backprop, contrastive_divergence, updates
from dbnjax.models import feedforward
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import Layer, conditional
from dbnjax.models.feedforward import Feedforward
from dbnjax.models.rbm import RBM
from dbnjax.training import greedy, loop
from dbnjax.training.fitting import EARLY_EPOCHS
from dbnjax.types import Array, Key, Learner, PyTree
from dbnjax.units import Bernoulli, Rectifier

EARLY_MOMENTUM, MOMENTUM, DECAY = 0.5, 0.9, 2e-4  # of RBMs, in the code of Science 2006


class Recipe(NamedTuple):
    """What hidden layers of an era are, how they start and how they move.

    Attributes:
      unit: type of the hidden units.
      bound: largest first weight, as `feedforward.init` takes it.
      optimiser: makes what moves tuning and whatever pretrains by backpropagation.
    """

    unit: Any
    bound: Callable[[int, int], float]
    optimiser: Callable[[], optax.GradientTransformation]


momentum = functools.partial(optax.sgd, 1.0, momentum=MOMENTUM)

ERAS = {
    "2006": Recipe(Bernoulli, feedforward.science_2006, momentum),
    "glorot": Recipe(Bernoulli, feedforward.glorot_logistic, momentum),
    "rectified": Recipe(Rectifier, feedforward.he, functools.partial(optax.adam, 1.0)),
}


class LayerTraining(NamedTuple):
    """How one layer is pretrained.

    Attributes:
      learner: what learns in the layer's place.
      prepare: makes its minibatches; the context is the layers below.
      start: `start(key, layer)`, its first parameters.
      hyper: `hyper(i)`, its numbers in epoch i.
      layer: takes the layer out of its parameters.
    """

    learner: Learner
    prepare: loop.Prepare
    start: Callable[[Key, Layer], PyTree]
    hyper: Callable[[int], PyTree]
    layer: Callable[[PyTree], Layer]


def features(key: Key, below: greedy.Below, pixels: Array, labels: Array | None = None) -> Array:
    """Returns what fixed layers make of uint8 pixels, their means `[..., n]`; labels do nothing."""
    del labels
    v = greedy.intensities(key, pixels, "mean")
    for layer in below:
        v = conditional(layer, v).mean()
    return v


def labelled(n_classes: int) -> loop.Prepare:
    """Makes the `prepare` function of backpropagation above fixed layers, or above none."""

    def prepare(key: Key, below: greedy.Below, pixels: Array, labels: Array) -> backprop.Batch:
        return backprop.Batch(features(key, below, pixels), jax.nn.one_hot(labels, n_classes))

    return prepare


def softmax(key: Key, n_from: int, n_classes: int) -> Layer:
    """Makes a first softmax layer, the same in all eras."""
    return feedforward.init(key, (n_from,), n_classes).output


def supervised(era: Recipe, rate: float, level: int, n_classes: int) -> LayerTraining:
    """Idea 2: the layer learns as the hidden layer of a classifier of what comes from below."""
    del level

    def start(key: Key, layer: Layer) -> Feedforward:
        return feedforward.create((layer,), softmax(key, layer.unit.size, n_classes))

    return LayerTraining(
        learner=backprop.backprop(era.optimiser()),
        prepare=labelled(n_classes),
        start=start,
        hyper=lambda i: backprop.hyper(rate),
        layer=lambda net: net.hidden[0],
    )


def encoder(
    era: Recipe, rate: float, level: int, n_classes: int, loss: autoencoder.Loss, tied: bool
) -> LayerTraining:
    """Idea 3: the layer learns as the encoder of an auto-encoder of what comes from below."""
    del n_classes

    def start(key: Key, layer: Layer) -> RBM | autoencoder.AutoEncoder:
        del key
        below = era.unit if level else Bernoulli
        visible = below.zeros(layer.weights.shape[-2])
        rbm = RBM(visible=visible, hidden=layer.unit, weights=layer.weights)
        return rbm if tied else autoencoder.untie(rbm)

    return LayerTraining(
        learner=autoencoder.autoencoder(era.optimiser(), loss),
        prepare=features,
        start=start,
        hyper=lambda i: autoencoder.hyper(rate),
        layer=lambda params: autoencoder.layers(params).encoder,
    )


def as_rbm(era: Recipe, rate: float, level: int, n_classes: int) -> LayerTraining:
    """Idea 3: the layer learns as the hidden layer of an RBM, by CD-1 on probabilities."""
    del level, n_classes

    def start(key: Key, layer: Layer) -> RBM:
        visible = Bernoulli.zeros(layer.weights.shape[-2])
        return rbm_lib.init(key, visible, era.unit.zeros(layer.unit.size))

    def hyper(i: int) -> updates.Hyper:
        return updates.hyper(rate, EARLY_MOMENTUM if i < EARLY_EPOCHS else MOMENTUM, DECAY)

    return LayerTraining(
        learner=contrastive_divergence.contrastive_divergence(1, greedy.choices("mean", 0)),
        prepare=features,
        start=start,
        hyper=hyper,
        layer=lambda rbm: Layer(unit=rbm.hidden, weights=rbm.weights),
    )


METHODS: dict[str, Callable[[Recipe, float, int, int], LayerTraining]] = {
    "supervised": supervised,
    "squared_tied": functools.partial(encoder, loss="squared", tied=True),
    "squared": functools.partial(encoder, loss="squared", tied=False),
    "cross_entropy_tied": functools.partial(encoder, loss="cross_entropy", tied=True),
    "cross_entropy": functools.partial(encoder, loss="cross_entropy", tied=False),
    "rbm": as_rbm,
}
