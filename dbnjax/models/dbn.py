"""The deep belief net: directed layers below an undirected associative memory.

    p(v, h1, ..., pen, top, labels) = p(v | h1) p(h1 | h2) ... p(pen, labels, top)

The last factor is a restricted Boltzmann machine, the memory, whose visible layer is the
penultimate layer and, if there are labels, a softmax group beside it (2006 paper, figures 1
and 5). Recognition layers infer upwards, generative layers predict downwards; `untie` makes both
from a stack, and up-down (appendix B) then changes them separately.

Biases after untying: a hidden layer's recognition bias comes from the machine that has it as
hidden units, its generative bias from the machine that has it as visible units. The penultimate
layer has no generative layer of its own above the memory: its generative bias is the memory's
visible bias.
"""

from typing import Any

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer, propagate
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.types import Array, Draw, Key, floating_type, pytree
from dbnjax.units import Categorical


@pytree
class DBN:
    """Untied directed layers and the memory above them.

    Attributes:
      recognition: layers upwards, the first from the visible units.
      generative: `generative[i]` predicts the input of `recognition[i]` from its output.
      memory: the machine over the penultimate units and the labels, if any.
    """

    recognition: tuple[Layer, ...]
    generative: tuple[Layer, ...]
    memory: RBM

    def check(self) -> None:
        """Raises `InputError` unless the layers fit each other, upwards as well as downwards."""
        counts = len(self.recognition), len(self.generative)
        checks.require(
            counts[0] == counts[1],
            f"expected as many recognition as generative layers, got {counts[0]} and {counts[1]}",
        )
        pairs = list(zip(self.generative, self.recognition, strict=True))
        upwards = [RBM(down.unit, up.unit, up.weights) for down, up in pairs]
        downwards = [RBM(down.unit, up.unit, down.weights.T) for down, up in pairs]
        for machines in (upwards, downwards):
            for machine in machines:
                rbm_lib.check_sizes(machine)
            Stack((*machines, self.memory)).check()


def untie(stack: Stack) -> DBN:
    """Gives a stack separate recognition and generative parameters, in arrays of their own.

    Nothing that the net computes changes until the first update.
    """
    tied = DBN(
        recognition=stack_lib.recognition(stack),
        generative=stack_lib.generative(stack),
        memory=stack.rbms[-1],
    )
    return jax.tree.map(jnp.copy, tied)


def is_tied(dbn: DBN) -> bool:
    """Returns whether a net's recognition weights are its generative ones, as `untie` leaves them.

    It reads the weights: not for traced code.
    """
    layers = zip(dbn.recognition, dbn.generative, strict=True)
    return all(bool((up.weights == down.weights.T).all()) for up, down in layers)


def tie(dbn: DBN) -> Stack:
    """Makes the stack again that a net was untied from; its weights are those of recognition."""
    layers = zip(dbn.recognition, dbn.generative, strict=True)
    lower = (RBM(visible=down.unit, hidden=up.unit, weights=up.weights) for up, down in layers)
    return stack_lib.create((*lower, dbn.memory))


def visible_unit(dbn: DBN) -> Any:
    """Returns the visible units, without the labels of a net that is only a memory."""
    return dbn.generative[0].unit if dbn.generative else stack_lib.feature_unit(dbn.memory)


def label_unit(memory: RBM) -> Categorical:
    """Returns the memory's label units.

    Raises:
      InputError: the memory was trained without labels.
    """
    labels = stack_lib.label_group(memory)
    if labels is None:
        raise checks.InputError(
            "this net has no label units: it was trained without labels, so it has features to "
            "offer but no read-out of a class"
        )
    return labels


def join_labels(penultimate: Array, labels: Array | None) -> Array:
    """Puts label states beside penultimate states, `[..., n_penultimate + n_labels]`.

    Args:
      penultimate: `[..., n_penultimate]`.
      labels: `[..., n_labels]` one-of-K states or probabilities, zeros where a label is missing;
        their leading axes broadcast. None for no labels.

    Raises:
      InputError: the labels are none of these where they can be looked at, or there are not as
        many of them as penultimate states.
    """
    if labels is None:
        return penultimate
    checks.check_array("penultimate states", penultimate)
    checks.check_label_states("labels", labels, None, means=True, missing=True)
    checks.check_one_each("labels", labels.shape[:-1], penultimate.shape[:-1])
    labels = jnp.broadcast_to(labels, (*penultimate.shape[:-1], labels.shape[-1]))
    labels = jnp.asarray(labels, penultimate.dtype)
    return jnp.concatenate([penultimate, labels], axis=-1)


