"""Features of images at any layer, and what a layer remembers of them."""

import jax

from dbnjax import checks
from dbnjax.models import dbn as dbn_lib
from dbnjax.models.belief_net import propagate
from dbnjax.models.dbn import DBN
from dbnjax.types import Array, Draw, Key


def features(key: Key, dbn: DBN, v: Array, level: int, how: Draw = "mean") -> Array:
    """Returns the states of a directed layer, p(h | data), never those after a Gibbs step.

    Args:
      key: a PRNG key, unused for means.
      dbn: a net.
      v: `[..., n_visible]`.
      level: 0 for the pixels themselves, 1 for the first hidden layer, up to the penultimate.
      how: "mean" for a deterministic pass of probabilities, "sample" for a stochastic one.

    Returns:
      `[..., n_level]`.

    Raises:
      InputError: the net has no such level.
    """
    top = len(dbn.recognition)
    checks.require(
        0 <= level <= top,
        f"level: expected 0 (the pixels) to {top} (the penultimate layer), got {level}",
    )
    return (v, *dbn_lib.up_pass(key, dbn, v, how))[level]


def reconstruct(key: Key, dbn: DBN, v: Array, level: int, how: Draw = "mean") -> Array:
    """Goes up to a level with the recognition weights and down again with the generative ones.

    Args:
      key: a PRNG key, unused for means.
      dbn: a net.
      v: `[..., n_visible]`.
      level: how far up, as in `features`.
      how: "mean" or "sample", for every layer of both passes.

    Returns:
      `[..., n_visible]`.
    """
    key_up, key_down = jax.random.split(key)
    state = features(key_up, dbn, v, level, how)
    downward = tuple(reversed(dbn.generative[:level]))
    return (state, *propagate(key_down, downward, state, how))[-1]
