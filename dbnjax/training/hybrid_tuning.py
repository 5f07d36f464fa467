"""Tuning by two gradients at once: validation chooses the epoch, and so their weight (TR 2006-004).

`tune` learns from the training cases and keeps the net with the fewest validation errors, of equals
the one of the least cost; `go_on` then takes the same way with all cases, up to the chosen epoch.
The learner is one of `learning.hybrid`, of a net or of a tied stack.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from dbnjax.learning import hybrid
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, greedy, loop, selection, stages
from dbnjax.training.evaluate import Measured
from dbnjax.training.fitting import Epoch, finite, owned
from dbnjax.training.selection import ByErrorsThenCost
from dbnjax.training.task import Task
from dbnjax.types import Draw, Learner
from dbnjax.weights import io

CHOOSING, ALL = 0, 1  # a stage's draws have `fold_in(key of the run, number)`


@dataclasses.dataclass(frozen=True)
class HybridPlan:
    """How a net, or a tied stack, is tuned.

    Attributes:
      learner: of both gradients.
      weight: of backpropagation in each epoch, counted from 0.
      rate: learning rate in each.
      n_epochs: epochs.
      batch_size: cases in a minibatch.
      pixels: visible units: intensities, "mean", or binary draws, "sample".
      momentum: in [0, 1).
      decay: weight decay.
    """

    learner: Learner
    weight: Callable[[int], float]
    rate: Callable[[int], float]
    n_epochs: int
    batch_size: int = 100
    pixels: Draw = "sample"
    momentum: float = 0.0
    decay: float = 0.0


def measure(params: DBN | Stack, data: loop.Data) -> Measured:
    """Asks a net, or what a stack is as one, about every case by the deterministic read-out."""
    return evaluate.measure(params if isinstance(params, DBN) else dbn.untie(params), data)


def tune(
    task: Task, plan: HybridPlan, params: DBN | Stack, name: str = "hybrid"
) -> ByErrorsThenCost:
    """Tunes a net or stack with labels; the best one, the start among them, is in what it returns.

    Args:
      task: key, cases and place; pixels `[n_cases, n_visible]` uint8.
      plan: how it learns.
      params: to start from, which are not changed.
      name: of the stage.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: a number of the plan cannot be used, or a checkpoint or a file.
    """
    learn = learning(task, plan, task.data, CHOOSING)

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
        learner=plan.learner.init(task.key, params),
        best=owned(params),
        errors=jnp.int32(len(before.wrong)),
        cost=jnp.float32(before.cost),
        epoch=jnp.int32(0),
    )
    stage = stages.Stage(name, plan.n_epochs, epoch)
    found: ByErrorsThenCost = stages.run(
        stage, start, io.describe(params), task.place, task.listener
    )
    return found


def go_on(
    task: Task,
    plan: HybridPlan,
    params: DBN | Stack,
    everything: loop.Data,
    n_epochs: int,
    name: str = "all_cases",
) -> DBN | Stack:
    """Learns from all cases, with the weights and rates of the first so many epochs of the plan.

    Args:
      task: as of `tune`.
      plan: as of `tune`.
      params: to start from.
      everything: all cases that are not test cases, on the device.
      n_epochs: epochs.
      name: of the stage.
    """
    stage = stages.Stage(name, n_epochs, learning(task, plan, everything, ALL))
    start = plan.learner.init(task.key, params)
    learned = stages.run(stage, start, io.describe(params), task.place, task.listener)
    net: DBN | Stack = learned.params
    return net


def learning(task: Task, plan: HybridPlan, data: loop.Data, number: int) -> Epoch:
    """Returns what an epoch does before it is judged, `learn(i, state)`.

    Args:
      task: key and labels.
      plan: how the net learns.
      data: cases to learn from.
      number: of the stage's draws within the run's.
    """
    prepare = greedy.net_data(plan.pixels, task.n_labels)
    program = loop.epoch_program(plan.learner, prepare, plan.batch_size)
    key = jax.random.fold_in(task.key, number)

    def learn(i: int, state: hybrid.State) -> tuple[hybrid.State, bool, dict[str, float]]:
        weight = plan.weight(i)
        hyper = hybrid.hyper(plan.rate(i), weight, plan.momentum, plan.decay)
        state, report = program(jax.random.fold_in(key, i), hyper, state, None, data)
        numbers = {
            "weight": weight,
            "training_cost": float(report.info.cross_entropy),
            "training_error": 100.0 * float(report.info.error),
            "reconstruction_error": float(report.info.reconstruction_error),
        }
        return state, bool(report.finite) and finite(numbers), numbers

    return learn
