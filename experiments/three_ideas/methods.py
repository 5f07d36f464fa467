"""The methods that `three_ideas` compares: how a hidden layer gets its weights, and in which era.

The lecture's ideas: no pretraining (1), each layer supervised under a softmax layer of its own that
is thrown away (2), each layer unsupervised, as an auto-encoder or as a machine (3); afterwards
backpropagation tunes all weights (Bengio et al. 2006, "Greedy layer-wise training of deep
networks").
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

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

NONE = "none"
EARLY_MOMENTUM, MOMENTUM, DECAY = 0.5, 0.9, 2e-4  # of machines, in the code of Science 2006


@dataclasses.dataclass(frozen=True)
class Era:
    """What hidden layers are, how they start and how they move.

    Attributes:
      unit: type of the hidden units.
      bound: largest first weight, as `feedforward.init` takes it.
      optimiser: makes what moves tuning and whatever pretrains by backpropagation.
      rate: of tuning.
      pretraining: the methods that are tried in it beside none, each with its rate.
    """

    unit: Any
    bound: Callable[[int, int], float]
    optimiser: Callable[[], optax.GradientTransformation]
    rate: float
    pretraining: Mapping[str, float]

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods of this era."""
        return (NONE, *self.pretraining)


momentum = functools.partial(optax.sgd, 1.0, momentum=MOMENTUM)
adam = functools.partial(optax.adam, 1.0)

# Machines start with small weights of their own, so that they are those of 2006 in every logistic
# era. Rectified codes are no probabilities: above the first layer they have no cross-entropy, and
# machines of rectified units are not tried.
ERAS = {
    "2006": Era(
        Bernoulli,
        feedforward.science_2006,
        momentum,
        0.1,
        {
            "supervised": 0.1,
            "squared_tied": 0.01,
            "squared": 0.01,
            "cross_entropy_tied": 0.01,
            "cross_entropy": 0.01,
            "rbm": 0.1,
        },
    ),
    "glorot": Era(
        Bernoulli,
        feedforward.glorot_logistic,
        momentum,
        0.1,
        {"supervised": 0.1, "cross_entropy_tied": 0.01},
    ),
    "rectified": Era(
        Rectifier,
        feedforward.he,
        adam,
        1e-3,
        {"supervised": 1e-3, "squared_tied": 1e-3, "squared": 1e-3},
    ),
}


@dataclasses.dataclass(frozen=True)
class Lesson:
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


def features(key: Key, below: greedy.Below, pixels: Array) -> Array:
    """Returns what fixed layers make of uint8 pixels: their means, `[..., n]`."""
    v = greedy.intensities(key, pixels, "mean")
    for layer in below:
        v = conditional(layer, v).mean()
    return v


def labelled(n_classes: int) -> loop.Prepare:
    """Makes the `prepare` function of backpropagation above fixed layers, or above none."""

    def prepare(key: Key, below: greedy.Below, pixels: Array, labels: Array) -> backprop.Batch:
        return backprop.Batch(features(key, below, pixels), jax.nn.one_hot(labels, n_classes))

    return prepare


def unlabelled(key: Key, below: greedy.Below, pixels: Array, labels: Array) -> Array:
    """The `prepare` function of what learns without labels."""
    del labels
    return features(key, below, pixels)


def softmax(key: Key, n_from: int, n_classes: int) -> Layer:
    """Makes a first softmax layer, the same in all eras."""
    return feedforward.init(key, (n_from,), n_classes).output


def supervised(era: Era, rate: float, level: int, n_classes: int) -> Lesson:
    """Idea 2: the layer learns as the hidden layer of a classifier of what comes from below."""
    del level

    def start(key: Key, layer: Layer) -> Feedforward:
        return feedforward.create((layer,), softmax(key, layer.unit.size, n_classes))

    return Lesson(
        learner=backprop.backprop(era.optimiser()),
        prepare=labelled(n_classes),
        start=start,
        hyper=lambda i: backprop.hyper(rate),
        layer=lambda net: net.hidden[0],
    )


def encoder(loss: autoencoder.Loss, tied: bool) -> Callable[[Era, float, int, int], Lesson]:
    """Idea 3: the layer learns as the encoder of an auto-encoder of what comes from below."""

    def lesson(era: Era, rate: float, level: int, n_classes: int) -> Lesson:
        del n_classes

        def start(key: Key, layer: Layer) -> RBM | autoencoder.AutoEncoder:
            del key
            below = era.unit if level else Bernoulli
            visible = below.zeros(layer.weights.shape[-2])
            machine = RBM(visible=visible, hidden=layer.unit, weights=layer.weights)
            return machine if tied else autoencoder.untie(machine)

        return Lesson(
            learner=autoencoder.autoencoder(era.optimiser(), loss),
            prepare=unlabelled,
            start=start,
            hyper=lambda i: autoencoder.hyper(rate),
            layer=lambda params: autoencoder.layers(params).encoder,
        )

    return lesson


def machine(era: Era, rate: float, level: int, n_classes: int) -> Lesson:
    """Idea 3: the layer learns as the hidden layer of a machine, by CD-1 on probabilities."""
    del level, n_classes

    def start(key: Key, layer: Layer) -> RBM:
        visible = Bernoulli.zeros(layer.weights.shape[-2])
        return rbm_lib.init(key, visible, era.unit.zeros(layer.unit.size))

    def hyper(i: int) -> updates.Hyper:
        return updates.hyper(rate, EARLY_MOMENTUM if i < EARLY_EPOCHS else MOMENTUM, DECAY)

    return Lesson(
        learner=contrastive_divergence.contrastive_divergence(1, greedy.choices("mean", 0)),
        prepare=unlabelled,
        start=start,
        hyper=hyper,
        layer=lambda rbm: Layer(unit=rbm.hidden, weights=rbm.weights),
    )


METHODS: dict[str, Callable[[Era, float, int, int], Lesson]] = {
    "supervised": supervised,
    "squared_tied": encoder("squared", tied=True),
    "squared": encoder("squared", tied=False),
    "cross_entropy_tied": encoder("cross_entropy", tied=True),
    "cross_entropy": encoder("cross_entropy", tied=False),
    "rbm": machine,
}
