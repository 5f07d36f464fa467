"""Alternating Gibbs sampling in a restricted Boltzmann machine (2006 paper, figure 4).

One full step draws the visible layer given the hidden one and then the hidden layer given that.
It leaves p(v, h) unchanged. Clamped units keep their values, and the step then leaves the
conditional distribution of the others unchanged.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Draws, Key, as_type, floating_type


class State(NamedTuple):
    """A state of both layers.

    Attributes:
      visible: `[..., n_visible]`.
      hidden: `[..., n_hidden]`.
    """

    visible: Array
    hidden: Array


class Clamp(NamedTuple):
    """Units of one layer that keep their values.

    Attributes:
      mask: `[n]` bool, true where clamped.
      values: `[..., n]`; what stands where the mask is false is not used.
    """

    mask: Array
    values: Array


def clamp(unit: Any, mask: Any, values: Any) -> Clamp:
    """Makes a clamp for a layer, checked. An absent unit stays absent, whatever its value.

    Args:
      unit: the layer's units.
      mask: `[n]` bool.
      values: `[..., n]`.

    Raises:
      InputError: the widths do not fit, the mask says other than yes or no or splits a softmax
        group, or a value is not finite.
    """
    mask = checks.as_numbers("clamp mask", mask)
    unit.check_mask(mask)
    checks.require(
        bool(((mask == 0) | (mask == 1)).all()),
        "clamp mask: expected true or false, one entry a unit, got other numbers; the numbers of "
        "units become a mask by numpy.isin(numpy.arange(n), numbers)",
    )
    mask, values = mask.astype(bool), checks.as_numbers("clamped values", values)
    checks.check_width("clamped values", values, unit.size)
    checks.check_finite("clamped values", values[..., mask])
    held = unit.only_present(jnp.asarray(values, floating_type(unit)))
    return Clamp(mask=jnp.asarray(mask), values=held)


def apply_clamp(held: Clamp | None, state: Array) -> Array:
    """Puts the clamped values into a state `[..., n]`."""
    if held is None:
        return state
    checks.check_width("clamped values", held.values, state.shape[-1])
    checks.check_one_each("clamped values", held.values.shape[:-1], state.shape[:-1])
    return jnp.where(held.mask, jnp.asarray(held.values, state.dtype), state)


def step(
    key: Key,
    rbm: RBM,
    state: State,
    *,
    visible: Draws = "sample",
    clamp_visible: Clamp | None = None,
    clamp_hidden: Clamp | None = None,
) -> State:
    """Makes one full step, h to v to h'; only the hidden half of the state is read.

    Args:
      key: a PRNG key.
      rbm: a machine.
      state: both layers, any leading axes.
      visible: "sample" for Gibbs sampling proper. With "mean" the visible layer carries its
        means, as the label units do in appendix B; the chain is then an approximation. One
        choice a part for a `Concat`.
      clamp_visible: units of the visible layer to hold.
      clamp_hidden: units of the hidden layer to hold.

    Returns:
      The next state.
    """
    key_visible, key_hidden = jax.random.split(key)
    v, _ = rbm_lib.visible_given_hidden(rbm, state.hidden).draw(key_visible, visible)
    v = apply_clamp(clamp_visible, v)
    h = rbm_lib.hidden_given_visible(rbm, v).sample(key_hidden)
    return State(visible=v, hidden=apply_clamp(clamp_hidden, h))


def start(key: Key, rbm: RBM, v: Array) -> State:
    """Starts chains at visible states, with hidden states drawn given them."""
    v = jnp.asarray(v, floating_type(rbm))
    return State(visible=v, hidden=rbm_lib.hidden_given_visible(rbm, v).sample(key))


def chain(
    key: Key,
    rbm: RBM,
    state: State,
    n_steps: int,
    *,
    visible: Draws = "sample",
    clamp_visible: Clamp | None = None,
    clamp_hidden: Clamp | None = None,
    n_active: Array | None = None,
) -> State:
    """Makes `n_steps` full steps in one scan; step i draws with `fold_in(key, i)`.

    No steps return the state unchanged.

    Args:
      key: a PRNG key.
      rbm: a machine.
      state: both layers, any leading axes.
      n_steps: static.
      visible: as in `step`.
      clamp_visible: as in `step`.
      clamp_hidden: as in `step`.
      n_active: int32 scalar, how many of the steps to make where that differs between chains that
        run under one `vmap`; None for all. The state is then what `n_active` steps alone make of
        it, exactly, and the time is that of `n_steps`.
    """
    checks.check_count("n_steps", n_steps, 0)

    def body(state: State, i: Array) -> tuple[State, None]:
        following = step(
            jax.random.fold_in(key, i),
            rbm,
            state,
            visible=visible,
            clamp_visible=clamp_visible,
            clamp_hidden=clamp_hidden,
        )
        if n_active is not None:
            following = jax.tree.map(partial(jnp.where, i < n_active), following, state)
        return following, None

    state = as_type(state, floating_type(rbm))
    return jax.lax.scan(body, state, jnp.arange(n_steps))[0]
