"""The last stages of the main job: learning goes on with all cases (section 6.1, footnote 9).

Read `mnist_dbn.fine_tuning` first.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import passes, up_down
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, loop, stages
from dbnjax.training.fitting import finite, schedule
from dbnjax.types import Array
from dbnjax.weights import io
from experiments.common import keys
from experiments.mnist_dbn import fine_tuning
from experiments.mnist_dbn.stages import Task


class Continued(NamedTuple):
    """An up-down state that learns from all cases.

    Attributes:
      learner: what learning goes on from.
      errors: of the net among all cases, int32.
    """

    learner: up_down.State
    errors: Array


def most_errors(training_errors: int, data: loop.Data, everything: loop.Data) -> int:
    """Returns how many errors among all cases are a net's share of errors in training ones."""
    return math.floor(training_errors * len(everything.labels) / len(data.labels))


def go_on(task: Task, everything: loop.Data, net: DBN, most: int) -> Continued:
    """Goes on with all cases until the net makes no more than so many errors among them.

    Rate and schedule restart at values of their own, since a rate that has fallen to nothing could
    not catch up.
    """
    config = task.config
    rate = schedule(config.all_schedule, config.all_rate, config.all_epochs)
    number, n_epochs = keys.ALL_CASES, config.all_epochs
    return learn_all(task, everything, net, "all_cases", number, n_epochs, rate, most)


def tail(task: Task, everything: loop.Data, net: DBN) -> Continued:
    """Goes on for long at a very small, constant rate (footnote 9)."""
    config = task.config
    rate = schedule("constant", config.tail_rate, config.tail_epochs)
    number, n_epochs = keys.TAIL, config.tail_epochs
    return learn_all(task, everything, net, "tail", number, n_epochs, rate, most=-1)


def learn_all(
    task: Task,
    everything: loop.Data,
    net: DBN,
    name: str,
    key_number: int,
    n_epochs: int,
    rate: Callable[[int], float],
    most: int,
) -> Continued:
    """Learns from all cases, in random minibatches, with the last phase's Gibbs iterations.

    Args:
      task: what all stages share.
      everything: all cases.
      net: to start from, at rest.
      name: of the stage.
      key_number: of the stage's draws within the run's.
      n_epochs: at most.
      rate: of each epoch.
      most: errors among all cases at which it ends; -1 never.
    """
    config = task.config
    learner, prepare = fine_tuning.net_learning(task, config.up_down_steps[-1])
    program = loop.epoch_program(learner, prepare, config.batch_size)
    key = jax.random.fold_in(task.key, key_number)

    def epoch(i: int, state: Continued) -> tuple[Continued, bool, dict[str, float]]:
        hyper = passes.hyper(rate(i), config.all_momentum, config.up_down_decay)
        key_epoch = jax.random.fold_in(key, i)
        learned, report = program(key_epoch, hyper, state.learner, None, everything)
        errors = fine_tuning.count(task, learned.params, everything)
        seen = fine_tuning.observed(task, everything)
        error = evaluate.reconstruction_error(learned.params, seen.visible)
        numbers = {
            "reconstruction_error": float(error),
            "training_error": 100.0 * errors / len(everything.labels),
        }
        state = Continued(learned, jnp.int32(errors))
        return state, bool(report.finite) and finite(numbers), numbers

    start = Continued(
        learner=fine_tuning.at_rest(task, net),
        errors=jnp.int32(fine_tuning.count(task, net, everything)),
    )
    stage = stages.Stage(name, n_epochs, epoch, done=lambda state: int(state.errors) <= most)
    return stages.run(stage, start, io.describe(net), task.place)
