"""How probable a machine that a rule has learned makes images, and what speaks against the number.

The numbers stand in `metrics.jsonl` under one name each: log_p with its interval low and high by a
log Z from below (or exact), the same with `reverse_` before them by one from above. Where an
interval is not known, low and high lack.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import ais, bounds, schedules
from dbnjax.evaluation.importance import QUANTILE_95, has_error
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.scoring import log_z
from dbnjax.types import Array, Key
from experiments.common import tempered_samples
from experiments.likelihood import report as likelihood_report
from experiments.rbm_learning_rules import rules
from experiments.rbm_learning_rules.config import Config

INTERVAL = ("log_p", "low", "high")
ABOVE = "reverse_"
MIXING = ("least_acceptance", "round_trips", "r_hat")


def judge(
    config: Config,
    key: Key,
    machines: tuple[RBM, ...],
    seen: Array,
    judged: Array,
    last: bool,
) -> dict[str, float]:
    """Returns the mean log p of images, under several machines their bound, with its interval.

    The interval lacks where too few chains count.

    log Z is exact where it can be, or else estimated from below, and of the last machine from
    above too: the rule whose chains mix worst is the one that a forward estimate flatters most.

    Args:
      config: the run's options.
      key: a PRNG key.
      machines: from the bottom up; the top one has learned.
      seen: `[n, n_pixels]` training states, for the base rates.
      judged: `[m, n_pixels]` states.
      last: whether the rule has come to its end.
    """
    key_z, key_scores = jax.random.split(key)
    net: DBN = dbn_lib.untie(stack_lib.create(machines))
    log_w = log_z.scores(key_scores, net, judged, None, config.n_samples)
    mean, error = float(log_w.mean()), _error(log_w)
    exact = log_z.exact_log_z(net.memory)
    if exact is not None:
        return _named("", mean - exact, QUANTILE_95 * error)
    path = log_z.base_path(net, seen, None)
    key_forward, key_samples, key_reverse = jax.random.split(key_z, 3)
    betas = schedules.linear(config.n_temperatures)
    estimates = {"": log_z.forward(key_forward, path, config.ais_chains, betas)}
    mixing: dict[str, float] = {}
    if last:
        n_betas = len(rules.BETAS)
        samples = tempered_samples.sample(
            key_samples, path, config.ais_chains, n_betas, config.sample_steps
        )
        told = tempered_samples.describe(samples.walked)
        mixing = {name: told[name] for name in MIXING if told[name] is not None}
        estimates[ABOVE] = log_z.reverse(key_reverse, path, samples.v, betas)
    return _all(estimates, mean, error) | mixing


def doubts(config: Config, last: Mapping[str, Any]) -> list[str]:
    """Says in words what speaks against the numbers of a rule's last machine.

    Args:
      config: the run's options.
      last: what `judge` returned of it.
    """
    if f"{ABOVE}log_p" not in last:
        return []
    found = []
    for name, words in (("", "below"), (ABOVE, "above")):
        effective = last[f"{name}effective_chains"]
        if not has_error(effective, config.ais_chains):
            found.append(
                f"log Z from {words} rests on {effective:.1f} of {config.ais_chains} chains"
            )
    gap = last["log_p"] - last[f"{ABOVE}log_p"]
    if abs(gap) > ais.LARGEST_GAP:
        found.append(f"the two estimates are {abs(gap):.1f} nats apart")
    if last.get("r_hat", math.inf) > tempered_samples.MOST_R_HAT:
        found.append("the samples behind log Z from above had not mixed")
    return found


def _error(log_w: np.ndarray) -> float:
    """The standard error of the mean bound that the recognition passes `[n_samples, n]` cause."""
    n_samples, n = log_w.shape
    if n_samples == 1:
        return 0.0
    return float(np.linalg.norm(bounds.variational(jnp.asarray(log_w)).standard_error)) / n


def _all(estimates: Mapping[str, ais.Estimate], mean: float, error: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, estimate in estimates.items():
        half = likelihood_report.half_width(estimate)
        reach = None if half is None else math.hypot(half, QUANTILE_95 * error)
        found |= _named(name, mean - float(estimate.log_z), reach)
        found[f"{name}effective_chains"] = float(estimate.effective_sample_size)
    return found


def _named(name: str, value: float, reach: float | None) -> dict[str, float]:
    numbers = (value,) if reach is None else (value, value - reach, value + reach)
    return {f"{name}{key}": number for key, number in zip(INTERVAL, numbers, strict=False)}
