"""The hybrid gradient: a discriminative and a generative one, averaged (TR 2006-004, last section).

Read `passes` and `up_down` first, and `contrastive_divergence` for the second form.

    gradient = weight * d mean log p(label | v) + (1 - weight) * generative gradient

The first part is backpropagation through the read-out `inference.classify.deterministic`: means up
the recognition layers, then the exact free energy of the memory with each label turned on. The
second is that of contrastive wake-sleep (`contrastive`) or, for less work and a tied stack, those
of contrastive divergence in all machines at once (`pretraining`; Bengio et al. 2006). What only
generates, the generative layers of a net and the visible biases of a stack, has a gradient of zero
in the first part.

The generative part keeps the weights to what explains images, the discriminative one spends them on
the classes: the report raises the weight gradually and lets validation choose it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import optax

from dbnjax import checks
from dbnjax.learning import passes, phases, updates
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer, propagate
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.types import Array, Draw, Draws, Key, Learner

ReadOut = Callable[[Any], tuple[tuple[Layer, ...], RBM]]
Generative = Callable[[Key, Any, passes.Batch], tuple[Any, Array]]


class Hyper(NamedTuple):
    """Numbers that may change every epoch, as scalars; conventions as in `updates`.

    Attributes:
      rate: learning rate on the mean gradient, one for every parameter.
      momentum: in [0, 1).
      decay: weight decay, on weights only.
      weight: of the discriminative gradient in the average, in [0, 1].
    """

    rate: Array
    momentum: Array
    decay: Array
    weight: Array


def hyper(rate: float, weight: float, momentum: float = 0.0, decay: float = 0.0) -> Hyper:
    """Makes a `Hyper` of arrays from Python numbers.

    Raises:
      InputError: the weight is outside [0, 1], or as `passes.hyper`.
    """
    updates.check_hyper(rate, momentum, decay)
    check_weight("weight", weight)
    return Hyper(*updates.numbers(rate, momentum, decay, weight))


def check_weight(name: str, weight: float) -> None:
    """Raises `InputError` unless a weight is in [0, 1]: 0 is the generative gradient alone."""
    checks.check_within(name, weight, 0.0, 1.0)


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the net, or the stack.
      velocity: a pytree like it, or the memory of the learner's optimiser.
    """

    params: Any
    velocity: Any


class Info(NamedTuple):
    """What a step lets you look at, before its update.

    Attributes:
      cross_entropy: minus the mean of log p(label | v) under the read-out, in nats.
      error: the part of the cases that the read-out puts into a wrong class.
      reconstruction_error: as in `up_down.Info`, or of the lowest machine as in that of
        `contrastive_divergence`.
    """

    cross_entropy: Array
    error: Array
    reconstruction_error: Array


def log_likelihood(
    recognition: tuple[Layer, ...], memory: RBM, batch: passes.Batch
) -> tuple[Array, Array]:
    """Returns the mean of log p(label | v) in nats, and the part of the cases with a wrong guess.

    Args:
      recognition: layers upwards.
      memory: the machine above them.
      batch: cases with labels.

    Raises:
      InputError: the memory has no label units, or the cases have no labels.
    """
    if batch.labels is None:
        raise checks.InputError("labels: expected one for each case of a hybrid's batch, got none")
    unused = jax.random.key(0)  # a pass of means draws nothing
    states = propagate(unused, recognition, batch.visible, "mean")
    scores = dbn_lib.log_joint(memory, (batch.visible, *states)[-1])
    wrong = (scores.argmax(-1) != batch.labels.argmax(-1)).astype(scores.dtype)
    return (batch.labels * jax.nn.log_softmax(scores, axis=-1)).sum(-1).mean(), wrong.mean()


