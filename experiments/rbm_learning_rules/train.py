"""Learning one machine by one rule, judged at some epochs: the stage of `rbm_learning_rules`."""

import dataclasses
import time
from typing import Any

import jax
import numpy as np

from dbnjax.learning import averaging, updates
from dbnjax.models.rbm import RBM
from dbnjax.training import fitting, greedy, loop, stages
from dbnjax.types import Array, Draw, Key, PyTree
from dbnjax.weights import io
from experiments.rbm_learning_rules import judge, rules
from experiments.rbm_learning_rules import start as rules_start
from experiments.rbm_learning_rules.config import Config
from experiments.rbm_learning_rules.rules import RULES


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
    chains = rules.Chains(config.n_chains, config.k, visible_as(config))
    learner = averaging.averaged(RULES[name].make(chains))
    prepare = greedy.layer_data(task.pixels_as, "sample", 0)
    program: Any = loop.epoch_program(learner, prepare, config.batch_size)
    key_init, key_epochs, key_judge = jax.random.split(jax.random.fold_in(task.key, 1), 3)
    rates = fitting.schedule(config.schedule, rate, config.epochs)
    at = points(config)

    def hyper(i: int) -> averaging.Hyper:
        # Chains begin without a field, far from a machine that has learned: they take an epoch.
        now = 0.0 if config.tied and i == 0 else rates(i)
        regular = updates.hyper(now, config.momentum, config.decay)
        return rules.hyper(name, regular, rate, config.averaging)

    state = learner.init(key_init, task.start)
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
            machines = (*task.lower, state.params)
            numbers |= judge.judge(
                config, key_judge, machines, task.seen, task.judged, last=i + 1 == config.epochs
            )
        return state, sound, numbers

    stage = stages.Stage(name, config.epochs, epoch)
    params: RBM = stages.run(stage, state, io.describe(task.start), task.place).params
    return params


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
