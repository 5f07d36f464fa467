"""The two passes that fine-tune a deep belief net, shared by up-down, wake-sleep and the hybrid.

Read `phases`, `updates` and `models.dbn` first.

Wake: recognition infers states, the generative layers learn to predict each layer from the one
above. Sleep: the generative layers dream states, the recognition layers learn to infer each layer
from the one below. Both are delta rules (eq. 2.2), and every prediction is made with the parameters
before the update.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import optax

from dbnjax import checks
from dbnjax.learning import phases, updates
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import BeliefNet, Layer, conditional
from dbnjax.models.dbn import DBN
from dbnjax.models.stack import Stack
from dbnjax.types import Array, Draw, Key, PyTree

P = TypeVar("P")  # a net of any kind


class Batch(NamedTuple):
    """Cases for a net.

    Attributes:
      visible: `[..., n_visible]`.
      labels: `[..., n_labels]` one-of-K states, or None for a net without labels.
    """

    visible: Array
    labels: Array | None = None


class Hyper(NamedTuple):
    """Numbers of both fine-tuning algorithms; conventions as in `updates`.

    Attributes:
      rate: learning rate on the mean gradient, one for every parameter.
      momentum: in [0, 1).
      decay: weight decay, on weights only.
      n_steps: Gibbs iterations of up-down, int32, from 1 to the learner's own number, where members
        of an ensemble differ in that; None for the learner's own.
    """

    rate: Array
    momentum: Array
    decay: Array
    n_steps: Array | None = None


def hyper(rate: float, momentum: float = 0.0, decay: float = 0.0) -> Hyper:
    """Makes a `Hyper` of arrays from Python numbers.

    Raises:
      InputError: a number is NaN or outside its range.
    """
    updates.check_hyper(rate, momentum, decay)
    return Hyper(*updates.numbers(rate, momentum, decay))


def memory_choices(dbn: DBN, labels: Draw, statistics: Draw) -> phases.Choices:
    """Returns the memory's choices: sampled penultimate units, labels as asked."""
    has_labels = stack_lib.label_group(dbn.memory) is not None
    return phases.Choices(
        positive=statistics,
        visible=("sample", labels) if has_labels else "sample",
        negative=statistics,
    )


def as_cases(net: DBN | Stack, batch: Batch) -> Batch:
    """Joins all leading axes of a batch into one.

    Raises:
      InputError: as `phases.check_cases`, or the labels are not one for each case, as
        `dbn.check_labels` wants them.
    """
    checks.require(
        isinstance(batch, Batch),
        f"batch: expected passes.Batch(visible, labels), got {checks.in_words(batch)}",
    )
    if isinstance(net, DBN):
        unit, memory = dbn_lib.visible_unit(net), net.memory
    else:
        unit, memory = stack_lib.visible_unit(net), net.rbms[-1]
    visible, labels = phases.as_cases(unit, batch.visible), batch.labels
    if labels is None:
        dbn_lib.check_labels(memory, labels)
        return Batch(visible)
    phases.check_labels(batch.visible, labels, dbn_lib.label_unit(memory).size)
    return Batch(visible, labels.reshape(-1, labels.shape[-1]))


def wake(key: Key, dbn: DBN, visible: Array) -> tuple[tuple[Array, ...], tuple[Layer, ...]]:
    """Infers all layers by a stochastic up-pass and measures the generative gradients.

    Args:
      key: a PRNG key.
      dbn: a net.
      visible: `[n_cases, n_visible]`.

    Returns:
      The states from the visible layer to the penultimate one, and one gradient for each
      generative layer.
    """
    states = (visible, *dbn_lib.up_pass(key, dbn, visible, "sample"))
    gradients = tuple(
        phases.layer_gradient(layer, above, below)
        for layer, below, above in zip(dbn.generative, states[:-1], states[1:], strict=True)
    )
    return states, gradients


def sleep(key: Key, dbn: DBN, penultimate: Array) -> tuple[Layer, ...]:
    """Dreams all layers by a down-pass and measures the recognition gradients.

    Args:
      key: a PRNG key.
      dbn: a net.
      penultimate: `[n_cases, n_penultimate]` states from the memory.

    Returns:
      One gradient for each recognition layer.
    """
    states = tuple(reversed(dbn_lib.down_pass(key, dbn, penultimate)))
    return tuple(
        phases.layer_gradient(layer, below, above)
        for layer, below, above in zip(dbn.recognition, states[:-1], states[1:], strict=True)
    )


