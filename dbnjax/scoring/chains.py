"""Chains through a saved net, compiled in calls of bounded length and with progress."""

import jax
import jax.numpy as jnp
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
film_at_once = jax.jit(generate.film, static_argnames=("n_frames", "n_steps"))
unit_effects = jax.jit(generate.unit_effects, static_argnums=1)
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
    with metrics.progress(sum(map(len, waits)), "sample", unit="call") as advance:
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


def free(
    key: Key, net: DBN, n_chains: int, n_looks: int, n_steps: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Looks again and again at chains from noise in which image and label both run freely.

    Args:
      key: a PRNG key.
      net: a net.
      n_chains: chains.
      n_looks: looks at each.
      n_steps: Gibbs iterations of the memory before each look.

    Returns:
      The means of the images, `[n_chains, n_looks, n_pixels]`, and the memory's own labels at that
      time, `[n_chains, n_looks]`, None for a net without labels.
    """
    key_start, key_film = jax.random.split(key)
    state = generate.start_at_random(key_start, net, n_chains)
    seen, labels = film_at_once(key_film, net, state, n_frames=n_looks, n_steps=n_steps)
    own = None if labels is None else np.asarray(labels).argmax(-1).T
    return np.asarray(seen).swapaxes(0, 1), own


def strongest_units(
    key: Key, net: DBN, n_states: int, n_steps: int, n_units: int
) -> list[np.ndarray]:
    """Returns what single units of every hidden layer generate, the first layer's first.

    Each is turned on and off in the company of what the other units of its layer do while the
    memory runs freely (see `inference.generate.unit_effects`); of each layer those with the
    strongest generative weights.

    Args:
      key: a PRNG key.
      net: a net.
      n_states: states of the others in which units are tried.
      n_steps: Gibbs iterations of the memory from noise to these states.
      n_units: units of a layer, or all if it has fewer.

    Returns:
      Of each layer the change of the images, `[n, n_pixels]`.
    """
    key_start, key_film, key_down = jax.random.split(key, 3)
    state = generate.start_at_random(key_start, net, n_states)
    state, _ = film(key_film, net, state, np.array([n_steps]), None)
    layers = generate.hidden_states(key_down, net, state)
    downward = [layer.weights for layer in net.generative] + [net.memory.weights.T]
    found = []
    for level, (states, weights) in enumerate(zip(layers, downward, strict=True), start=1):
        strongest = jnp.argsort(-jnp.linalg.norm(weights, axis=1))[:n_units]
        found.append(np.asarray(unit_effects(net, level, states, strongest)))
    return found


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