def contrastive(
    n_steps: int,
    labels: Draw = "mean",
    statistics: Draw = "sample",
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a learner of a net by backpropagation and contrastive wake-sleep.

    `step(key, hyper, state, batch)` takes a `Hyper` and a `passes.Batch` with labels. A step at
    weight 0 is that of `up_down` with the same key.

    Args:
      n_steps: Gibbs iterations in the memory between the passes, static.
      labels: label states in the memory's chain, as in `up_down`.
      statistics: the top units in the memory's statistics, as in `up_down`.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.

    Example:
      >>> from dbnjax import dbn, rbm, stack, units
      >>> joint = units.Concat((units.Bernoulli.zeros(6), units.Categorical.zeros(3)))
      >>> machine = rbm.init(jax.random.key(0), joint, units.Bernoulli.zeros(4))
      >>> net, learner = dbn.untie(stack.create((machine,))), contrastive(n_steps=3)
      >>> state = learner.init(jax.random.key(1), net)
      >>> batch = passes.Batch(jnp.ones((5, 6)), jax.nn.one_hot(jnp.arange(5) % 3, 3))
      >>> state, info = learner.step(jax.random.key(2), hyper(0.1, 0.5), state, batch)
      >>> info.cross_entropy.shape
      ()
    """
    checks.check_count("n_steps", n_steps, 1)
    checks.check_draw("labels", labels)
    checks.check_draw("statistics", statistics)

    def generative(key: Key, dbn: DBN, batch: passes.Batch) -> tuple[DBN, Array]:
        measured = passes.contrastive_wake_sleep(key, dbn, batch, n_steps, labels, statistics)
        return measured.gradient, measured.reconstruction_error

    return _learner(lambda dbn: (dbn.recognition, dbn.memory), generative, optimiser)


def pretraining(
    k: int = 1,
    pixels: Draw = "mean",
    features: Draw = "mean",
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a learner of a tied stack by backpropagation and contrastive divergence.

    `step(key, hyper, state, batch)` takes a `Hyper` and a `passes.Batch` with labels. A step at
    weight 0 is one of CD-k in every machine, on what the machines below it make of the data.

    Args:
      k: full Gibbs steps, static.
      pixels: what the batch's visible states are; their reconstructions are of the same kind.
      features: what the machines above the lowest are given, "mean" for activation probabilities;
        their reconstructions are of the same kind, and labels are sampled (section 6.1 of the
        2006 paper).
      optimiser: any of optax's in the place of the momentum, as `updates` describes.
    """
    checks.check_count("k", k, 1)
    checks.check_draw("pixels", pixels)
    checks.check_draw("features", features)
    chosen = partial(_contrastive_divergences, k=k, pixels=pixels, features=features)
    return _learner(lambda stack: (stack_lib.recognition(stack), stack.rbms[-1]), chosen, optimiser)


def _learner(
    read_out: ReadOut, generative: Generative, optimiser: optax.GradientTransformation | None
) -> Learner:
    """Makes a learner.

    Args:
      read_out: gives the recognition layers and the memory of what is learned.
      generative: `generative(key, params, batch)`, the gradient and the reconstruction error.
      optimiser: in the place of the momentum, or None.
    """

    def init(key: Key, params: Any) -> State:
        del key
        return State(params, updates.at_rest(params, optimiser))

    def step(key: Key, hyper: Hyper, state: State, batch: passes.Batch) -> tuple[State, Info]:
        params, cases = state.params, passes.as_cases(state.params, batch)

        def objective(params: Any) -> tuple[Array, Array]:
            return log_likelihood(*read_out(params), cases)

        (log_p, error), slope = jax.value_and_grad(objective, has_aux=True)(params)
        gradient, reconstruction_error = generative(key, params, cases)
        weight = hyper.weight
        average = jax.tree.map(lambda d, g: weight * d + (1.0 - weight) * g, slope, gradient)
        numbers = passes.Hyper(hyper.rate, hyper.momentum, hyper.decay)
        moved = passes.ascend(numbers, params, state.velocity, average, optimiser)
        return State(*moved), Info(-log_p, error, reconstruction_error)

    return updates.learner(init, step)


def _contrastive_divergences(
    key: Key, stack: Stack, batch: passes.Batch, k: int, pixels: Draw, features: Draw
) -> tuple[Stack, Array]:
    """Returns the gradient of CD-k of every machine, and the lowest one's reconstruction error."""
    key_up, key_machines = jax.random.split(key)
    above = propagate(key_up, stack_lib.recognition(stack), batch.visible, features)
    data = [batch.visible, *above]
    visible: list[Draws] = [pixels, *(features for _ in above)]
    data[-1] = dbn_lib.join_labels(data[-1], batch.labels)
    visible[-1] = (features if above else pixels, "sample")
    gradients, errors = [], []
    for i, (rbm, v) in enumerate(zip(stack.rbms, data, strict=True)):
        key_hidden, key_chain = jax.random.split(jax.random.fold_in(key_machines, i))
        choices = phases.Choices(visible=visible[i])
        positive = phases.positive_phase(key_hidden, rbm, v, choices)
        negative = phases.negative_phase(key_chain, rbm, positive.hidden_state, k, choices)
        gradients.append(phases.rbm_gradient(positive, negative, offsets=None))
        errors.append(((positive.visible - negative.visible) ** 2).sum(-1).mean())
    return Stack(tuple(gradients)), errors[0]
