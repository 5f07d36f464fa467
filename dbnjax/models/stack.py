"""A stack of restricted Boltzmann machines, tied: each layer's weights serve both directions.

Greedy learning (2006 paper, section 4) builds it from the bottom. The machine at level i has the
hidden units of level i - 1 as its visible units; the top one may also have a softmax group of
labels beside them, joined by `units.Concat`.
"""

import itertools
from typing import Any

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.rbm import RBM
from dbnjax.types import pytree
from dbnjax.units import Categorical, Concat


@pytree
class Stack:
    """Machines from the bottom up.

    Attributes:
      rbms: a tuple of machines; the hidden layer of each feeds the next.
    """

    rbms: tuple[RBM, ...]

    def check(self) -> None:
        """Raises `InputError` unless there is a machine, and neighbouring layers are the same."""
        checks.require(bool(self.rbms), "stack: expected at least one machine, got none")
        for level, (lower, upper) in enumerate(itertools.pairwise(self.rbms)):
            beside_labels = level == len(self.rbms) - 2 and upper.visible.size != lower.hidden.size
            unit = feature_unit(upper) if beside_labels else upper.visible
            checks.require(
                unit.size == lower.hidden.size,
                f"stack: level {level + 1} expects {unit.size} units below it, but level {level} "
                f"has {lower.hidden.size} hidden units; the layer sizes do not fit",
            )
            checks.require(
                type(unit) is type(lower.hidden),
                f"stack: level {level + 1} expects {type(unit).__name__} units below it, but level "
                f"{level} has {type(lower.hidden).__name__} hidden units; they are the same layer",
            )


def create(rbms: tuple[RBM, ...]) -> Stack:
    """Makes a stack from machines, checked.

    Raises:
      InputError: there is no machine, or neighbouring sizes do not fit. The top machine may
        have more visible units than there are below it: the rest are labels.
    """
    checks.require(
        isinstance(rbms, list | tuple) and all(isinstance(rbm, RBM) for rbm in rbms),
        f"stack: expected a tuple of machines, got {checks.in_words(rbms)}",
    )
    stack = Stack(rbms=tuple(rbms))
    stack.check()
    return stack


def label_group(memory: RBM) -> Categorical | None:
    """Returns the label units of a top machine: one softmax group beside one other part.

    None for any other visible layer; such a machine has no labels.
    """
    parts = memory.visible.parts if isinstance(memory.visible, Concat) else ()
    if len(parts) == 2 and isinstance(parts[1], Categorical):
        return parts[1] if parts[1].size == parts[1].n_categories else None
    return None


def feature_unit(memory: RBM) -> Any:
    """Returns the visible units of a top machine without its labels."""
    return memory.visible if label_group(memory) is None else memory.visible.parts[0]


def visible_unit(stack: Stack) -> Any:
    """Returns the visible units of a stack, without the labels of one that is only a machine."""
    return stack.rbms[0].visible if len(stack.rbms) > 1 else feature_unit(stack.rbms[0])


def recognition(stack: Stack) -> tuple[Layer, ...]:
    """Returns the upward layers below the top machine: weights W, biases of the hidden units."""
    return tuple(Layer(unit=rbm.hidden, weights=rbm.weights) for rbm in stack.rbms[:-1])


def generative(stack: Stack) -> tuple[Layer, ...]:
    """Returns the downward layers below the top machine: weights W^T, visible biases."""
    return tuple(Layer(unit=rbm.visible, weights=rbm.weights.T) for rbm in stack.rbms[:-1])


def unroll(rbm: RBM, n_layers: int) -> Stack:
    """Cuts the infinite directed net of figure 3 after some layers.

    The layers alternate between the machine and its transpose, so that W serves downwards from
    every hidden layer and W^T from every visible copy. What is above the cut is summed up
    exactly by the top machine: the stack is the same distribution at every depth.

    Args:
      rbm: the machine whose weights are tied.
      n_layers: number of machines in the stack, at least 1.
    """
    checks.check_count("layers to unroll", n_layers, 1)
    alternate = (rbm, rbm_lib.transpose(rbm))
    return create(tuple(alternate[i % 2] for i in range(n_layers)))
