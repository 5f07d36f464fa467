"""Learning one machine by one rule, judged at some epochs: the stage of `rbm_learning_rules`."""

import dataclasses
import time
from typing import Any

import jax
import numpy as np

from dbnjax.evaluation import ais, schedules
from dbnjax.learning import updates
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.training import greedy, loop, stages
from dbnjax.types import Array, Draw, Key, PyTree
from dbnjax.weights import io
from experiments import (
    dbn_stages,
    likelihood_estimates,
    likelihood_samples,
    rules_learners,
    rules_start,
)
from experiments.rules_config import Config
from experiments.rules_learners import RULES


@dataclasses.dataclass(frozen=True)
class Task:
    """What all rules share.

    Attributes:
      config: the run's options.
      key: of the whole run.
      lower: machines below the one that learns, from the bottom up.
      start: the machine before learning.
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

    @property
    def below(self) -> greedy.Below:
        """The layers below the machine that learns."""
        return rules_start.layers(self.lower)

    @property
    def pixels_as(self) -> Draw:
        """What a step makes of the stored pixels: only resampled ones are drawn in it."""
        return "sample" if self.config.binarisation == "resampled" else "mean"


def learn(task: Task, name: str) -> RBM:
    """Learns by one rule, or goes on with it, and returns the averaged machine.

    The keys do not depend on the rule, so that all see the same cases in the same order.
    """
    config, rate = task.config, rate_of(task.config, name)
    chains = rules_learners.Chains(config.n_chains, config.k, visible_as(config))
    learner = rules_learners.averaged(RULES[name].make(chains))
    prepare = greedy.layer_data(task.pixels_as, "sample", 0)
    program: Any = loop.epoch_program(learner, prepare, config.batch_size)
    key_init, key_epochs, key_judge = jax.random.split(jax.random.fold_in(task.key, 1), 3)
    rates = dbn_stages.schedule(config.schedule, rate, config.epochs)
    at = points(config)

    def hyper(i: int) -> rules_learners.Hyper:
        regular = updates.hyper(rates(i), config.momentum, config.decay)
        return rules_learners.hyper(name, regular, rate, config.averaging)

    state = dbn_stages.owned(learner.init(key_init, task.start))
    # Compiled before the clock starts: seconds are seconds of learning.
    compiled = program.lower(key_epochs, hyper(0), state, task.below, task.data).compile()

    def epoch(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        began = time.perf_counter()
        key_epoch = jax.random.fold_in(key_epochs, i)
        state, report = compiled(key_epoch, hyper(i), state, task.below, task.data)
        sound = bool(report.finite)  # waits until the epoch is over
        numbers = {"learning_seconds": time.perf_counter() - began}
        numbers |= {key: float(value) for key, value in report.info._asdict().items()}
        if sound and i + 1 in at:
            numbers |= judge(task, key_judge, state.average, last=i + 1 == config.epochs)
        return state, sound, numbers

    stage = stages.Stage(name, config.epochs, epoch)
    average: RBM = stages.run(stage, state, io.describe(task.start), task.place).average
    return average


def rate_of(config: Config, name: str) -> float:
    """Returns the learning rate at which a rule starts."""
    return config.rate or RULES[name].rate


def visible_as(config: Config) -> Draw:
    """Returns what reconstructions are: of the data's own kind."""
    return "mean" if config.binarisation == "real" else "sample"


def points(config: Config) -> list[int]:
    """Returns the epochs after which machines are judged, evenly spaced on a logarithmic scale."""
    spaced = np.geomspace(config.epochs, 1, config.points)  # the last one, if there is only one
    return sorted({round(epoch) for epoch in spaced.tolist()})


def judge(task: Task, key: Key, machine: RBM, last: bool) -> dict[str, float]:
    """Returns the mean log p of the judged cases, under a stack its bound, with its interval.

    log Z is exact where it can be, or else estimated from below, and of the last machine from
    above too: the rule whose chains mix worst is the one that a forward estimate flatters most.
    """
    key_z, key_scores = jax.random.split(key)
    net: DBN = dbn_lib.untie(stack_lib.create((*task.lower, machine)))
    n_samples = task.config.n_samples
    log_w = likelihood_estimates.scores(key_scores, net, task.judged, None, n_samples)
    exact = likelihood_estimates.exact_log_z(net.memory)
    if exact is not None:
        return _named("", float(log_w.mean()), exact, 0.0)
    found: dict[str, float] = {}
    for name, estimate in _estimates(task, key_z, net, last).items():
        half = float(estimate.high - estimate.log_z)
        found |= _named(name, float(log_w.mean()), float(estimate.log_z), half)
    return found


def _named(name: str, log_w: float, log_z: float, half: float) -> dict[str, float]:
    mean = log_w - log_z
    return {f"{name}log_p": mean, f"{name}low": mean - half, f"{name}high": mean + half}


def _estimates(task: Task, key: Key, net: DBN, last: bool) -> dict[str, ais.Estimate]:
    """Estimates log Z from below and, of the last machine, from above."""
    config = task.config
    key_forward, key_samples, key_reverse = jax.random.split(key, 3)
    path = likelihood_estimates.base_path(net, task.seen, None)
    betas = schedules.linear(config.n_temperatures)
    found = {"": likelihood_estimates.forward(key_forward, path, config.ais_chains, betas)}
    if last:
        n_betas = len(rules_learners.BETAS)
        samples = likelihood_samples.sample(
            key_samples, path, config.ais_chains, n_betas, config.sample_steps
        )
        found["reverse_"] = likelihood_estimates.reverse(key_reverse, path, samples.v, betas)
    return found
