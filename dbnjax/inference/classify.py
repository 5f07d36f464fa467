"""Reading a class out of a deep belief net, four ways (2006 paper, section 6.2).

(a) `gibbs`: a stochastic up-pass fixes the penultimate units, the labels start at 0.1 and a few
    Gibbs iterations run with the penultimate units clamped; noisy and worst.
(b) `stochastic`: a stochastic up-pass, then the exact distribution over labels.
(c) `deterministic`: probabilities in the place of states in the up-pass, then the same; the
    read-out of every reported number.
(d) `averaged`: many stochastic up-passes, averaging probabilities or log probabilities.

Each gives scores `[..., n_labels]` whose largest names the class. The exact distribution needs
one product for all labels: the field that the penultimate units give the top ones is computed
once, and turning on label k adds row k of the labels' weights to it. Inference uses the
recognition weights, never the generative ones. Matrix products run in full float32 whatever the
platform's default.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.models import dbn as dbn_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Draw, Key, floating_type


def log_label_probabilities(memory: RBM, penultimate: Array) -> Array:
    """Returns log p(label | penultimate), exact, `[..., n_labels]`."""
    return jax.nn.log_softmax(dbn_lib.log_joint(memory, penultimate), axis=-1)


def check_images(dbn: DBN, v: Array) -> None:
    """Raises `InputError` unless v are states or means of a net's visible units, `[..., n]`."""
    visible = dbn_lib.visible_unit(dbn)
    checks.check_width("images", v, visible.size)
    if checks.is_concrete(v):
        visible.check_data("images", np.asarray(v))


def _penultimate(key: Key, dbn: DBN, v: Array, how: Draw) -> Array:
    check_images(dbn, v)
    with jax.default_matmul_precision("highest"):
        states = dbn_lib.up_pass(key, dbn, v, how)
    return states[-1] if states else jnp.asarray(v, floating_type(dbn))


def deterministic(dbn: DBN, v: Array) -> Array:
    """Read-out (c): log p(label) after a deterministic up-pass.

    Args:
      dbn: a net with labels.
      v: `[..., n_visible]`.

    Returns:
      `[..., n_labels]` log probabilities.
    """
    unused = jax.random.key(0)  # a pass of means draws nothing
    return log_label_probabilities(dbn.memory, _penultimate(unused, dbn, v, "mean"))


def stochastic(key: Key, dbn: DBN, v: Array) -> Array:
    """Read-out (b): log p(label) after one stochastic up-pass, `[..., n_labels]`."""
    return log_label_probabilities(dbn.memory, _penultimate(key, dbn, v, "sample"))


class Averages(NamedTuple):
    """Means over stochastic up-passes.

    Attributes:
      probabilities: `[..., n_labels]`.
      log_probabilities: `[..., n_labels]`, whose exponentials do not sum to one.
    """

    probabilities: Array
    log_probabilities: Array


def averaged(key: Key, dbn: DBN, v: Array, n_passes: int = 20) -> Averages:
    """Read-out (d): label probabilities, and their logarithms, averaged over up-passes.

    Args:
      key: a PRNG key; pass i draws with `fold_in(key, i)`.
      dbn: a net with labels.
      v: `[..., n_visible]`.
      n_passes: stochastic up-passes, 20 in the paper.
    """
    checks.check_count("passes of the averaged read-out", n_passes, 1)
    check_images(dbn, v)

    def add(total: Averages, i: Array) -> tuple[Averages, None]:
        log_p = stochastic(jax.random.fold_in(key, i), dbn, v)
        return Averages(total.probabilities + jnp.exp(log_p), total.log_probabilities + log_p), None

    nothing = dbn_lib.label_unit(dbn.memory).no_field(*v.shape[:-1])
    total, _ = jax.lax.scan(add, Averages(nothing, nothing), jnp.arange(n_passes))
    return jax.tree.map(lambda x: x / int(n_passes), total)


def gibbs(key: Key, dbn: DBN, v: Array, n_steps: int) -> Array:
    """Read-out (a): label probabilities summed over Gibbs iterations, labels starting at 1/K.

    In each iteration the top units are drawn given the fixed penultimate units and the labels,
    then one label is drawn given them; its probabilities are what is summed.

    Args:
      key: a PRNG key.
      dbn: a net with labels.
      v: `[..., n_visible]`.
      n_steps: iterations.

    Returns:
      `[..., n_labels]` summed probabilities.
    """
    checks.check_count("iterations of the Gibbs read-out", n_steps, 1)
    labels = dbn_lib.label_unit(dbn.memory)
    key_up, key_chain = jax.random.split(key)
    penultimate = _penultimate(key_up, dbn, v, "sample")
    n_penultimate = penultimate.shape[-1]
    with jax.default_matmul_precision("highest"):
        field = penultimate @ dbn.memory.weights[:n_penultimate]
    to_labels = dbn.memory.weights[n_penultimate:]

    def iterate(carry: tuple[Array, Array], i: Array) -> tuple[tuple[Array, Array], None]:
        label, total = carry
        key_top, key_label = jax.random.split(jax.random.fold_in(key_chain, i))
        top = dbn.memory.hidden.sample(key_top, field + label @ to_labels)
        label_field = top @ to_labels.T
        drawn = labels.sample(key_label, label_field)
        return (drawn, total + labels.mean(label_field)), None

    start = jnp.full((*v.shape[:-1], labels.size), 1.0 / labels.size, penultimate.dtype)
    with jax.default_matmul_precision("highest"):
        (_, total), _ = jax.lax.scan(iterate, (start, jnp.zeros_like(start)), jnp.arange(n_steps))
    return total


def product(log_p: Array) -> Array:
    """Joins the opinions of several nets by multiplying their probabilities (TR 2006-004).

    Args:
      log_p: `[n_nets, ..., n_classes]` log-probabilities.

    Returns:
      `[..., n_classes]` logarithms of the normalised products.
    """
    return jax.nn.log_softmax(log_p.sum(0), axis=-1)
