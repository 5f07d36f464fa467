"""Tuning by backpropagation: validation chooses when to stop and which net to keep (TR 2006-004).

`tune` learns from the training cases until the rule of `early_stopping` holds; `go_on` then learns
from all cases until they cost no more than the training cases do under the chosen net. The learner
is the caller's, `backprop.backprop` of any optimiser.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import backprop
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import early_stopping, easy_cases, evaluate, greedy, keys, loop, stages
from dbnjax.training.fitting import Epoch, finite
from dbnjax.training.task import Task
from dbnjax.types import Array, Key, Learner, PyTree
from dbnjax.weights import io


@dataclasses.dataclass(frozen=True)
class TuningPlan:
    """How a net is tuned.

    Attributes:
      learner: of backpropagation.
      hyper: its numbers in each epoch, counted from 0.
      n_epochs: at most so many epochs.
      n_classes: classes.
      batch_size: cases in a minibatch.
      patience: epochs that the fewest validation errors must lie back.
      easy: cross-entropy in nats below which a case is easy (`easy_cases`); 0: none is.
      cost: of each held-out case, what the learner makes small.
    """

    learner: Learner
    hyper: Callable[[int], backprop.Hyper]
    n_epochs: int
    n_classes: int
    batch_size: int = 100
    patience: int = 10
    easy: float = 0.0
    cost: backprop.Cost = backprop.cross_entropy


def cases(n_classes: int) -> loop.Prepare:
    """Makes the `prepare` function of tuning: intensities and one-of-K labels."""

    def prepare(key: Key, context: None, pixels: Array, labels: Array) -> backprop.Batch:
        del context
        visible = greedy.intensities(key, pixels, "mean")
        return backprop.Batch(visible, jax.nn.one_hot(labels, n_classes))

    return prepare


def tune(
    task: Task, plan: TuningPlan, net: Feedforward, name: str = "tuning"
) -> early_stopping.Watch:
    """Tunes a net until the stopping rule holds; the best one is in what it returns.

    Args:
      task: key, cases and place; pixels `[n_cases, n_visible]` uint8.
      plan: how the net learns.
      net: to start from, which is not changed.
      name: of the stage.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: a number of the plan cannot be used, or a checkpoint or a file.
    """
    learn = learning(task, plan, task.data, keys.TUNING)
    labels = jax.nn.one_hot(task.held_out.labels, plan.n_classes)
    asked = backprop.Batch(task.held_out.pixels, labels)

    def epoch(
        i: int, seen: early_stopping.Watch
    ) -> tuple[early_stopping.Watch, bool, dict[str, float]]:
        state, sound, numbers = learn(i, seen.learner)
        log_p = evaluate.log_probabilities(state.params, task.held_out)
        errors = len(evaluate.judge(log_p, task.held_out).wrong)
        numbers["validation_cost"] = float(plan.cost(log_p, asked).mean())
        numbers["validation_error"] = 100.0 * errors / len(labels)
        seen = early_stopping.look(seen, state, errors, numbers["validation_cost"])
        return seen, sound and finite(numbers), numbers

    stage = stages.Stage(
        name, plan.n_epochs, epoch, done=lambda seen: early_stopping.done(seen, plan.patience)
    )
    begin = early_stopping.watch(first_state(task.key, plan, net, task.data))
    found: early_stopping.Watch = stages.run(
        stage, begin, io.describe(net), task.place, task.listener
    )
    return found


class Continued(NamedTuple):
    """A learner's state on all cases, and their cross-entropy under it."""

    learner: Any
    cost: Array

    @property
    def params(self) -> PyTree:
        """The parameters that learning goes on from."""
        return self.learner.params


def go_on(
    task: Task,
    plan: TuningPlan,
    net: Feedforward,
    everything: loop.Data,
    target: float,
    name: str = "all_cases",
) -> Continued:
    """Goes on from the chosen net on all cases until their cross-entropy is down to a target.

    Args:
      task: as of `tune`.
      plan: as of `tune`.
      net: the chosen one.
      everything: all cases that are not test cases, on the device.
      target: cross-entropy in nats, mean over cases.
      name: of the stage.
    """
    learn = learning(task, plan, everything, keys.TUNING_ALL)

    def epoch(i: int, state: Continued) -> tuple[Continued, bool, dict[str, float]]:
        own, sound, numbers = learn(i, state.learner)
        cost = evaluate.measure(own.params, everything).cost
        numbers = {"training_cost": numbers["training_cost"], "cost": cost}
        return Continued(own, jnp.float32(cost)), sound and finite(numbers), numbers

    stage = stages.Stage(name, plan.n_epochs, epoch, done=lambda state: bool(state.cost <= target))
    begin = Continued(first_state(task.key, plan, net, everything), jnp.float32(jnp.inf))
    found: Continued = stages.run(stage, begin, io.describe(net), task.place, task.listener)
    return found


def learning(task: Task, plan: TuningPlan, data: loop.Data, number: int) -> Epoch:
    """Returns what an epoch does before it is judged, `learn(i, state)`.

    Args:
      task: key, and what changes the cases.
      plan: how the net learns.
      data: cases to learn from.
      number: of the stage's draws within the run's (`training.keys`).
    """
    prepare, key = task.vary(cases(plan.n_classes)), jax.random.fold_in(task.key, number)
    program: Callable[..., tuple[PyTree, loop.Report]]
    if plan.easy:
        program = easy_cases.epoch_program(plan.learner, prepare, plan.batch_size)
        more: tuple[Array, ...] = (jnp.float32(plan.easy),)
    else:
        program, more = loop.epoch_program(plan.learner, prepare, plan.batch_size), ()

    def learn(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        key_epoch = jax.random.fold_in(key, i)
        state, report = program(key_epoch, plan.hyper(i), state, None, data, *more)
        numbers = {
            "training_cost": float(report.info.cross_entropy),
            "training_error": 100.0 * float(report.info.error),
        }
        return state, bool(report.finite), numbers

    return learn


def first_state(key: Key, plan: TuningPlan, net: Feedforward, data: loop.Data) -> PyTree:
    """Returns the learner's state for a copy of a net, with a memory of cases if it needs one."""
    state = plan.learner.init(key, net)
    return easy_cases.start(state, len(data.labels)) if plan.easy else state
