"""What can be said about log p(v) of a belief net: exactly, or by a bound with recognition weights.

For a net with hidden layers h = (h1, ..., top), independent causes at the top,

    p(v) = sum_h p(top) ... p(h1 | h2) p(v | h1),

summed over all states of all hidden layers at once, at most 2^25. With recognition weights
(`models.helmholtz`)

    log p(v) >= sum_h Q(h | v) [log p(v, h) - log Q(h | v)],

exact in `bound` and sampled in `log_weights`; what is missing is KL(Q || p(h | v)). The lecture
prints the entropy of its bound, sum_j mu_j log mu_j + (1 - mu_j) log(1 - mu_j), with the wrong
sign; here -log Q is the entropy, and never negative.

Everything is asked of the deep belief net that a belief net is (`helmholtz.as_dbn`), whose memory
has no hidden units and an exact log Z.
"""

import jax

from dbnjax.evaluation import bounds, exact, exact_nets
from dbnjax.evaluation.exact_nets import BoundAndGap
from dbnjax.models import helmholtz
from dbnjax.models.belief_net import BeliefNet
from dbnjax.models.helmholtz import Helmholtz
from dbnjax.types import Array, Key


def log_prob(net: BeliefNet, v: Array) -> Array:
    """Returns the exact log p(v) in nats, `[...]`; minus infinity where v is no state.

    Args:
      net: a belief net.
      v: `[..., n_visible]` states.

    Raises:
      InputError: the hidden layers have more than 2^25 states together or a parameter is not
        finite, a width is wrong, or binary units of v are neither 0 nor 1.

    Example:
      >>> import jax.numpy as jnp
      >>> from dbnjax import units
      >>> machine = helmholtz.init(jax.random.key(0), [units.Bernoulli.zeros(2)] * 2, scale=0.0)
      >>> round(float(log_prob(machine.net, jnp.ones(2))), 4)  # -2 log 2
      -1.3863
    """
    return exact_nets.log_prob(helmholtz.as_dbn(helmholtz.tied(net)), v)


def posterior(net: BeliefNet, v: Array) -> tuple[tuple[Array, ...], Array]:
    """Returns the exact posterior over all states of the hidden layers.

    Args:
      net: a belief net.
      v: `[..., n_visible]` states.

    Returns:
      The states of the hidden layers from the top down, `[n_states, n]` each, and their
      probabilities `[..., n_states]`; the top units count fastest. They are NaN where v is no
      state.

    Raises:
      InputError: as `log_prob`, with at most 2^20 states.
    """
    states, probability = exact_nets.posterior(helmholtz.as_dbn(helmholtz.tied(net)), v)
    return tuple(reversed(states)), probability


def gradient(net: BeliefNet, v: Array) -> BeliefNet:
    """Returns the gradient of the mean of log p(v), shaped like the net.

    It is the delta rule (2007 review, equation 1), parent times child less prediction, averaged
    over the exact posterior of every case.

    Args:
      net: a belief net.
      v: `[..., n_visible]` states.

    Raises:
      InputError: as `log_prob`.
    """
    found: BeliefNet = jax.grad(lambda net: log_prob(net, v).mean())(net)
    return found


def bound(machine: Helmholtz, v: Array) -> BoundAndGap:
    """Returns the exact bound with the recognition distribution, and its gap to log p(v).

    Args:
      machine: a belief net with recognition weights.
      v: `[..., n_visible]` states.

    Raises:
      InputError: as `log_prob`.
    """
    return exact_nets.bound(helmholtz.as_dbn(machine), v)


def log_weights(key: Key, machine: Helmholtz, v: Array, n_samples: int) -> Array:
    """Returns log p(v, h) - log Q(h | v) of samples of the recognition pass, `[n_samples, ...]`.

    `bounds.variational` makes the bound of them with its Monte-Carlo error,
    `bounds.importance_weighted` the tighter one. The net may be of any size.

    Args:
      key: a PRNG key.
      machine: a belief net with recognition weights.
      v: `[..., n_visible]`.
      n_samples: recognition passes for each case.

    Raises:
      InputError: as `bounds.log_weights`.
    """
    dbn = helmholtz.as_dbn(machine)
    return bounds.log_weights(key, dbn, v, exact.log_z(dbn.memory), n_samples)
