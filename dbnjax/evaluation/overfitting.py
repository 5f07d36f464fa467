"""How much more probable an RBM finds its training cases than held-out ones."""

import jax
import jax.numpy as jnp

from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, floating_type


def free_energy_gap(machine: RBM, trained: Array, held_out: Array) -> tuple[Array, Array]:
    """Returns the mean free energy of held-out cases less that of training cases, and an error.

    log Z cancels: it is the mean log p of training cases less that of held-out ones. A gap that
    grows while training goes on is overfitting (Hinton 2010, section 6).

    Args:
      machine: a machine.
      trained: `[n, n_visible]` states that it learns from.
      held_out: `[m, n_visible]` states that it does not.

    Returns:
      The gap in nats, and the squared error of one deterministic reconstruction of the held-out
      states, summed over units, mean over cases.

    Raises:
      InputError: a width is wrong, or the units differ from case to case.
    """
    rbm_lib.check_one_case(machine)
    held_out = jnp.asarray(held_out, floating_type(machine))
    with jax.default_matmul_precision("highest"):
        gap = rbm_lib.free_energy(machine, held_out).mean()
        gap = gap - rbm_lib.free_energy(machine, trained).mean()
        hidden = rbm_lib.hidden_given_visible(machine, held_out).mean()
        error = held_out - rbm_lib.visible_given_hidden(machine, hidden).mean()
    return gap, (error**2).sum(-1).mean()
