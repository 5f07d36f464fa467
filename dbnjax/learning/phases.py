"""The two phases of learning, and the gradients that their statistics give.

For a restricted Boltzmann machine the gradient of the log-likelihood is a difference between
two phases (2006 paper, eq. 3.1), for weights and for the units' own parameters:

    dlog p(v0)/dW = <v h>_data - <v h>_model,    dlog p/dtheta = <-dE/dtheta>_data - <...>_model

For a directed layer it is the delta rule (eq. 2.2). Gradients are means over cases and point
uphill; what is sampled and what is averaged is a `Choices`.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import Layer, conditional
from dbnjax.models.rbm import RBM
from dbnjax.sampling import gibbs
from dbnjax.types import Array, Draw, Draws, Key, PyTree
from dbnjax.units.base import Conditional


@dataclasses.dataclass(frozen=True)
class Choices:
    """What is sampled and what is averaged when a machine learns: static, explicit.

    The hidden states that drive a chain are always sampled. `docs/sampling.md` answers the
    question for every place.

    Attributes:
      positive: hidden statistics with the data clamped. "mean" is the same gradient in
        expectation with less noise.
      visible: visible states of the chain. "mean" is the 2006 paper's real-valued
        reconstruction; "sample" is Gibbs sampling proper, which persistent chains need. One
        choice a part for a `Concat`.
      negative: hidden statistics at the end of the chain.
    """

    positive: Draw = "mean"
    visible: Draws = "mean"
    negative: Draw = "mean"


def _visible_parts(choices: Choices) -> tuple[Draw, ...]:
    return choices.visible if isinstance(choices.visible, tuple) else (choices.visible,)


def check_choices(choices: Choices) -> None:
    """Raises `InputError` unless every choice is "sample" or "mean"."""
    checks.check_draw("choices.positive", choices.positive)
    checks.check_draw("choices.negative", choices.negative)
    for part in _visible_parts(choices):
        checks.check_draw("choices.visible", part)


def check_persistent_choices(choices: Choices) -> None:
    """Raises `InputError` unless persistent chains may run under these choices."""
    check_choices(choices)
    checks.require(
        set(_visible_parts(choices)) == {"sample"},
        f"persistent chains: expected choices.visible='sample', got {choices.visible!r}; a chain "
        "that carries means does not stay in the model's distribution",
    )


def check_cases(
    states: Array, n_visible: int, look: Callable[[str, np.ndarray], None] = checks.check_finite
) -> None:
    """Checks what a learner is given to learn from, before anything is made of it.

    Shapes are checked always, which costs a compiled step nothing. Values can be looked at only in
    a step that is not compiled; the look costs a hundredth of such a step on a CPU, and there a
    newcomer's first batch goes.

    Args:
      states: `[..., n_visible]`.
      n_visible: the model's visible units.
      look: `look(name, values)`, which refuses values; `Unit.check_data` where the units are known.

    Raises:
      InputError: there is no case, the width is wrong, or a value is none of the units' states nor
        a mean of them: pixels from 0 to 255 or -1 for binary units, NaN.
    """
    checks.check_width("visible states", states, n_visible)
    checks.require(
        math.prod(states.shape) > 0,
        f"visible states: expected one case or more to learn from, got shape {states.shape}",
    )
    if checks.is_concrete(states):
        look("visible states", np.asarray(states))


def as_cases(unit: Any, states: Array) -> Array:
    """Joins all leading axes of `[..., n]` into one, `[n_cases, n]`: updates are means over it.

    Raises:
      InputError: as `check_cases`.
    """
    check_cases(states, unit.size, unit.check_data)
    return states.reshape(-1, states.shape[-1])


def check_labels(visible: Array, labels: Array, n_labels: int) -> None:
    """Checks that a batch has a label for each of its cases, as a one-of-K state.

    Args:
      visible: `[..., n_visible]`.
      labels: `[..., n_labels]` states, or probabilities.
      n_labels: that the model has.

    Raises:
      InputError: they are no states of so many labels, or not one for each case.
    """
    checks.check_label_states("labels", labels, n_labels, means=True)
    checks.require(
        labels.shape[:-1] == visible.shape[:-1],
        f"labels: expected one for each case, {(*visible.shape[:-1], n_labels)}, got shape "
        f"{labels.shape}; class numbers become states by jax.nn.one_hot(labels, {n_labels})",
    )


class Phase(NamedTuple):
    """States and statistics of both layers, one row a case.

    Attributes:
      visible: `[n_cases, n_visible]`.
      hidden: `[n_cases, n_hidden]`, what multiplies the visible states in the statistics.
      visible_statistics: -dE/dparams of the visible units for each case.
      hidden_statistics: the same of the hidden units.
      hidden_state: `[n_cases, n_hidden]` sampled states, to go on from.
    """

    visible: Array
    hidden: Array
    visible_statistics: Any
    hidden_statistics: Any
    hidden_state: Array


class Offsets(NamedTuple):
    """Centring offsets: moving averages of both layers' states (`[n_visible]`, `[n_hidden]`)."""

    visible: Array
    hidden: Array


