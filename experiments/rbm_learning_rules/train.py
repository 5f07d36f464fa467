"""Learning one RBM by one rule, judged at some epochs: the stage of `rbm_learning_rules`.

It is judged by how probable it makes images. The numbers stand in `metrics.jsonl` under one name
each: log_p with its interval low and high by a log Z from below (or exact), the same with
`reverse_` before them by one from above. Where an interval is not known, low and high lack.
"""

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from dbnjax.evaluation import ais, schedules
from dbnjax.evaluation.importance import has_error
from dbnjax.learning import averaging, persistent, phases, tempered, updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.scoring import mean_log_p, tempered_samples
from dbnjax.training import fitting, greedy, loop, stages
from dbnjax.types import Array, Draw, Key, Learner, PyTree
from dbnjax.weights import io
from experiments.rbm_learning_rules.config import ABOVE, BETAS, INTERVAL, Config

MIXING = ("least_acceptance", "round_trips", "r_hat")


@dataclasses.dataclass(frozen=True)
class Task:
    """What all rules share.

    Attributes:
      config: the run's options.
      key: of the whole run.
      lower: RBMs below the one that learns, from the bottom up.
      start: the RBM before learning.
      data: training cases on the device.
      seen: `[n, n_pixels]` training states, for the base rates.
      judged: `[m, n_pixels]` states that are judged.
      place: where the run writes.
    """

    config: Config
    key: Key
    lower: tuple[RBM, ...]
    start: RBM
    data: loop.Data
    seen: Array
    judged: Array
    place: stages.Place


def learners(config: Config) -> dict[str, Learner]:
    """Returns the learner of every rule; the persistent ones have equally many chains in all."""
    n, k = config.n_chains, config.k
    kind: Draw = "mean" if config.binarisation == "real" else "sample"  # as the data are
    choices = phases.Choices(visible=kind)
    return {
        "cd1": contrastive_divergence(1, choices),
        "cd10": contrastive_divergence(10, choices),
        "cd25": contrastive_divergence(25, choices),
        "pcd": persistent.persistent_contrastive_divergence(n, k),
        "fast_pcd": persistent.fast_persistent_contrastive_divergence(n, k),
        "centred_pcd": persistent.persistent_contrastive_divergence(n, k, centred=True),
        "tempered": tempered.parallel_tempering(BETAS, max(n // len(BETAS), 1), k),
    }


def hyper(config: Config, name: str, rate: float) -> averaging.Hyper:
    """Makes the hyper-parameters of an epoch of a rule with some learning rate.

    Fast weights keep the rate that learning started with (Tieleman and Hinton 2009).
    """
    regular = updates.hyper(rate, config.momentum, config.decay)
    own = persistent.fast_hyper(regular, config.rate_of(name)) if name == "fast_pcd" else regular
    return averaging.hyper(own, config.averaging)


def learn(task: Task, name: str) -> RBM:
    """Learns by one rule, or goes on with it, and returns the averaged RBM.

    The keys do not depend on the rule, so that all see the same cases in the same order.
    """
    config, below = task.config, greedy.layers_of(task.lower)
    learner = averaging.averaged(learners(config)[name])
    # Only resampled pixels are drawn in a step; others were when they were read.
    drawn: Draw = "sample" if config.binarisation == "resampled" else "mean"
    prepare = greedy.layer_data(drawn, "sample", 0)
    program: Any = loop.epoch_program(learner, prepare, config.batch_size)
    key_init, key_epochs, key_judge = jax.random.split(jax.random.fold_in(task.key, 1), 3)
    rates = fitting.schedule(config.schedule, config.rate_of(name), config.epochs)

    def hyper_at(i: int) -> averaging.Hyper:
        # Chains begin without a field, far from an RBM that has learned: they take an epoch.
        return hyper(config, name, 0.0 if config.tied and i == 0 else rates(i))

    state = learner.init(key_init, task.start)
    # Compiled before the clock starts: seconds are seconds of learning.
    compiled = program.lower(key_epochs, hyper_at(0), state, below, task.data).compile()

    def epoch(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        began = time.perf_counter()
        key_epoch = jax.random.fold_in(key_epochs, i)
        state, report = compiled(key_epoch, hyper_at(i), state, below, task.data)
        sound = bool(report.finite)  # waits until the epoch is over
        numbers = {"learning_seconds": time.perf_counter() - began}
        numbers |= {key: float(value) for key, value in report.info._asdict().items()}
        if sound and i + 1 in points(config):
            rbms, last = (*task.lower, state.params), i + 1 == config.epochs
            numbers |= judge(config, key_judge, rbms, task.seen, task.judged, last)
        return state, sound, numbers

    stage = stages.Stage(name, config.epochs, epoch)
    params: RBM = stages.run(stage, state, io.describe(task.start), task.place).params
    return params


def points(config: Config) -> list[int]:
    """Returns the epochs after which RBMs are judged, evenly spaced on a logarithmic scale."""
    spaced = np.geomspace(config.epochs, 1, config.points)  # the last one, if there is only one
    return sorted({round(epoch) for epoch in spaced.tolist()})


def judge(
    config: Config, key: Key, rbms: tuple[RBM, ...], seen: Array, judged: Array, last: bool
) -> dict[str, float]:
    """Returns the mean log p of images, under several RBMs their bound, with its interval.

    log Z is exact where it can be, or else estimated from below, and of the last RBM from above
    too.

    Args:
      config: the run's options.
      key: a PRNG key.
      rbms: from the bottom up; the top one has learned.
      seen: `[n, n_pixels]` training states, for the base rates.
      judged: `[m, n_pixels]` states.
      last: whether the rule has come to its end.
    """
    net: DBN = dbn_lib.untie(stack_lib.create(rbms))
    found = mean_log_p.estimate(
        key,
        net,
        seen,
        judged,
        config.n_samples,
        config.ais_chains,
        schedules.linear(config.n_temperatures),
        len(BETAS) if last else 0,
        config.sample_steps,
    )
    numbers = named("", found.below)
    if found.above is not None:
        numbers |= named(ABOVE, found.above)
        numbers |= {key: found.samples[key] for key in MIXING if found.samples[key] is not None}
    return numbers


def named(name: str, found: mean_log_p.LessLogZ) -> dict[str, float]:
    """Names a value, its interval and the chains that count, as far as they are known."""
    numbers = zip(
        (*INTERVAL, "effective_chains"), (*found.interval, found.effective_chains), strict=True
    )
    return {f"{name}{key}": number for key, number in numbers if number is not None}


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
