"""What the likelihood of a net takes: walks cut into compiled calls, log Z, scores of images.

A machine is a deep belief net without directed layers: one function
scores both. For a machine a score is log p*(v) itself, -F(v) with labels summed out; for a deep
net it is log w of a sample of the recognition pass (`dbnjax.evaluation.bounds`). log Z is
subtracted afterwards, so that several estimates of it can be.
"""

from collections.abc import Callable, Mapping

import jax
import numpy as np

from dbnjax.evaluation import (
    ais,
    annealing,
    bounds,
    exact,
    exact_nets,
    raise_bound,
    schedules,
)
from dbnjax.evaluation.importance import LogMean
from dbnjax.learning.passes import Batch
from dbnjax.models import path as path_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.path import Path
from dbnjax.models.rbm import RBM
from dbnjax.training import evaluate
from dbnjax.types import Array, Key
from dbnjax.units import Concat

Advance = Callable[[Mapping[str, float]], None]

CALL = 500  # temperatures in one compiled call, between two signs of progress
EXACT_COST = 2**25 * 1000  # unit-state evaluations: about a minute on two cores
MOMENTS_FROM = 10_000  # training cases behind the base rates

_start_forward = jax.jit(ais.start, static_argnums=2)
_start_raise = jax.jit(raise_bound.start, static_argnums=3)
_anneal = jax.jit(annealing.anneal, donate_argnums=3)
_log_weights = jax.jit(bounds.log_weights, static_argnums=4)
_exact_scores = jax.jit(exact_nets.log_prob)
_pseudo = jax.jit(bounds.pseudo_log_likelihood)
importance_weighted = jax.jit(bounds.importance_weighted)


def silent(numbers: Mapping[str, float]) -> None:
    """Shows no progress."""


def n_calls(n: int, call: int) -> int:
    """Returns how many calls of some length it takes to make n steps."""
    return -(-n // call)


def base_path(net: DBN, v: Array, labels: Array | None) -> Path:
    """Returns the path from the data's base rates to a net's top machine.

    Args:
      net: a net.
      v: `[n, n_pixels]` training cases, `MOMENTS_FROM` are enough.
      labels: `[n, n_labels]` of a net with labels.
    """
    below = evaluate.memory_states(net, Batch(v, labels))
    return path_lib.from_base_rates(net.memory, below.mean(0), below.var(0))


def is_small(rbm: RBM) -> bool:
    """Returns whether log Z of a machine can be had exactly, in about a minute at most."""
    cost = exact.cost(rbm)
    return cost is not None and cost <= EXACT_COST


def exact_log_z(rbm: RBM) -> float | None:
    """Returns log Z of a machine that is small enough to be summed over, or None.

    Not under jit, where nobody would look whether a machine can be summed at all.
    """
    return float(exact.log_z(rbm)) if is_small(rbm) else None


def walk(
    key: Key, path: Path, betas: Array, state: annealing.State, advance: Advance = silent
) -> annealing.State:
    """Carries chains through temperatures in several calls; takes the state over."""
    for i in range(0, len(betas), CALL):
        state = _anneal(key, path, betas[i : i + CALL], state)
        advance({"beta": float(state.beta)})
    return state


def forward(
    key: Key, path: Path, n_chains: int, betas: Array, advance: Advance = silent
) -> ais.Estimate:
    """Estimates log Z from below.

    Args:
      key: a PRNG key.
      path: from base rates.
      n_chains: number of chains.
      betas: `[n + 1]` from 0 to 1.
      advance: told after each of `n_calls(n, CALL)` calls.
    """
    schedules.check(path, betas)
    key_start, key_walk = jax.random.split(key)
    state = _start_forward(key_start, path, n_chains)
    state = walk(key_walk, path, betas[1:], state, advance)
    return ais.forward(path_lib.log_z_uncoupled(path.base), state)


def reverse(
    key: Key, path: Path, samples: Array, betas: Array, advance: Advance = silent
) -> ais.Estimate:
    """Estimates log Z from above; arguments as in `forward`, the chains' samples given.

    The samples are taken over: do not use them again.
    """
    state = annealing.start(path, samples, 1.0)
    state = walk(key, path, betas[::-1][1:], state, advance)
    return ais.reverse(path_lib.log_z_uncoupled(path.base), state)


def scores(
    key: Key,
    net: DBN,
    v: Array,
    labels: Array | None,
    n_samples: int,
    advance: Advance = silent,
) -> np.ndarray:
    """Returns log w + log Z of images, one sample for a machine, which needs no recognition.

    Args:
      key: a PRNG key.
      net: a net.
      v: `[n, n_pixels]`.
      labels: `[n, n_labels]` for log p(v, label), None for log p(v).
      n_samples: recognition passes for each image.
      advance: told after each 1,000 images.

    Returns:
      `[n_samples, n]` float64 in nats.
    """
    n_samples = n_samples if net.generative else 1
    found = []
    for number, i in enumerate(range(0, len(v), evaluate.CHUNK)):
        key_chunk, part = jax.random.fold_in(key, number), slice(i, i + evaluate.CHUNK)
        known = None if labels is None else labels[part]
        log_w = _log_weights(key_chunk, net, v[part], 0.0, n_samples, known)
        found.append(np.asarray(log_w, np.float64))
        advance({"nats": float(found[-1].mean())})
    return np.concatenate(found, axis=1)


def exact_scores(net: DBN, v: Array, labels: Array | None) -> np.ndarray | None:
    """Returns log p of each image of a deep net, `[n]` float64, by a sum over all hidden states.

    None for a net with too many of them: a run asks up to four times. Arguments as in `scores`.
    """
    n_states = Concat(tuple(layer.unit for layer in net.recognition)).n_states
    n_units = net.generative[0].unit.size + net.memory.visible.size + net.memory.hidden.size
    if n_states is None or 4 * n_states * n_units * len(v) > EXACT_COST:
        return None
    return np.asarray(_exact_scores(net, v, labels), np.float64)


def reverse_annealing_bound(
    key: Key, path: Path, v: Array, n_chains: int, betas: Array, advance: Advance = silent
) -> LogMean:
    """Returns the RAISE bound on log p of each image, `[n]` in nats.

    Args:
      key: a PRNG key.
      path: from base rates.
      v: `[n, n_visible]` states.
      n_chains: from each image.
      betas: `[n + 1]` from 0 to 1.
      advance: told after each of `n_calls(n, CALL)` calls.
    """
    key_start, key_walk = jax.random.split(key)
    state = _start_raise(key_start, path, v, n_chains)
    state = walk(key_walk, path, betas[::-1][1:], state, advance)
    return raise_bound.estimate(path, v, path_lib.log_z_uncoupled(path.base), state)


def pseudo_log_likelihood(rbm: RBM, v: Array) -> np.ndarray:
    """Returns the pseudo-log-likelihood of each image, `[n]` float64 in nats."""
    return np.asarray(_pseudo(rbm, v), np.float64)