def net_gradient(net: BeliefNet, states: Sequence[Array]) -> BeliefNet:
    """Returns the gradient of the mean of log p of the states of every layer of a belief net.

    The delta rule (2007 review, equation 1) for each layer; for the top units, which have no
    parents, with the mean of their own law as the prediction.

    Args:
      net: a belief net.
      states: of every layer from the top down, `[n_cases, n]` each.
    """
    drawn = net.prior.statistics(states[0])
    expected = net.prior.expected_statistics(net.prior.no_field())
    return BeliefNet(
        prior=jax.tree.map(lambda x, mean: x.mean(0) - mean, drawn, expected),
        layers=tuple(
            phases.layer_gradient(layer, above, below)
            for layer, above, below in zip(net.layers, states[:-1], states[1:], strict=True)
        ),
    )


def reconstruction_error(dbn: DBN, states: tuple[Array, ...]) -> Array:
    """Returns the squared error of predicting the data from the first hidden states.

    Summed over visible units, mean over cases; zero for a bare memory.
    """
    if not dbn.generative:
        return jnp.zeros((), states[0].dtype)
    predicted = conditional(dbn.generative[0], states[1]).mean()
    return ((states[0] - predicted) ** 2).sum(-1).mean()


class Measured(NamedTuple):
    """What the up-down algorithm measures on a batch.

    Attributes:
      gradient: a pytree like the net.
      reconstruction_error: as in `up_down.Info`.
      memory_error: as in `up_down.Info`.
    """

    gradient: DBN
    reconstruction_error: Array
    memory_error: Array


def contrastive_wake_sleep(
    key: Key,
    dbn: DBN,
    batch: Batch,
    n_steps: int,
    labels: Draw,
    statistics: Draw,
    n_active: Array | None = None,
) -> Measured:
    """Measures the gradient of the up-down algorithm, which `up_down` describes.

    Args:
      key: a PRNG key.
      dbn: a net.
      batch: labelled or not.
      n_steps: Gibbs iterations in the memory between the passes, static.
      labels: as in `up_down.up_down`.
      statistics: as in `up_down.up_down`.
      n_active: as in `phases.negative_phase`.
    """
    key_wake, key_top, key_chain, key_sleep = jax.random.split(key, 4)
    choices = memory_choices(dbn, labels, statistics)
    batch = as_cases(dbn, batch)
    states, generative = wake(key_wake, dbn, batch.visible)
    clamped = dbn_lib.join_labels(states[-1], batch.labels)
    positive = phases.positive_phase(key_top, dbn.memory, clamped, choices)
    negative = phases.negative_phase(
        key_chain, dbn.memory, positive.hidden_state, n_steps, choices, n_active
    )
    penultimate, _ = dbn_lib.split_labels(dbn.memory, negative.visible)
    gradient = DBN(
        recognition=sleep(key_sleep, dbn, penultimate),
        generative=generative,
        memory=phases.rbm_gradient(positive, negative, offsets=None),
    )
    return Measured(
        gradient=gradient,
        reconstruction_error=reconstruction_error(dbn, states),
        memory_error=((positive.visible - negative.visible) ** 2).sum(-1).mean(),
    )


def ascend(
    hyper: Hyper,
    net: P,
    velocity: PyTree,
    gradient: P,
    optimiser: optax.GradientTransformation | None = None,
) -> tuple[P, PyTree]:
    """Makes one step uphill, as `updates` describes; returns the net and the velocity.

    Args:
      hyper: rate, momentum and decay.
      net: before the step.
      velocity: from the step before, or from `updates.at_rest`.
      gradient: uphill.
      optimiser: in the place of the momentum, or None.
    """
    gradient = updates.with_decay(gradient, net, hyper.decay)
    uphill, velocity = updates.direction(hyper, velocity, gradient, net, optimiser)
    return updates.move(net, hyper.rate, uphill), velocity
