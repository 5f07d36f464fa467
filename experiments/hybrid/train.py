"""The two stages of `hybrid`: choosing weight and epoch, and the same way again with all cases."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax.learning import hybrid
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, greedy, loop, selection, stages
from dbnjax.training import task as training_task
from dbnjax.training.evaluate import Measured, judge
from dbnjax.training.fitting import Epoch, finite, owned, schedule
from dbnjax.training.selection import ByErrorsThenCost
from dbnjax.types import Array, Learner
from dbnjax.weights import io
from experiments.hybrid.config import CHOOSING, PRETRAINING, Config

ALL_CASES = "all_cases"
NUMBERS = {CHOOSING: 0, ALL_CASES: 1}  # a stage's draws have `fold_in(key of the run, number)`


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(training_task.Task):
    """What both stages share, beside the run's key, cases and place.

    Attributes:
      config: the experiment's options.
      everything: all cases that are not test cases, on the device.
      about: what a saved net tells of its images (`common.nets`).
    """

    config: Config
    place: stages.Place
    everything: loop.Data
    about: Mapping[str, Any]


def measure(params: DBN | Stack, data: loop.Data) -> Measured:
    """Asks a net about every case."""
    unused = jax.random.key(0)  # the read-out draws nothing
    net = params if isinstance(params, DBN) else dbn.untie(params)
    log_p: Array = evaluate.scores(evaluate.deterministic, unused, net, data.pixels)
    return judge(log_p, data)


def make_learner(config: Config) -> Learner:
    """Makes the learner of a form."""
    if config.form == PRETRAINING:
        return hybrid.pretraining(config.k, config.pixels, config.features)
    return hybrid.contrastive(config.n_steps, statistics=config.statistics)


def learning(task: Task, stage: str, data: loop.Data) -> Epoch:
    """Returns what an epoch of a stage does before it is judged: `learn(i, state)`."""
    config = task.config
    prepare = greedy.net_data(config.pixels, task.n_labels)
    program = loop.epoch_program(make_learner(config), prepare, config.batch_size)
    rate = schedule(config.schedule, config.rate, config.n_epochs)
    key = jax.random.fold_in(task.key, NUMBERS[stage])

    def learn(i: int, state: hybrid.State) -> tuple[hybrid.State, bool, dict[str, float]]:
        weight = config.weight(i)
        hyper = hybrid.hyper(rate(i), weight, config.momentum, config.decay)
        state, report = program(jax.random.fold_in(key, i), hyper, state, None, data)
        numbers = {
            "weight": weight,
            "training_cost": float(report.info.cross_entropy),
            "training_error": 100.0 * float(report.info.error),
            "reconstruction_error": float(report.info.reconstruction_error),
        }
        return state, bool(report.finite) and finite(numbers), numbers

    return learn


def at_rest(task: Task, params: DBN | Stack) -> hybrid.State:
    """Returns a hybrid state of a copy of a net, without velocity."""
    state: hybrid.State = make_learner(task.config).init(task.key, params)
    return state


def choose(task: Task, params: DBN | Stack) -> ByErrorsThenCost:
    """Raises the weight from stage to stage and keeps the net that validation likes best."""
    learn = learning(task, CHOOSING, task.data)

    def epoch(i: int, seen: ByErrorsThenCost) -> tuple[ByErrorsThenCost, bool, dict[str, float]]:
        state, sound, numbers = learn(i, seen.learner)
        held_out = measure(state.params, task.held_out)
        errors = len(held_out.wrong)
        seen = selection.update(seen, state, state.params, i + 1, errors, held_out.cost)
        numbers |= {
            "validation_cost": held_out.cost,
            "validation_error": 100.0 * errors / len(task.held_out.labels),
        }
        return seen, sound and finite(numbers), numbers

    before = measure(params, task.held_out)
    start = ByErrorsThenCost(
        learner=at_rest(task, params),
        best=owned(params),
        errors=jnp.int32(len(before.wrong)),
        cost=jnp.float32(before.cost),
        epoch=jnp.int32(0),
    )
    stage = stages.Stage(CHOOSING, task.config.n_epochs, epoch)
    found: ByErrorsThenCost = stages.run(stage, start, io.describe(params), task.place)
    return found


def go_on(task: Task, params: DBN | Stack, n_epochs: int) -> DBN | Stack:
    """Learns from all cases, with the weights and rates of the first so many epochs of choosing."""
    stage = stages.Stage(ALL_CASES, n_epochs, learning(task, ALL_CASES, task.everything))
    start = at_rest(task, params)
    learned: DBN | Stack = stages.run(stage, start, io.describe(params), task.place).params
    return learned