def check_labels(memory: RBM, labels: Array | None) -> None:
    """Raises `InputError` unless labels are what goes beside the penultimate units of a memory.

    Args:
      memory: with label units or without.
      labels: `[..., n_labels]` one-of-K states or probabilities; None for a memory without.
    """
    group = stack_lib.label_group(memory)
    if labels is not None:
        checks.check_label_states("labels", labels, label_unit(memory).size, means=True)
    else:
        checks.require(
            group is None,
            "labels: expected one-of-K states beside the images of a net with label units, got "
            "none; where they are not known a net may start with 1 / n_labels each",
        )


def split_labels(memory: RBM, visible: Array) -> tuple[Array, Array | None]:
    """Cuts a state of the memory's visible layer into penultimate units and labels."""
    if stack_lib.label_group(memory) is None:
        return visible, None
    penultimate, labels = memory.visible.split(visible)
    return penultimate, labels


def log_joint(memory: RBM, penultimate: Array) -> Array:
    """Returns minus the free energy of the penultimate state with each label turned on.

    The labels are taken one at a time, so that memory stays at cases times top units.

    Args:
      memory: a machine whose visible layer is penultimate units and one softmax group.
      penultimate: `[..., n_penultimate]`, states or probabilities.

    Returns:
      `[..., n_labels]` log p(penultimate, label) + log Z, in nats.

    Raises:
      InputError: the memory has no label units.
    """
    labels = label_unit(memory)
    features = stack_lib.feature_unit(memory)
    penultimate = jnp.asarray(penultimate, floating_type(memory))
    with jax.default_matmul_precision("highest"):
        field = penultimate @ memory.weights[: features.size]

    def turn_on(_: None, row: Array) -> tuple[None, Array]:
        return None, memory.hidden.cumulant(field + row)

    _, cumulants = jax.lax.scan(turn_on, None, memory.weights[features.size :])
    return jnp.moveaxis(cumulants, 0, -1) + labels.bias - features.energy(penultimate)[..., None]


def log_unnormalised(memory: RBM, penultimate: Array, labels: Array | None) -> Array:
    """Returns log p(penultimate, labels) + log Z in nats, `[...]`.

    Args:
      memory: a net's top machine.
      penultimate: `[..., n_penultimate]`.
      labels: `[..., n_labels]` one-of-K; without them those of a memory that has any are summed
        out.
    """
    if labels is not None or stack_lib.label_group(memory) is None:
        return -rbm_lib.free_energy(memory, join_labels(penultimate, labels))
    return jax.nn.logsumexp(log_joint(memory, penultimate), axis=-1)


def up_pass(key: Key, dbn: DBN, v: Array, how: Draw) -> tuple[Array, ...]:
    """Infers every directed layer from the visible units with the recognition weights.

    Args:
      key: a PRNG key, unused for means.
      dbn: a net.
      v: `[..., n_visible]`.
      how: "sample" for the stochastic pass of learning, "mean" for the deterministic read-out.

    Returns:
      The states of the hidden layers from the bottom up; the last is the penultimate layer.
      Empty for a net that is only a memory.
    """
    return propagate(key, dbn.recognition, v, how)


def down_pass(key: Key, dbn: DBN, penultimate: Array) -> tuple[Array, ...]:
    """Generates every lower layer from a penultimate state with the generative weights.

    Hidden layers are sampled; the visible layer stays a mean (appendix B: `sleepvisprobs`).

    Args:
      key: a PRNG key.
      dbn: a net.
      penultimate: `[..., n_penultimate]`.

    Returns:
      The states from the top down, starting with the penultimate state itself and ending with
      the visible means.
    """
    downward = tuple(reversed(dbn.generative))
    if not downward:
        return (penultimate,)
    hidden = propagate(key, downward[:-1], penultimate, "sample")
    above = hidden[-1] if hidden else penultimate
    (visible,) = propagate(key, downward[-1:], above, "mean")
    return (penultimate, *hidden, visible)
