"""What can be said about log p(v) without summing over everything.

A deep belief net. For a sample h of the recognition pass q(h | v), with log Z of the memory given,

    log w = log p(v | h1) + log p(h1 | h2) + ... + log p*(pen) - log Z - log q(h | v)

has E[w] = p(v). Its mean is the variational bound of equation 4.2 of the 2006 paper: a lower bound
on log p(v), unbiased for the bound itself, short of log p(v) by KL(q || posterior). The logarithm
of the mean of K weights is the importance-weighted estimate (Burda, Grosse and Salakhutdinov
2016): on average a lower bound too, and tighter with every sample. Both are wrong by the error of
log Z, with the opposite sign: a log Z that is too small makes them no bounds.

A machine. The pseudo-log-likelihood is the sum over units of log p(v_i | all others); it needs no
log Z and is no bound on log p(v), though it is often printed as if it were.

v is `[..., n_visible]`. Nothing here thresholds or samples pixels: for binary states the numbers
are about log p of these states. Probabilities in their place give the cross-entropy
sum v log p + (1 - v) log(1 - p) where log p(v | h1) stood, a number of its own kind.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks, numerics
from dbnjax.evaluation.importance import LogMean, log_mean
from dbnjax.evaluation.validation import (
    check_labels,
    check_parameters,
    check_states,
    dbn_support,
    log_support,
)
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, as_type, floating_type
from dbnjax.units import Bernoulli


def log_weights(
    key: Key, dbn: DBN, v: Array, log_z: Any, n_samples: int, labels: Array | None = None
) -> Array:
    """Returns log w of samples of the recognition pass, the material of both bounds.

    Args:
      key: a PRNG key; sample i draws with `fold_in(key, i)`.
      dbn: a net, with labels or without.
      v: `[..., n_visible]`.
      log_z: scalar, log Z of the memory, exact or an estimate.
      n_samples: recognition passes for each case.
      labels: `[..., n_labels]` one-of-K states, for log p(v, label); without them the labels of
        a net that has any are summed out, for log p(v). A row of zeros, for a label that is
        missing, is no state.

    Returns:
      `[n_samples, ...]` in nats, minus infinity where v or the labels are no state.

    Raises:
      InputError: widths do not fit, there is no sample, a parameter or log Z is not finite, or
        labels are given for a net without any.
    """
    checks.check_count("samples", n_samples, 1)
    check_parameters(dbn)
    if checks.is_concrete(log_z):
        checks.check_finite("log Z", log_z)
    check_labels(dbn, v, labels)
    support = dbn_support(dbn, v, labels)
    v, log_z = as_type((v, log_z), floating_type(dbn))

    def one(i: Array) -> Array:
        with jax.default_matmul_precision("highest"):
            return _log_ratio(jax.random.fold_in(key, i), dbn, v, labels) - log_z + support

    return jax.lax.map(one, jnp.arange(n_samples))


class Bound(NamedTuple):
    """A bound on log p for each case.

    Attributes:
      value: `[...]` in nats.
      standard_error: `[...]` in nats, of the Monte-Carlo mean.
    """

    value: Array
    standard_error: Array


def variational(log_weights: Array) -> Bound:
    """Averages the log weights `[n_samples, ...]`: equation 4.2, with its Monte-Carlo error."""
    n = log_weights.shape[0]
    checks.check_count("samples for a bound with an error", n, 2)
    return Bound(log_weights.mean(0), log_weights.std(0, ddof=1) / n**0.5)


def importance_weighted(log_weights: Array) -> LogMean:
    """Averages the weights of `[n_samples, ...]` log weights: the tighter bound, case by case."""
    return log_mean(log_weights)


def pseudo_log_likelihood(rbm: RBM, v: Array) -> Array:
    """Returns sum_i log p(v_i | all other v), exact over all units.

    Turning over unit i adds (1 - 2 v_i) times row i of the weights to the hidden units' field, so
    that one matrix product serves all units, which are taken one at a time.

    Args:
      rbm: a machine with binary visible units.
      v: `[..., n_visible]` zeros and ones.

    Returns:
      `[...]` in nats.

    Raises:
      InputError: the visible units or their states are not binary, or a parameter is not finite.
    """
    checks.require(
        isinstance(rbm.visible, Bernoulli),
        f"pseudo-likelihood: expected binary visible units, got {type(rbm.visible).__name__}",
    )
    check_parameters(rbm)
    check_states(rbm.visible, v)
    v = jnp.asarray(v, floating_type(rbm))
    with jax.default_matmul_precision("highest"):
        field = rbm_lib.hidden_given_visible(rbm, v).field
    here = rbm.hidden.cumulant(field)

    def add(total: Array, unit: tuple[Array, Array, Array]) -> tuple[Array, None]:
        row, bias, state = unit
        sign = 1.0 - 2.0 * state
        turned = rbm.hidden.cumulant(field + sign[..., None] * row)
        return total - numerics.softplus(sign * bias + turned - here), None

    units = (rbm.weights, rbm.visible.bias, jnp.moveaxis(v, -1, 0))
    total = jax.lax.scan(add, jnp.zeros_like(here), units)[0]
    return total + log_support(rbm.visible, v)


def _log_ratio(key: Key, dbn: DBN, v: Array, labels: Array | None) -> Array:
    """One sample of log p*(v, h[, label]) - log q(h | v), `[...]`."""
    below, total = v, jnp.zeros(v.shape[:-1], v.dtype)
    for i, (up, down) in enumerate(zip(dbn.recognition, dbn.generative, strict=True)):
        q = belief_net_lib.conditional(up, below)
        h = q.sample(jax.random.fold_in(key, i))
        p = belief_net_lib.conditional(down, h)
        total = total + p.log_prob(below) - q.log_prob(h)
        below = h
    return total + dbn_lib.log_unnormalised(dbn.memory, below, labels)
