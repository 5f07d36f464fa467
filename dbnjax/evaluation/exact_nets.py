"""Exact answers about whole nets that are small enough, by a sum over all hidden states at once.

For a deep belief net with the directed layers h = (h1, ..., pen) below its memory

    p(v) = sum_h p(v | h1) p(h1 | h2) ... p(pen),

with the memory's other layer, and its labels unless they are given, summed out. The bound is
equation 4.2 of the 2006 paper over all directed layers, its Q the law of the stochastic up-pass:

    log p(v) >= sum_h Q(h | v) [log p(v, h) - log Q(h | v)],

and what is missing is the divergence KL(Q || p(h | v)).

Cost: the product of the hidden layers' numbers of states, for each case.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.evaluation import enumeration, exact
from dbnjax.evaluation.enumeration import MAX_STATES, count_in_words
from dbnjax.evaluation.validation import (
    check_labels,
    check_parameters,
    check_states,
    dbn_support,
)
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models import dbn as dbn_lib
from dbnjax.models.dbn import DBN
from dbnjax.types import Array
from dbnjax.units import Concat


class BoundAndGap(NamedTuple):
    """A net's variational bound, and what it lacks.

    Attributes:
      bound: `[...]` nats, minus infinity where v or the labels are no state.
      gap: `[...]` nats from there to the true log-probability, KL(Q || posterior); infinite there.
    """

    bound: Array
    gap: Array


def log_prob(dbn: DBN, v: Array, labels: Array | None = None) -> Array:
    """Returns the true log p(v), or log p(v, labels) where labels are given, in nats, `[...]`.

    Args:
      dbn: a net.
      v: `[..., n_visible]` states.
      labels: `[..., n_labels]` one-of-K; leading axes broadcast against those of `v`. None sums
        them out; a row of zeros, for a label that is missing, is no state.

    Returns:
      Minus infinity where v or the labels are no state.

    Raises:
      InputError: there are too many states, a parameter is not finite, a width is wrong, or binary
        units of v are neither 0 nor 1.
    """
    hidden, log_z = _checked(dbn, v, labels), exact.log_z(dbn.memory)

    def of_case(v: Array, labels: Array | None) -> Array:
        total = enumeration.fold(hidden, lambda h: _log_joint(dbn, v, h, labels)).log_total
        return total - log_z + dbn_support(dbn, v, labels)

    return _by_case(of_case, v, labels)


def bound(dbn: DBN, v: Array, labels: Array | None = None) -> BoundAndGap:
    """Returns the exact variational bound with the recognition distribution, and its gap.

    Args:
      dbn: a net.
      v: `[..., n_visible]`.
      labels: `[..., n_labels]` one-of-K, to bound log p(v, labels).

    Raises:
      InputError: as `log_prob`.
    """
    hidden, log_z = _checked(dbn, v, labels), exact.log_z(dbn.memory)

    def of_case(v: Array, labels: Array | None) -> BoundAndGap:
        def log_joint(h: Array) -> Array:
            return _log_joint(dbn, v, h, labels) - log_z

        def log_q(h: Array) -> Array:
            return _log_recognition(dbn, v, h)

        found = enumeration.fold(hidden, log_q, lambda q, h: q @ (log_joint(h) - log_q(h))).mean
        found = found + dbn_support(dbn, v, labels)
        return BoundAndGap(found, enumeration.fold(hidden, log_joint).log_total - found)

    return _by_case(of_case, v, labels)


def posterior(dbn: DBN, v: Array, labels: Array | None = None) -> tuple[tuple[Array, ...], Array]:
    """Returns the true posterior over all states of the directed layers' hidden units.

    Args:
      dbn: a net.
      v: `[..., n_visible]`.
      labels: `[..., n_labels]` one-of-K, if they are known as well.

    Returns:
      The states of h1, ..., pen, `[n_states, n]` each, and their probabilities `[..., n_states]`.
      The penultimate units count fastest, so that the posterior over them alone is the
      probabilities as `[..., -1, n_penultimate_states]`, summed over the axis before the last.
      They are NaN where v or the labels are no state.

    Raises:
      InputError: as `log_prob`, with at most 2^20 states.
    """
    hidden = _checked(dbn, v, labels)
    h = enumeration.states(hidden)

    def of_case(v: Array, labels: Array | None) -> Array:
        return jax.nn.softmax(_log_joint(dbn, v, h, labels) + dbn_support(dbn, v, labels))

    return tuple(hidden.split(h)), _by_case(of_case, v, labels)


def _checked(dbn: DBN, v: Array, labels: Array | None) -> Concat:
    """Returns the hidden units of all directed layers as one layer, once everything fits."""
    checks.require(
        bool(dbn.recognition),
        "exact net: expected a directed layer below the memory, got a single machine; ask "
        "dbnjax.evaluation.exact about it",
    )
    check_states(dbn.generative[0].unit, v)
    check_labels(dbn, v, labels)
    check_parameters(dbn)
    hidden = _joined(dbn)
    checks.require(
        enumeration.fits(hidden),
        f"exact net: expected at most {count_in_words(MAX_STATES)} states of the directed layers' "
        f"hidden units together, got {count_in_words(hidden.n_states)}; use a bound instead "
        "(dbnjax.evaluation.bounds)",
    )
    return hidden


def _joined(dbn: DBN) -> Concat:
    return Concat(tuple(layer.unit for layer in dbn.recognition))


def _by_case(of_case: Callable[..., Any], v: Array, labels: Array | None) -> Any:
    """Applies a function of one v `[n_visible]` and its labels to every case, one after another."""
    lead = jnp.broadcast_shapes(*(x.shape[:-1] for x in jax.tree.leaves((v, labels))))

    def flat(x: Array) -> Array:
        return jnp.broadcast_to(x, (*lead, x.shape[-1])).reshape(-1, x.shape[-1])

    with jax.default_matmul_precision("highest"):
        cases = jax.tree.map(flat, (v, labels))
        answers = jax.lax.map(lambda case: of_case(*case), cases)
    return jax.tree.map(lambda x: x.reshape(*lead, *x.shape[1:]), answers)


def _log_joint(dbn: DBN, v: Array, h: Array, labels: Array | None) -> Array:
    """Returns log p(v, h) + log Z of the memory for one v and hidden states `[s, n]`, `[s]`."""
    layers = _joined(dbn).split(h)
    total = dbn_lib.log_unnormalised(dbn.memory, layers[-1], labels)
    for layer, below, above in zip(dbn.generative, (v, *layers[:-1]), layers, strict=True):
        total = total + belief_net_lib.conditional(layer, above).log_prob(below)
    return total


def _log_recognition(dbn: DBN, v: Array, h: Array) -> Array:
    """Returns log Q(h | v) of the stochastic up-pass for one v and hidden states `[s, n]`."""
    layers = _joined(dbn).split(h)
    total = jnp.zeros(len(h), h.dtype)
    for layer, below, above in zip(dbn.recognition, (v, *layers[:-1]), layers, strict=True):
        total = total + belief_net_lib.conditional(layer, below).log_prob(above)
    return total