def _hidden(key: Key, given: Conditional, how: Draw) -> tuple[Array, Any, Array]:
    """Returns the states and statistics that are asked for, and sampled states, from one draw."""
    state, statistics = given.draw(key, "sample")
    if how == "sample":
        return state, statistics, state
    return given.mean(), given.expected_statistics(), state


def positive_phase(key: Key, rbm: RBM, v: Array, choices: Choices) -> Phase:
    """Measures the statistics with the data clamped (eq. 3.1, first term)."""
    given = rbm_lib.hidden_given_visible(rbm, v)
    hidden, statistics, state = _hidden(key, given, choices.positive)
    return Phase(v, hidden, rbm.visible.statistics(v), statistics, state)


def negative_phase(
    key: Key,
    rbm: RBM,
    hidden: Array,
    n_steps: int,
    choices: Choices,
    n_active: Array | None = None,
) -> Phase:
    """Runs `n_steps` full Gibbs steps from hidden states and measures at the end.

    The last hidden units are conditioned on the last visible ones, p(h_k | v_k).

    Args:
      key: a PRNG key.
      rbm: the machine whose chain is run.
      hidden: `[n_cases, n_hidden]` states to start from.
      n_steps: at least 1, static.
      choices: what is sampled and what is averaged.
      n_active: int32 scalar from 1 to `n_steps`, how many of the steps to make where members of an
        ensemble differ in that; None for all. The draws are those of so many steps alone.
    """
    checks.check_count("n_steps", n_steps, 1)
    key_chain, key_visible, key_hidden = jax.random.split(key, 3)
    if n_steps > 1:
        # Only the hidden half of a state is read by a step; the visible half gives the shape.
        begin = gibbs.State(rbm.visible.no_field(*hidden.shape[:-1]), hidden)
        before_last = None if n_active is None else n_active - 1
        walk = gibbs.chain(
            key_chain, rbm, begin, n_steps - 1, visible=choices.visible, n_active=before_last
        )
        hidden = walk.hidden
    v, v_statistics = rbm_lib.visible_given_hidden(rbm, hidden).draw(key_visible, choices.visible)
    given = rbm_lib.hidden_given_visible(rbm, v)
    last, h_statistics, state = _hidden(key_hidden, given, choices.negative)
    return Phase(v, last, v_statistics, h_statistics, state)


def _mean_difference(positive: PyTree, negative: PyTree) -> PyTree:
    return jax.tree.map(lambda p, n: p.mean(0) - n.mean(0), positive, negative)


def rbm_gradient(positive: Phase, negative: Phase, offsets: Offsets | None) -> RBM:
    """Returns the difference of the two phases' mean statistics (eq. 3.1).

    With centring, states are taken from their offsets first, and `updates.ascend` moves the units
    so that the step is that of the machine whose energy has v - mu and h - lambda in its coupling:
    exactly for units with an energy linear in their parameters (binary, softmax, Poisson). A
    learned variance makes the step that it makes without centring.

    Args:
      positive: statistics with the data clamped; its number of cases may differ from that of
        the other phase.
      negative: statistics at the end of the chains.
      offsets: centring offsets or None.

    Returns:
      The gradient, shaped like the machine.
    """

    def coupled(phase: Phase) -> Array:
        """The mean of v h; two products cost less than joining the states to make one of them."""
        v, h = phase.visible, phase.hidden
        if offsets is not None:
            v, h = v - offsets.visible, h - offsets.hidden
        return (v.T @ h) / v.shape[0]

    return RBM(
        visible=_mean_difference(positive.visible_statistics, negative.visible_statistics),
        hidden=_mean_difference(positive.hidden_statistics, negative.hidden_statistics),
        weights=coupled(positive) - coupled(negative),
    )


def layer_gradient(layer: Layer, x: Array, y: Array) -> Layer:
    """Returns the gradient of the mean of log p(y | x) (eq. 2.2, the delta rule).

    Args:
      layer: directed connections.
      x: `[n_cases, n_from]` states of the layer that predicts.
      y: `[n_cases, n_to]` states (or means) of the layer that is predicted.
    """
    given = conditional(layer, x)
    return Layer(
        unit=_mean_difference(layer.unit.statistics(y), given.expected_statistics()),
        weights=x.T @ ((y - given.mean()) / x.shape[0]),
    )
