"""Samples from a deep belief net (2006 paper, section 7).

The associative memory runs by alternating Gibbs sampling, with the label clamped or free; a
single down-pass through the generative layers gives the image that belongs to it.
"""

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import propagate
from dbnjax.models.dbn import DBN
from dbnjax.sampling import gibbs
from dbnjax.types import Array, Key, floating_type


def label_clamp(dbn: DBN, labels: Array) -> gibbs.Clamp:
    """Makes a clamp that holds the labels and leaves the penultimate units free.

    Args:
      dbn: a net with labels.
      labels: `[..., n_labels]` one-of-K states.

    Raises:
      InputError: the net has no label units, or these are no states of them.
    """
    n_labels = dbn_lib.label_unit(dbn.memory).size
    checks.check_label_states("labels", labels, n_labels)
    free = dbn.memory.visible.size - n_labels
    mask = jnp.arange(dbn.memory.visible.size) >= free
    labels = jnp.asarray(labels, floating_type(dbn.memory))
    nothing = jnp.zeros((*labels.shape[:-1], free), labels.dtype)
    values = jnp.concatenate([nothing, labels], axis=-1)
    return gibbs.Clamp(mask=mask, values=values)


def start_at_random(key: Key, dbn: DBN, n_chains: int) -> gibbs.State:
    """Starts chains of the memory at states drawn without any field."""
    checks.check_count("n_chains", n_chains, 1)
    key_visible, key_hidden = jax.random.split(key)
    visible = dbn.memory.visible
    v = visible.sample(key_visible, visible.no_field(n_chains))
    return gibbs.start(key_hidden, dbn.memory, v)


def start_at_images(key: Key, dbn: DBN, v: Array, labels: Array | None) -> gibbs.State:
    """Starts chains of the memory by a stochastic up-pass from images.

    Args:
      key: a PRNG key.
      dbn: a net.
      v: `[n_chains, n_visible]`; random binary images for figure 9.
      labels: `[n_chains, n_labels]`; None for a net without labels. To start without knowing
        them give each label 1 / n_labels, as in section 6.2.

    Raises:
      InputError: the labels are neither states nor probabilities, or the net has labels and there
        are none here, or the other way about.
    """
    dbn_lib.check_labels(dbn.memory, labels)
    key_up, key_top = jax.random.split(key)
    states = dbn_lib.up_pass(key_up, dbn, v, "sample")
    penultimate = states[-1] if states else jnp.asarray(v, floating_type(dbn))
    return gibbs.start(key_top, dbn.memory, dbn_lib.join_labels(penultimate, labels))


def look(key: Key, dbn: DBN, state: gibbs.State) -> Array:
    """Shows a state of the memory by a single down-pass: means `[..., n_visible]`."""
    penultimate, _ = dbn_lib.split_labels(dbn.memory, state.visible)
    return dbn_lib.down_pass(key, dbn, penultimate)[-1]


def film(
    key: Key,
    dbn: DBN,
    state: gibbs.State,
    n_frames: int,
    n_steps: int,
    labels: Array | None = None,
) -> tuple[Array, Array | None]:
    """Runs the memory and looks at it at regular times.

    Args:
      key: a PRNG key.
      dbn: a net.
      state: chains to go on from; see `start_at_random` and `start_at_images`.
      n_frames: number of looks.
      n_steps: Gibbs iterations before each look: 1,000 in figure 8, 20 in figure 9.
      labels: `[n_chains, n_labels]` to clamp, or None to let image and label run freely.

    Returns:
      Images `[n_frames, n_chains, n_visible]` and the label states at each look
      `[n_frames, n_chains, n_labels]`, None for a net without labels.

    Raises:
      InputError: a number of looks is below 1, or as `label_clamp`.
    """
    checks.check_count("n_frames", n_frames, 1)
    clamp = None if labels is None else label_clamp(dbn, labels)

    def advance(state: gibbs.State, i: Array) -> tuple[gibbs.State, tuple[Array, Array | None]]:
        key_chain, key_look = jax.random.split(jax.random.fold_in(key, i))
        state = gibbs.chain(key_chain, dbn.memory, state, n_steps, clamp_visible=clamp)
        _, seen = dbn_lib.split_labels(dbn.memory, state.visible)
        return state, (look(key_look, dbn, state), seen)

    return jax.lax.scan(advance, state, jnp.arange(n_frames))[1]


def hidden_states(key: Key, dbn: DBN, state: gibbs.State) -> tuple[Array, ...]:
    """Draws the states of every hidden layer in a down-pass from a state of the memory.

    Args:
      key: a PRNG key.
      dbn: a net.
      state: chains of the memory.

    Returns:
      The states of the hidden layers from the bottom up, `[n_chains, n_level]` each; the last
      two, penultimate and top, are those of the chains.
    """
    penultimate, _ = dbn_lib.split_labels(dbn.memory, state.visible)
    below = dbn_lib.down_pass(key, dbn, penultimate)[:-1]
    return (*reversed(below), state.hidden)


def unit_effects(dbn: DBN, level: int, states: Array, units: Array) -> Array:
    """Returns how the image changes when one hidden unit is turned on in given company.

    Two deterministic down-passes through the generative weights, with the unit on and with it
    off, differ by its effect; the mean over the states is returned. What a unit does depends on
    the states of the others (Hinton 2007, closing questions): with all of them off, the units of
    a layer give nearly one image, that of the biases, which the net never samples.

    Args:
      dbn: a net.
      level: 1 for the first hidden layer, up to the memory's hidden layer at the top.
      states: `[n_states, n_level]` of that layer, as `hidden_states` draws them.
      units: `[n]` int, which units.

    Returns:
      `[n, n_visible]` differences of pixel probabilities, in [-1, 1] for binary pixels.

    Raises:
      InputError: the net has no such hidden layer.
    """
    top = len(dbn.generative) + 1
    checks.require(
        checks.is_whole(level) and 1 <= level <= top,
        f"level: expected 1 (the first) to {top}, got {checks.in_words(level)}",
    )
    checks.check_array("states", states)
    checks.check_within("units", units, 0, states.shape[-1] - 1)
    states = jnp.asarray(states)

    def image_of(state: Array) -> Array:
        if level == top:
            visible = rbm_lib.visible_given_hidden(dbn.memory, state).mean()
            state, _ = dbn_lib.split_labels(dbn.memory, visible)
        downward = tuple(reversed(dbn.generative[:level]))
        unused = jax.random.key(0)  # a pass of means draws nothing
        return (state, *propagate(unused, downward, state, "mean"))[-1]

    def effect(unit: Array) -> Array:
        on, off = (image_of(states.at[:, unit].set(value)) for value in (1.0, 0.0))
        return (on - off).mean(0)

    return jax.lax.map(effect, units)
