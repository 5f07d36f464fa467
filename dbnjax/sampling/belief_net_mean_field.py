"""Mean field for the posterior of a sigmoid belief net (Saul, Jaakkola and Jordan 1996).

The posterior is approximated by Q(h) = prod_j mu_j^h_j (1 - mu_j)^(1 - h_j), and

    log p(v) >= E_Q log p(v, h) + H(Q),    H the entropy, never negative.

For a unit with state y and field z, the parents' input and the bias, E log p(y | parents) is
E[y z] - E log(1 + exp z), and the second mean has no closed form. With a number xi for the unit

    E log(1 + e^z) = xi E z + E log(e^(-xi z) + e^((1 - xi) z))
                  <= xi E z + log(E e^(-xi z) + E e^((1 - xi) z)),

where E e^(t z) = e^(t b) prod_j (1 - mu_j + mu_j e^(t w_j)) is a product over the parents. So it
is a lower bound on log p(v) whatever mu and xi are. It is tightest where the right-hand side, which
is convex in xi, is smallest: the inner loop finds that by bisection of its slope in [0, 1], for all
units of a layer at once.

The outer loop goes through the layers from the top down and through a layer's units one after
another. With all else fixed, the bound is linear in mu_j but for the unit's entropy and for terms
-log(A + B mu_j), which are convex and so lie above their tangent; the maximum of what the tangent
leaves is

    mu_j = sigmoid(slope of all but the entropy),

so that no step lowers the bound, to rounding. The answer depends on where it starts: the means of a
pass from the top down unless others are given.

Cost of an iteration: for each layer some forty passes over cases times weights, in an array of that
size. For nets of some hundred units.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models.belief_net import BeliefNet, Layer, conditional
from dbnjax.types import Array, as_type, floating_type
from dbnjax.units.base import Conditional

N_BISECTIONS = 16
"""Of [0, 1]: xi is right to 1e-5, and the bound, flat there, to about the square of that."""
MARGIN = 1e-6
"""Means stay so far from 0 and 1, where their logarithms end."""


class MeanField(NamedTuple):
    """A factorial posterior for each case.

    Attributes:
      means: of the hidden layers from the top down, `[..., n]` each.
      bound: `[...]` nats, at most log p(v).
      n_iterations: int32 scalar, as many as the slowest case took.
      n_unconverged: int32 scalar, the cases in which a mean still moved by more than the tolerance.
    """

    means: tuple[Array, ...]
    bound: Array
    n_iterations: Array
    n_unconverged: Array


def fit(
    net: BeliefNet,
    v: Array,
    n_iterations: int = 200,
    tolerance: float = 1e-4,
    start: Sequence[Array] | None = None,
) -> MeanField:
    """Finds means that make the bound as large as they can where they began.

    What does not converge is counted in the answer, and is no error.

    Args:
      net: a belief net of binary units.
      v: `[..., n_visible]` states.
      n_iterations: at most, static.
      tolerance: the largest change of a mean in an iteration of a case that has converged.
      start: means of the hidden layers from the top down to begin with; None for those of a
        deterministic pass from the top.

    Raises:
      InputError: a unit is not binary, a width or a number does not fit.

    Example:
      >>> from dbnjax import units
      >>> cause, event = units.Bernoulli.zeros(1), units.Bernoulli.zeros(1)
      >>> net = BeliefNet(cause, (Layer(event, jnp.zeros((1, 1))),))
      >>> found = fit(net, jnp.ones((3, 1)))
      >>> found.means[0].shape, int(found.n_unconverged)
      ((3, 1), 0)
    """
    checks.check_count("n_iterations", n_iterations, 1)
    checks.check_within("tolerance", tolerance, 0.0)
    v = _checked(net, v)
    means = _inside(prior_means(net, v) if start is None else _as_means(net, v, start))

    def step(
        carry: tuple[tuple[Array, ...], Array, Array],
    ) -> tuple[tuple[Array, ...], Array, Array]:
        means, _, n = carry
        new = iteration(net, v, means)
        changes = [jnp.abs(a - b).max(-1) for a, b in zip(new, means, strict=True)]
        return new, jnp.stack(changes).max(0), n + 1

    def goes_on(carry: tuple[tuple[Array, ...], Array, Array]) -> Array:
        return (carry[2] < n_iterations) & (carry[1] > tolerance).any()

    first = jnp.full(v.shape[:-1], jnp.inf, v.dtype)
    means, change, n = jax.lax.while_loop(goes_on, step, (means, first, jnp.int32(0)))
    unconverged = (change > tolerance).sum().astype(jnp.int32)
    return MeanField(means, bound(net, v, means), n, unconverged)


def prior_means(net: BeliefNet, v: Array) -> tuple[Array, ...]:
    """Returns the means of a deterministic pass from the top, the same for every case of v."""
    top = net.prior.mean(net.prior.no_field(*v.shape[:-1]))
    unused = jax.random.key(0)  # a pass of means draws nothing
    return (top, *belief_net_lib.propagate(unused, net.layers[:-1], top, "mean"))


def bound(net: BeliefNet, v: Array, means: Sequence[Array]) -> Array:
    """Returns the bound on log p(v) at some means, with the best xi, in nats, `[...]`.

    Args:
      net: a belief net of binary units.
      v: `[..., n_visible]` states.
      means: of the hidden layers from the top down, `[..., n]` each.

    Raises:
      InputError: as `fit`.
    """
    v = _checked(net, v)
    means = _inside(_as_means(net, v, means))
    field = net.prior.no_field(*v.shape[:-1])
    total = Conditional(net.prior, field).log_prob(means[0])
    with jax.default_matmul_precision("highest"):
        for layer, mu, y in zip(net.layers, means, (*means[1:], v), strict=True):
            xi = _best_xi(layer, mu)
            z = conditional(layer, mu).field + layer.unit.bias
            total = total + ((y - xi) * z - jnp.logaddexp(*_log_moments(layer, mu, xi))).sum(-1)
    for mu in means:
        total = total - (mu * jnp.log(mu) + (1 - mu) * jnp.log1p(-mu)).sum(-1)
    return total


def iteration(net: BeliefNet, v: Array, means: Sequence[Array]) -> tuple[Array, ...]:
    """Finds the best xi and moves every mean once, from the top down; see the module."""
    now = [*means, v]
    with jax.default_matmul_precision("highest"):
        for i, below in enumerate(net.layers):
            if i == 0:
                own = jnp.broadcast_to(net.prior.bias, now[0].shape)
            else:
                own = conditional(net.layers[i - 1], now[i - 1]).field + net.layers[i - 1].unit.bias
            now[i] = _move_layer(own, now[i], below, now[i + 1])
    return tuple(now[:-1])


def _checked(net: BeliefNet, v: Array) -> Array:
    units = (net.prior, *(layer.unit for layer in net.layers))
    belief_net_lib.check_binary("mean field of a belief net", units)
    checks.check_type("mean field", floating_type(net))
    checks.check_width("visible states", v, units[-1].size)
    return jnp.asarray(v, floating_type(net))


def _as_means(net: BeliefNet, v: Array, means: Sequence[Array]) -> tuple[Array, ...]:
    sizes = [net.prior.size, *(layer.unit.size for layer in net.layers[:-1])]
    checks.require(
        len(means) == len(sizes),
        f"means: expected one for each of {len(sizes)} hidden layers from the top down, got "
        f"{len(means)}",
    )
    for x, n in zip(means, sizes, strict=True):
        checks.check_width("means", x, n)
    typed = as_type(tuple(means), v.dtype)
    return tuple(jnp.broadcast_to(x, (*v.shape[:-1], x.shape[-1])) for x in typed)


def _inside(means: Sequence[Array]) -> tuple[Array, ...]:
    return tuple(jnp.clip(x, MARGIN, 1 - MARGIN) for x in means)


def _log_mixture(mu: Array, t: Array) -> Array:
    """Returns log E e^(t h) = log(1 - mu + mu e^t) of a binary h."""
    return jnp.logaddexp(jnp.log1p(-mu), jnp.log(mu) + t)


def _tilts(xi: Array, row: Array) -> tuple[Array, Array]:
    return -xi * row, (1 - xi) * row


def _log_moments(layer: Layer, mu: Array, xi: Array) -> tuple[Array, Array]:
    """Returns log E e^(-xi z) and log E e^((1 - xi) z) of each unit of a layer, `[..., n_to]`."""
    bias = layer.unit.bias
    below, above = (
        _log_mixture(mu[..., None], tilt).sum(-2)
        for tilt in _tilts(xi[..., None, :], layer.weights)
    )
    return below - xi * bias, above + (1 - xi) * bias


def _best_xi(layer: Layer, mu: Array) -> Array:
    """Finds the xi of each unit that makes the bound tightest, `[..., n_to]`.

    The slope of xi E z + log(A + B) is E z less the mean of z under the tilted mixture of both
    terms; it is not positive at 0, not negative at 1, and never falls.
    """
    mean = conditional(layer, mu).field
    log_odds = (jnp.log(mu) - jnp.log1p(-mu))[..., None]

    def tilted_mean(tilt: Array) -> Array:
        return (layer.weights * jax.nn.sigmoid(log_odds + tilt)).sum(-2)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        xi = 0.5 * (low + high)
        log_a, log_b = _log_moments(layer, mu, xi)
        a, b = (tilted_mean(tilt) for tilt in _tilts(xi[..., None, :], layer.weights))
        rises = mean > a + jax.nn.sigmoid(log_b - log_a) * (b - a)
        return jnp.where(rises, low, xi), jnp.where(rises, xi, high)

    ends = jnp.zeros_like(mean), jnp.ones_like(mean)
    low, high = jax.lax.fori_loop(0, N_BISECTIONS, halve, ends)
    return 0.5 * (low + high)


def _move_layer(own: Array, mu: Array, below: Layer, y: Array) -> Array:
    """Moves the means of one layer, one unit after another.

    Args:
      own: `[..., n]` the mean field of the units, their bias inside.
      mu: `[..., n]` their means.
      below: the layer that they predict.
      y: `[..., n_below]` its means, or data.
    """
    xi = _best_xi(below, mu)

    def move(
        logs: tuple[Array, Array], given: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        own, mu, row = given
        tilts = _tilts(xi, row)
        others = [log - _log_mixture(mu[..., None], t) for log, t in zip(logs, tilts, strict=True)]
        total = jnp.logaddexp(*logs)
        slope = sum(
            jnp.exp(log + t - total) - jnp.exp(log - total)
            for log, t in zip(others, tilts, strict=True)
        )
        new = jax.nn.sigmoid(own + ((y - xi) * row - slope).sum(-1))
        (new,) = _inside([new])
        after = [
            log + _log_mixture(new[..., None], t) for log, t in zip(others, tilts, strict=True)
        ]
        return (after[0], after[1]), new

    rows = (jnp.moveaxis(own, -1, 0), jnp.moveaxis(mu, -1, 0), below.weights)
    _, moved = jax.lax.scan(move, _log_moments(below, mu, xi), rows)
    return jnp.moveaxis(moved, 0, -1)
