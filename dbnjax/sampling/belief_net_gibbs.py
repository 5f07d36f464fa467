"""Gibbs sampling of a belief net's posterior (Neal 1992).

A unit j sees its parents' prediction for it, and how its state changes what it and the other
parents together predict for its children. With f the field of the children while j is off, w the
row of weights from j and Gamma the children's cumulant,

    log p(j on | all others) / p(j off | all others)
        = b_j + f_j + w . y - [Gamma(f + w) - Gamma(f)],

y the children's states. For binary children this is sum_c log p(y_c | j on) - log p(y_c | j off).

A sweep goes through the layers from the top down and through the units of a layer in their order,
one after another, each seeing the newest states: the units of one layer are not independent given
the layers beside them. Then the visible units are drawn all at once, unless they are data. Each
update leaves the joint distribution, and with clamps the conditional one, unchanged.

Cost of a sweep: for each hidden unit one cumulant of the layer below, as many as all weights. The
hidden units must be binary; the visible units may be of any type that has an energy.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax import checks, numerics
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models.belief_net import BeliefNet, Layer, conditional
from dbnjax.sampling import gibbs
from dbnjax.sampling.gibbs import Clamp
from dbnjax.types import Array, Key, as_type, floating_type
from dbnjax.units import Bernoulli

Clamps = Sequence[Clamp | None]
"""One for each layer from the top down, the visible layer last; None for a layer that is free."""


def start(key: Key, net: BeliefNet, v: Array) -> tuple[Array, ...]:
    """Starts a chain for each case, its hidden layers drawn from the net without regard to v.

    Args:
      key: a PRNG key.
      net: a belief net.
      v: `[..., n_visible]`.

    Returns:
      States of every layer from the top down, v the last.
    """
    v = jnp.asarray(v, floating_type(net))
    checks.check_width("visible states", v, net.layers[-1].unit.size)
    key_top, key_layers = jax.random.split(key)
    top = net.prior.sample(key_top, net.prior.no_field(*v.shape[:-1]))
    return (top, *belief_net_lib.propagate(key_layers, net.layers[:-1], top, "sample"), v)


def sweep(
    key: Key, net: BeliefNet, states: Sequence[Array], clamps: Clamps | None = None
) -> tuple[Array, ...]:
    """Draws every unit once, from the top down.

    Args:
      key: a PRNG key.
      net: a belief net whose hidden units are binary.
      states: of every layer from the top down, `[..., n]` each.
      clamps: None holds the visible layer, which is data, and leaves all others free. Otherwise
        one for each layer, the visible one included.

    Returns:
      The states after the sweep.

    Raises:
      InputError: a hidden unit is not binary, or there are not as many states or clamps as layers.
    """
    held = _checked(net, states, clamps)
    given = as_type(tuple(states), floating_type(net))
    now = [gibbs.apply_clamp(clamp, x) for clamp, x in zip(held, given, strict=True)]
    units = (net.prior, *(layer.unit for layer in net.layers))
    for i, below in enumerate(net.layers):
        above = net.prior.no_field(*now[0].shape[:-1]) if i == 0 else _field(net, now, i)
        now[i] = _draw_layer(
            jax.random.fold_in(key, i), units[i], above, now[i], below, now[i + 1], held[i]
        )
    if clamps is not None:
        key_visible = jax.random.fold_in(key, len(net.layers))
        drawn = conditional(net.layers[-1], now[-2]).sample(key_visible)
        now[-1] = gibbs.apply_clamp(held[-1], drawn)
    return tuple(now)


def chain(
    key: Key,
    net: BeliefNet,
    states: Sequence[Array],
    n_sweeps: int,
    clamps: Clamps | None = None,
) -> tuple[Array, ...]:
    """Makes `n_sweeps` sweeps in one scan; sweep i draws with `fold_in(key, i)`.

    Args:
      key: a PRNG key.
      net: a belief net whose hidden units are binary.
      states: as of `sweep`, for example from `start`.
      n_sweeps: static; none returns the states.
      clamps: as of `sweep`.

    Raises:
      InputError: as `sweep`.

    Example:
      >>> from dbnjax import units
      >>> prior, pixels = units.Bernoulli.zeros(3), units.Bernoulli.zeros(4)
      >>> net = BeliefNet(prior, (Layer(pixels, jnp.ones((3, 4))),))
      >>> states = start(jax.random.key(0), net, jnp.ones((5, 4)))
      >>> [x.shape for x in chain(jax.random.key(1), net, states, 10)]
      [(5, 3), (5, 4)]
    """
    checks.check_count("n_sweeps", n_sweeps, 0)
    _checked(net, states, clamps)

    def body(now: tuple[Array, ...], i: Array) -> tuple[tuple[Array, ...], None]:
        return sweep(jax.random.fold_in(key, i), net, now, clamps), None

    begin = as_type(tuple(states), floating_type(net))
    return jax.lax.scan(body, begin, jnp.arange(n_sweeps))[0]


def _checked(net: BeliefNet, states: Sequence[Array], clamps: Clamps | None) -> Clamps:
    """Returns a clamp or None for each layer, once everything fits."""
    hidden = (net.prior, *(layer.unit for layer in net.layers[:-1]))
    belief_net_lib.check_binary("Gibbs sampling of the posterior", hidden)
    n_layers = len(net.layers) + 1
    clamps = (None,) * n_layers if clamps is None else tuple(clamps)
    for name, found in (("states", states), ("clamps", clamps)):
        checks.require(
            len(found) == n_layers,
            f"{name}: expected one for each of {n_layers} layers from the top down, got "
            f"{len(found)}",
        )
    for unit, x in zip((*hidden, net.layers[-1].unit), states, strict=True):
        checks.check_width("states", x, unit.size)
    return clamps


def _field(net: BeliefNet, states: Sequence[Array], i: int) -> Array:
    return conditional(net.layers[i - 1], states[i - 1]).field


def _draw_layer(
    key: Key, unit: Bernoulli, above: Array, x: Array, below: Layer, y: Array, held: Clamp | None
) -> Array:
    """Draws the units of one layer, one after another.

    Args:
      key: a PRNG key; unit j draws with `fold_in(key, j)`.
      unit: the layer's units.
      above: `[..., n]` their field from the parents.
      x: `[..., n]` their states.
      below: the layer that they predict.
      y: `[..., n_below]` its states.
      held: what is clamped.
    """
    children: Any = below.unit
    clamped = jnp.zeros(unit.size, bool) if held is None else held.mask

    def draw_unit(
        field: Array, given: tuple[Array, Array, Array, Array, Array]
    ) -> tuple[Array, Array]:
        j, own, state, row, is_held = given
        off = field - state[..., None] * row
        change = children.cumulant(off + row) - children.cumulant(off)
        drawn = numerics.bernoulli(
            jax.random.fold_in(key, j), jax.nn.sigmoid(own + (y * row).sum(-1) - change)
        )
        state = jnp.where(is_held, state, drawn)
        return off + state[..., None] * row, state

    first = conditional(below, x).field
    by_unit = (jnp.moveaxis(unit.bias + above, -1, 0), jnp.moveaxis(x, -1, 0))
    rows = (jnp.arange(unit.size), *by_unit, below.weights, clamped)
    _, drawn = jax.lax.scan(draw_unit, first, rows)
    return jnp.moveaxis(drawn, 0, -1)
