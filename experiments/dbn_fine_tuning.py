"""The fine-tuning stages of the main job: the phases of up-down, then all cases (section 6.1)."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import passes, up_down
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, greedy, loop, stages
from dbnjax.types import Array, Learner
from dbnjax.weights import io
from experiments.dbn_stages import MONITORED, Task, finite, owned, schedule


class Selected(NamedTuple):
    """An up-down state and the net that did best on validation so far.

    Attributes:
      learner: what learning goes on from.
      best: the net with the fewest validation errors, the first of equals.
      errors: its errors, int32.
      epoch: of up-down after which it stood, int32; 0 for the greedy net.
    """

    learner: up_down.State
    best: DBN
    errors: Array
    epoch: Array


class Continued(NamedTuple):
    """An up-down state that learns from all cases.

    Attributes:
      learner: what learning goes on from.
      errors: of the net among all cases, int32.
    """

    learner: up_down.State
    errors: Array


def fine_tune(task: Task, net: DBN) -> Selected:
    """Runs the up-down phases (section 5) and returns the state with the best net in it.

    A net without labels has no error to be chosen by: the last one stands as the best.
    """
    config = task.config
    selected = Selected(
        learner=up_down.up_down(1).init(task.key, owned(net)),
        best=owned(net),
        errors=jnp.int32(count(task, net, task.held_out)),
        epoch=jnp.int32(0),
    )
    total = sum(config.up_down_epochs)
    rate = schedule(config.up_down_schedule, config.up_down_rate, total)
    before = 0
    for phase, n_epochs in enumerate(config.up_down_epochs):
        selected = run_phase(task, phase, before, n_epochs, rate, selected)
        before += n_epochs
    return selected


def count(task: Task, net: DBN, data: loop.Data) -> int:
    """Returns the errors under the deterministic read-out; 0 without labels."""
    if not task.n_labels:
        return 0
    return evaluate.count_errors(evaluate.deterministic, task.key, net, data.pixels, data.labels)


def make_learner(config: Any, n_steps: int) -> Learner:
    """Makes the up-down learner of a phase."""
    return up_down.up_down(n_steps, config.up_down_labels, config.up_down_statistics)


def program(task: Task, n_steps: int) -> loop.Epoch:
    """Compiles an epoch of up-down."""
    config = task.config
    prepare = greedy.net_data(config.pixels, task.n_labels)
    return loop.epoch_program(make_learner(config, n_steps), prepare, config.batch_size)


def run_phase(
    task: Task,
    phase: int,
    before: int,
    n_epochs: int,
    rate: Callable[[int], float],
    selected: Selected,
) -> Selected:
    """Runs one phase of up-down with its number of Gibbs iterations."""
    config = task.config
    learn = program(task, config.up_down_steps[phase])
    key = jax.random.fold_in(task.key, 200 + phase)

    def epoch(i: int, state: Selected) -> tuple[Selected, bool, dict[str, float]]:
        hyper = passes.hyper(rate(before + i), config.up_down_momentum, config.up_down_decay)
        learner, report = learn(jax.random.fold_in(key, i), hyper, state.learner, None, task.data)
        errors = count(task, learner.params, task.held_out)
        if not task.n_labels or errors < state.errors:
            number = jnp.int32(before + i + 1)
            state = Selected(learner, owned(learner.params), jnp.int32(errors), number)
        else:
            state = state._replace(learner=learner)
        numbers = measure(task, learner.params, errors)
        return state, bool(report.finite) and finite(numbers), numbers

    stage = stages.Stage(f"up_down_{phase + 1}", n_epochs, epoch)
    return stages.run(stage, selected, io.describe(selected.best), task.place)


def measure(task: Task, net: DBN, errors: int) -> dict[str, float]:
    """Returns what is recorded after an up-down epoch; errors are in per cent.

    The reconstruction is deterministic, of held-out pixels, by the first layer alone; the training
    error is that of as many cases as validation has.
    """
    trained, held_out = (observed(task, data) for data in (task.data, task.held_out))
    states = [evaluate.memory_states(net, batch) for batch in (trained, held_out)]
    gap, _ = evaluate.free_energy_gap(net.memory, *states)
    error = evaluate.reconstruction_error(net, held_out.visible)
    numbers = {"reconstruction_error": float(error), "free_energy_gap": float(gap)}
    if task.n_labels:
        n = min(len(task.held_out.labels), len(task.data.labels))
        part = loop.Data(task.data.pixels[:n], task.data.labels[:n], None)
        numbers["training_error"] = 100.0 * count(task, net, part) / n
        numbers["validation_error"] = 100.0 * errors / len(task.held_out.labels)
    return numbers


def observed(task: Task, data: loop.Data) -> passes.Batch:
    """Returns the first cases as intensities, with their labels."""
    see = greedy.net_data("mean", task.n_labels)
    return see(task.key, None, data.pixels[:MONITORED], data.labels[:MONITORED])


def most_errors(task: Task, training_errors: int) -> int:
    """Returns how many errors among all cases are a net's share of errors in training ones."""
    return math.floor(training_errors * len(task.everything.labels) / len(task.data.labels))


def go_on(task: Task, net: DBN, most: int) -> Continued:
    """Goes on with all cases until the net makes no more than so many errors among them.

    Rate and schedule restart at values of their own, since a rate that has fallen to nothing could
    not catch up.
    """
    config = task.config
    rate = schedule(config.all_schedule, config.all_rate, config.all_epochs)
    return learn_all(task, net, "all_cases", 250, config.all_epochs, rate, most)


def tail(task: Task, net: DBN) -> Continued:
    """Goes on for long at a very small, constant rate (footnote 9)."""
    config = task.config
    rate = schedule("constant", config.tail_rate, config.tail_epochs)
    return learn_all(task, net, "tail", 251, config.tail_epochs, rate, most=-1)


def learn_all(
    task: Task,
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
      net: to start from, at rest.
      name: of the stage.
      key_number: of the stage's draws within the run's.
      n_epochs: at most.
      rate: of each epoch.
      most: errors among all cases at which it ends; -1 never.
    """
    config, everything = task.config, task.everything
    learn = program(task, config.up_down_steps[-1])
    key = jax.random.fold_in(task.key, key_number)

    def epoch(i: int, state: Continued) -> tuple[Continued, bool, dict[str, float]]:
        hyper = passes.hyper(rate(i), config.all_momentum, config.up_down_decay)
        learner, report = learn(jax.random.fold_in(key, i), hyper, state.learner, None, everything)
        errors = count(task, learner.params, everything)
        visible = observed(task, everything).visible
        numbers = {
            "reconstruction_error": float(evaluate.reconstruction_error(learner.params, visible)),
            "training_error": 100.0 * errors / len(everything.labels),
        }
        state = Continued(learner, jnp.int32(errors))
        return state, bool(report.finite) and finite(numbers), numbers

    start = Continued(
        learner=up_down.up_down(1).init(task.key, owned(net)),
        errors=jnp.int32(count(task, net, everything)),
    )
    stage = stages.Stage(name, n_epochs, epoch, done=lambda state: int(state.errors) <= most)
    return stages.run(stage, start, io.describe(net), task.place)
