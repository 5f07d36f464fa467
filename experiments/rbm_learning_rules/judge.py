"""How probable an RBM that a rule has learned makes images, and what speaks against the number.

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
from dbnjax.evaluation.importance import has_error
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.scoring import both_sides, log_z, means, tempered_samples
from dbnjax.types import Array, Key
from experiments.rbm_learning_rules.config import ABOVE, BETAS, INTERVAL, Config

MIXING = ("least_acceptance", "round_trips", "r_hat")


def judge(
    config: Config, key: Key, rbms: tuple[RBM, ...], seen: Array, judged: Array, last: bool
) -> dict[str, float]:
    """Returns the mean log p of images, under several RBMs their bound, with its interval.

    log Z is exact where it can be, or else estimated from below, and of the last RBM from above
    too: the rule whose chains mix worst is the one that a forward estimate flatters most.

    Args:
      config: the run's options.
      key: a PRNG key.
      rbms: from the bottom up; the top one has learned.
      seen: `[n, n_pixels]` training states, for the base rates.
      judged: `[m, n_pixels]` states.
      last: whether the rule has come to its end.
    """
    key_z, key_scores = jax.random.split(key)
    net: DBN = dbn_lib.untie(stack_lib.create(rbms))
    log_w = log_z.scores(key_scores, net, judged, None, config.n_samples)
    mean, error = float(log_w.mean()), recognition_error(log_w)
    exact = log_z.exact_log_z(net.memory)
    if exact is not None:
        return named("", means.interval(mean - exact, 0.0, error))
    path = log_z.base_path(net, seen, None)
    betas = schedules.linear(config.n_temperatures)
    if not last:
        key_forward, *_ = jax.random.split(key_z, 3)  # as of `both_sides.estimate`
        forward = log_z.forward(key_forward, path, config.ais_chains, betas)
        return less_log_z("", forward, mean, error)
    forward, reverse, walked = both_sides.estimate(
        key_z, path, config.ais_chains, betas, len(BETAS), config.sample_steps
    )
    told = tempered_samples.describe(walked)
    return (
        less_log_z("", forward, mean, error)
        | less_log_z(ABOVE, reverse, mean, error)
        | {name: told[name] for name in MIXING if told[name] is not None}
    )


def recognition_error(log_w: np.ndarray) -> float:
    """The standard error of the mean bound that the recognition passes `[n_samples, n]` cause."""
    if len(log_w) == 1:
        return 0.0
    error = bounds.variational(jnp.asarray(log_w)).standard_error
    return float(np.linalg.norm(error)) / len(error)


def less_log_z(name: str, estimate: ais.Estimate, mean: float, error: float) -> dict[str, float]:
    """Returns a mean less an estimate of log Z, and how many chains count in that."""
    value = mean - float(estimate.log_z)
    found = named(name, means.interval(value, means.half_width(estimate), error))
    return found | {f"{name}effective_chains": float(estimate.effective_sample_size)}


def named(name: str, numbers: list[float | None]) -> dict[str, float]:
    """Names a value and the ends of its interval, as far as they are known."""
    named = zip(INTERVAL, numbers, strict=True)
    return {f"{name}{key}": number for key, number in named if number is not None}


def doubts(config: Config, last: Mapping[str, Any]) -> list[str]:
    """Says in words what speaks against the numbers that `judge` returned of a rule's last RBM."""
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
