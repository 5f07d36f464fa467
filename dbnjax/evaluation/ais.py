"""Annealed importance sampling: log Z of an RBM from both sides.

An estimate is a start, a walk with `annealing.anneal`, and what the weights then say. With
x_0, ..., x_K the states and f_k, T_k the marginal and the Gibbs step at the k-th of the
temperatures 0 = beta_0 < ... < beta_K = 1:

Forward. x_0 ~ p_0, x_k ~ T_k(. | x_{k-1}), w = prod_k f_k(x_{k-1}) / f_{k-1}(x_{k-1}) has the
expectation Z_K / Z_0. The estimate of Z is unbiased, so that of log Z is on average too small
(Jensen), and log p(v) too large.

Reverse. From samples x_{K-1} ~ p_K down to x_0, the reciprocal product has the expectation
Z_0 / Z_K: the estimate of log Z is on average too large, if the samples are exact. It is as good as
they are: samples of training data, or of chains that do not mix, prove nothing.

    key_start, key = jax.random.split(key)
    path = path_lib.from_base_rates(rbm, mean, variance)
    betas = schedules.linear(20_000)
    schedules.check(path, betas)
    state = ais.start(key_start, path, 100)
    state = annealing.anneal(key, path, betas[1:], state)
    low = ais.forward(path_lib.log_z_uncoupled(path.base), state)

    state = annealing.start(path, samples, 1.0)
    state = annealing.anneal(key, path, betas[::-1][1:], state)
    high = ais.reverse(path_lib.log_z_uncoupled(path.base), state)

From one machine with weights to another (`path.bridge`) the forward walk starts, like the reverse
one, from samples of its machine.

Source: Neal 2001, "Annealed importance sampling"; Salakhutdinov and Murray 2008, section 4.1; for
the reverse direction Grosse, Ghahramani and Adams 2015, "Sandwiching the marginal likelihood".
"""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp

from dbnjax import checks
from dbnjax.evaluation import annealing
from dbnjax.evaluation.importance import has_error, log_mean, reach_95
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.path import Path
from dbnjax.types import Array, Key

LARGEST_GAP = 1.0  # nats between the directions


class Estimate(NamedTuple):
    """An estimate of log Z.

    Attributes:
      log_z: scalar, in nats.
      log_weights: `[n_chains]`.
      effective_sample_size: scalar, of n_chains.
      standard_error: scalar, in nats.
      low: scalar, lower end of a 95 % interval for skew weights (`importance.reach_95`). Where too
        few chains count (`importance.has_error`) it means nothing, as `warnings` says then.
      high: scalar, upper end.
    """

    log_z: Array
    log_weights: Array
    effective_sample_size: Array
    standard_error: Array
    low: Array
    high: Array


def start(key: Key, path: Path, n_chains: int) -> annealing.State:
    """Draws exact samples of a base without weights.

    Args:
      key: a PRNG key.
      path: made by `path.from_base_rates`.
      n_chains: number of independent chains.

    Raises:
      InputError: the base has weights, there is no chain, or units differ from case to case.
    """
    checks.check_count("chains", n_chains, 1)
    rbm_lib.check_one_case(path)
    checks.require(
        path.uncoupled,
        "annealing: expected a base without weights, got one with weights; draw its samples "
        "yourself and start with annealing.start(path, samples, 0.0)",
    )
    visible = path.base.visible
    v = visible.sample(key, visible.no_field(n_chains))
    return annealing.start(path, v, 0.0)


def forward(log_z_base: Any, state: annealing.State) -> Estimate:
    """Returns log Z from chains carried from the base to the target; on average too small.

    Args:
      log_z_base: scalar, log Z of the base, such as `path.log_z_uncoupled(path.base)`.
      state: chains `[n_chains]` at beta = 1.

    Raises:
      InputError: the chains are not at 1.
    """
    annealing.check_end(state, 1.0)
    return _estimate(log_z_base, 1.0, state)


def reverse(log_z_base: Any, state: annealing.State) -> Estimate:
    """Returns log Z from chains carried from the target to the base; on average too large.

    Args:
      log_z_base: scalar, log Z of the base.
      state: chains `[n_chains]` at beta = 0 that started as samples of the target.

    Raises:
      InputError: the chains are not at 0.
    """
    annealing.check_end(state, 0.0)
    return _estimate(log_z_base, -1.0, state)


def warnings(forward: Estimate, reverse: Estimate | None = None) -> tuple[str, ...]:
    """Says in words what speaks against an estimate; empty where nothing does.

    Args:
      forward: from below.
      reverse: from above, of the same machine.
    """
    found = [_against_one("forward", forward)]
    if reverse is not None:
        found += [_against_one("reverse", reverse), _against_both(forward, reverse)]
    return tuple(line for line in found if line)


def _against_one(name: str, estimate: Estimate) -> str:
    n, effective = estimate.log_weights.shape[0], float(estimate.effective_sample_size)
    if not math.isfinite(estimate.log_z):
        return (
            f"the {name} estimate is {float(estimate.log_z)}, not a finite number: the machine "
            "cannot be normalised, or its energies leave the range of float32"
        )
    if n == 1:
        return f"the {name} estimate is of one chain, and one chain has no interval: take more"
    if not has_error(effective, n):
        return (
            f"the {name} estimate rests on {effective:.1f} of {n} chains, too few for an interval: "
            "take more temperatures"
        )
    return ""


def _against_both(forward: Estimate, reverse: Estimate) -> str:
    gap = float(reverse.log_z - forward.log_z)
    if not math.isfinite(gap):
        return ""
    if forward.low > reverse.high:
        return (
            f"the forward estimate lies {-gap:.2f} nats above the reverse one, beyond their "
            "errors: the reverse chains did not start from samples of the model"
        )
    if gap > LARGEST_GAP:
        return (
            f"the directions are {gap:.2f} nats apart: log Z lies between them, and more "
            "temperatures bring them together"
        )
    return ""


def _estimate(log_z_base: Any, sign: float, state: annealing.State) -> Estimate:
    log_weights = annealing.log_weights(state)
    mean = log_mean(log_weights)
    log_z = jnp.asarray(log_z_base, mean.value.dtype) + sign * mean.value
    reach = reach_95(log_weights)
    return Estimate(
        log_z=log_z,
        log_weights=log_weights,
        effective_sample_size=mean.effective_sample_size,
        standard_error=mean.standard_error,
        low=log_z - reach,
        high=log_z + reach,
    )
