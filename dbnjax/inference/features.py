"""Features of images at any layer, and what a layer remembers of them."""

import jax
import jax.numpy as jnp

from dbnjax import checks, numerics
from dbnjax.inference import classify
from dbnjax.models import belief_net, stack
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.dbn import DBN
from dbnjax.types import Array, Draw, Key, floating_type


def features(key: Key, dbn: DBN, v: Array, level: int, how: Draw = "mean") -> Array:
    """Returns the states of a layer, p(h | data), never those after a Gibbs step.

    Args:
      key: a PRNG key, unused for means.
      dbn: a net.
      v: `[..., n_visible]`.
      level: 0 for the pixels themselves, 1 for the first hidden layer, up to the memory's
        hidden layer at the top. The labels of a net that has them are summed out there.
      how: "mean" for a deterministic pass of probabilities, "sample" for a stochastic one.

    Returns:
      `[..., n_level]`.

    Raises:
      InputError: the net has no such level.
    """
    below_top = len(dbn.recognition)
    checks.require(
        checks.is_whole(level) and 0 <= level <= below_top + 1,
        f"level: expected 0 (the pixels) to {below_top + 1} (the top), got "
        f"{checks.in_words(level)}",
    )
    classify.check_images(dbn, v)
    key_up, key_top = jax.random.split(key)
    v = jnp.asarray(v, floating_type(dbn))
    states = (v, *dbn_lib.up_pass(key_up, dbn, v, how))
    return states[level] if level <= below_top else top(key_top, dbn, states[-1], how)


def top(key: Key, dbn: DBN, penultimate: Array, how: Draw) -> Array:
    """Returns the top units given the penultimate ones, with the labels summed out.

    The mean is `sum_k p(label k | penultimate) E[h | penultimate, label k]`; a sample draws the
    label first.

    Args:
      key: a PRNG key, unused for means.
      dbn: a net.
      penultimate: `[..., n_penultimate]`.
      how: "mean" or "sample".
    """
    checks.check_draw("how", how)
    memory, labels = dbn.memory, stack.label_group(dbn.memory)
    if labels is None:
        return rbm_lib.hidden_given_visible(memory, penultimate).draw(key, how)[0]
    log_p = classify.log_label_probabilities(memory, penultimate)
    n_penultimate = penultimate.shape[-1]
    with jax.default_matmul_precision("highest"):
        field = penultimate @ memory.weights[:n_penultimate]
    to_labels = memory.weights[n_penultimate:]
    if how == "sample":
        key_label, key_top = jax.random.split(key)
        chosen = numerics.categorical(key_label, log_p)
        return memory.hidden.sample(key_top, field + to_labels[chosen])

    def add(total: Array, case: tuple[Array, Array]) -> tuple[Array, None]:
        row, p = case
        return total + p[..., None] * memory.hidden.mean(field + row), None

    by_label = (to_labels, jnp.moveaxis(jnp.exp(log_p), -1, 0))
    return jax.lax.scan(add, jnp.zeros_like(field), by_label)[0]


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
    key_up, key_memory, key_down = jax.random.split(key, 3)
    state = features(key_up, dbn, v, level, how)
    if level > len(dbn.recognition):
        joint, _ = rbm_lib.visible_given_hidden(dbn.memory, state).draw(key_memory, how)
        state, _ = dbn_lib.split_labels(dbn.memory, joint)
    downward = tuple(reversed(dbn.generative[:level]))
    return (state, *belief_net.propagate(key_down, downward, state, how))[-1]
