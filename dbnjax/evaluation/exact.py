"""Exact answers by enumerating binary units.

Only for small nets: the cost doubles with each unit that is enumerated.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import BeliefNet
from dbnjax.models.rbm import RBM
from dbnjax.types import Array
from dbnjax.units import Bernoulli

MAX_UNITS = 20


def binary_states(n: int) -> Array:
    """Returns all states of n binary units, `[2^n, n]`, counting with the last unit fastest.

    Raises:
      InputError: there are more than MAX_UNITS units.
    """
    checks.require(
        0 < n <= MAX_UNITS,
        f"enumeration: expected 1 to {MAX_UNITS} binary units, got {n} (2^{n} states); "
        "sample instead",
    )
    shifts = np.arange(n - 1, -1, -1)
    return jnp.asarray((np.arange(2**n)[:, None] >> shifts) & 1, jnp.float32)


def _check_binary(unit: Any) -> None:
    checks.require(
        isinstance(unit, Bernoulli),
        f"enumeration: expected binary units, got {type(unit).__name__}",
    )


def log_z(rbm: RBM) -> Array:
    """Returns log Z in nats, summed over the binary hidden units with the visible ones summed out.

    Args:
      rbm: a machine with at most MAX_UNITS binary hidden units; any visible units.
    """
    _check_binary(rbm.hidden)
    with jax.default_matmul_precision("highest"):
        return jax.nn.logsumexp(-rbm_lib.hidden_free_energy(rbm, binary_states(rbm.hidden.size)))


def log_prob(rbm: RBM, v: Array) -> Array:
    """Returns log p(v) in nats, `[...]`, with `log_z`'s conditions."""
    with jax.default_matmul_precision("highest"):
        return -rbm_lib.free_energy(rbm, v) - log_z(rbm)


def posterior_over_causes(net: BeliefNet, evidence: Array) -> tuple[Array, Array]:
    """Returns the exact posterior over the top units of a net with one layer below them.

    Args:
      net: independent binary causes and one layer that they explain.
      evidence: `[n]` state of that layer.

    Returns:
      All states of the causes `[2^k, k]` and their posterior probabilities `[2^k]`.
    """
    checks.require(
        len(net.layers) == 1,
        f"posterior over causes: expected one layer below the causes, got {len(net.layers)}",
    )
    _check_binary(net.prior)
    causes = binary_states(net.prior.size)
    observed = jnp.broadcast_to(evidence, (causes.shape[0], evidence.shape[-1]))
    with jax.default_matmul_precision("highest"):
        return causes, jax.nn.softmax(belief_net_lib.log_joint(net, (causes, observed)))
