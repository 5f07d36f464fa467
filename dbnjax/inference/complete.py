"""Completing images of which a part is given."""

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.inference import generate
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.sampling import gibbs
from dbnjax.types import Array, Key


def complete_rbm(key: Key, rbm: RBM, known: gibbs.Clamp, n_steps: int) -> Array:
    """Draws the unknown units of one machine given the known ones, by exact Gibbs sampling.

    The chain leaves p(unknown | known) unchanged; it starts from unknown units drawn without a
    field and needs enough steps to forget that.

    Args:
      key: a PRNG key.
      rbm: a machine.
      known: the given units, from `gibbs.clamp`.
      n_steps: Gibbs iterations.

    Returns:
      `[..., n_visible]` states with the known values in place.
    """
    checks.check_width("known values", known.values, rbm.visible.size)
    key_visible, key_hidden, key_chain = jax.random.split(key, 3)
    free = rbm.visible.sample(key_visible, rbm.visible.no_field(*known.values.shape[:-1]))
    state = gibbs.start(key_hidden, rbm, gibbs.apply_clamp(known, free))
    return gibbs.chain(key_chain, rbm, state, n_steps, clamp_visible=known).visible


def blank(dbn: DBN, known: gibbs.Clamp) -> Array:
    """Returns the known pixels, and the others at their mean without a field, `[..., n]`."""
    visible = dbn_lib.visible_unit(dbn)
    checks.check_width("known values", known.values, visible.size)
    return gibbs.apply_clamp(known, visible.mean(visible.no_field(*known.values.shape[:-1])))


def go_round(key: Key, dbn: DBN, known: gibbs.Clamp, v: Array, n_steps: int) -> Array:
    """Makes one round of `complete_dbn` from images `[..., n_visible]`."""
    key_up, key_chain, key_look = jax.random.split(key, 3)
    group = stack_lib.label_group(dbn.memory)
    labels = None if group is None else jnp.full_like(group.bias, 1.0 / group.size)
    state = generate.start_at_images(key_up, dbn, v, labels)
    state = gibbs.chain(key_chain, dbn.memory, state, n_steps)
    return gibbs.apply_clamp(known, generate.look(key_look, dbn, state))


def complete_dbn(key: Key, dbn: DBN, known: gibbs.Clamp, n_rounds: int, n_steps: int) -> Array:
    """Fills in the unknown pixels by rounds through the net: approximate.

    A round is a stochastic up-pass, some iterations of the memory, a down-pass, and the known
    pixels put back. The up-pass infers with the recognition weights, which only approximate the
    posterior, so the rounds do not leave p(unknown | known) unchanged; for an exact chain use
    one machine and `complete_rbm`.

    Args:
      key: a PRNG key.
      dbn: a net, with labels (left free) or without.
      known: the given pixels, from `gibbs.clamp`.
      n_rounds: rounds.
      n_steps: iterations of the memory in a round.

    Returns:
      `[..., n_visible]`, the known values in place; the unknown pixels are means, for a net
      that is only a memory samples.
    """
    checks.check_count("n_rounds", n_rounds, 0)

    def body(v: Array, i: Array) -> tuple[Array, None]:
        return go_round(jax.random.fold_in(key, i), dbn, known, v, n_steps), None

    return jax.lax.scan(body, blank(dbn, known), jnp.arange(n_rounds))[0]
