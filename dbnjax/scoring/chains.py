"""Chains through a saved net, compiled in calls of bounded length and with progress."""

import jax
import numpy as np

from dbnjax.inference import complete as complete_lib
from dbnjax.inference import generate
from dbnjax.models.dbn import DBN
from dbnjax.sampling import gibbs
from dbnjax.training import metrics
from dbnjax.types import Key

BLOCK = 1000  # Gibbs iterations in one compiled call, between two signs of progress
ROUND = 10  # Gibbs iterations of the memory in a round of completion

chain = jax.jit(gibbs.chain, static_argnames="n_steps")
look = jax.jit(generate.look)
go_round = jax.jit(complete_lib.go_round, static_argnums=4)


def film(
    key: Key, net: DBN, state: gibbs.State, times: np.ndarray, clamp: gibbs.Clamp | None
) -> tuple[gibbs.State, list[np.ndarray]]:
    """Runs chains of the memory and looks at them at some times, with progress.

    `inference.generate.film` is one compiled call: it shows no progress and keeps no last state.

    Args:
      key: a PRNG key.
      net: a net.
      state: chains to go on from, as of `inference.generate.start_at_random`.
      times: `[n_times]` Gibbs iterations since the start, rising.
      clamp: units of the memory's visible layer to hold, None for free chains.

    Returns:
      The last state, and at each time the means of the images, `[n_chains, n_pixels]`.
    """
    seen = []
    waits = [blocks(int(wait)) for wait in np.diff(times, prepend=0)]
    with metrics.progress(sum(map(len, waits)), "imagine", unit="call") as advance:
        for i, wait in enumerate(waits):
            key_chain, key_look = jax.random.split(jax.random.fold_in(key, i))
            for j, n_steps in enumerate(wait):
                key_block = jax.random.fold_in(key_chain, j)
                state = chain(key_block, net.memory, state, n_steps=n_steps, clamp_visible=clamp)
                advance({"iterations": n_steps})
            seen.append(np.asarray(look(key_look, net, state)))
    return state, seen


def blocks(n_steps: int) -> list[int]:
    """Cuts a number of iterations into what single compiled calls make."""
    whole, rest = divmod(n_steps, BLOCK)
    return [BLOCK] * whole + [rest] * (rest > 0)


def complete(key: Key, net: DBN, pixels: np.ndarray, known: np.ndarray, n_steps: int) -> np.ndarray:
    """Fills in the unknown pixels, in a net of one RBM by exact Gibbs sampling.

    In a deep net by rounds of `inference.complete.go_round`, which is approximate.

    Args:
      key: a PRNG key.
      net: a net.
      pixels: `[n, n_pixels]` in [0, 1].
      known: `[n_pixels]` bool.
      n_steps: rounds through a deep net, Gibbs iterations of a single RBM.

    Returns:
      `[n, n_pixels]` with the known pixels in place.
    """
    if net.generative:
        return _complete_deep(key, net, gibbs.clamp(net.generative[0].unit, known, pixels), n_steps)
    key_visible, key_hidden, key_film = jax.random.split(key, 3)
    unknown_labels = (0, net.memory.visible.size - len(known))
    clamp = gibbs.clamp(
        net.memory.visible, np.pad(known, unknown_labels), np.pad(pixels, ((0, 0), unknown_labels))
    )
    free = generate.start_at_random(key_visible, net, len(pixels)).visible
    state = gibbs.start(key_hidden, net.memory, gibbs.apply_clamp(clamp, free))
    _, (filled,) = film(key_film, net, state, np.array([n_steps]), clamp)
    return filled


def _complete_deep(key: Key, net: DBN, known: gibbs.Clamp, n_rounds: int) -> np.ndarray:
    """Makes the rounds of `inference.complete.complete_dbn`, with progress between."""
    pixels = complete_lib.blank(net, known)
    with metrics.progress(n_rounds, "complete", unit="round") as advance:
        for i in range(n_rounds):
            pixels = go_round(jax.random.fold_in(key, i), net, known, pixels, ROUND)
            advance({"iterations": ROUND})
    return np.asarray(pixels)
