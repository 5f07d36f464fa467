"""A net fine-tuned by up-down (2006 paper, sections 5 and 6.1).

Phases with growing numbers of Gibbs iterations learn from the training cases, and the validation
cases choose among the nets after each epoch. `go_on` then learns from all cases until the net makes
no larger a share of errors among them than the chosen one makes in training (footnote 9).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import passes, up_down
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, fitting, greedy, keys, loop, stages, streaming
from dbnjax.training import selection as selection_lib
from dbnjax.training.plans import UpDownPlan
from dbnjax.training.pretraining import monitored
from dbnjax.training.selection import ByErrors
from dbnjax.training.task import Task
from dbnjax.types import Array, Key, Learner, PyTree
from dbnjax.weights import io


def fine_tune(task: Task, plan: UpDownPlan, net: DBN) -> ByErrors:
    """Runs the up-down phases (section 5) and returns the state with the best net in it.

    A net without labels has no error to be chosen by: the last one stands as the best.

    Args:
      task: key, cases and place; pixels `[n_cases, n_visible]` uint8.
      plan: how the net learns.
      net: to start from, which is not changed.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: a number of the plan cannot be used, or a checkpoint or a file.
    """
    selected = ByErrors(
        learner=at_rest(task.key, net),
        best=fitting.owned(net),
        errors=jnp.int32(count(task, net, task.held_out)),
        epoch=jnp.int32(0),
    )
    for phase in range(len(plan.n_epochs)):
        selected = run_phase(task, plan, phase, selected)
    return selected


def at_rest(key: Key, net: DBN) -> up_down.State:
    """Returns an up-down state of a copy of a net, without velocity."""
    state: up_down.State = up_down.up_down(1).init(key, net)
    return state


def count(task: Task, net: DBN, data: loop.Data) -> int:
    """Returns the errors under the deterministic read-out; 0 without labels."""
    if not task.n_labels:
        return 0
    return evaluate.count_errors(evaluate.deterministic, task.key, net, data.pixels, data.labels)


def net_learning(plan: UpDownPlan, n_steps: int, n_labels: int) -> tuple[Learner, loop.Prepare]:
    """Returns what an epoch of up-down is compiled from: its learner and what makes its data."""
    learner = up_down.up_down(n_steps, plan.labels, plan.statistics)
    return learner, greedy.net_data(plan.pixels, n_labels)


def phase_key(key: Key, phase: int) -> Key:
    """Returns the key of a phase's epochs, from that of the run."""
    return jax.random.fold_in(key, keys.PHASES + phase)


def phase_hyper(plan: UpDownPlan, phase: int) -> Callable[[int], passes.Hyper]:
    """Returns the rate, momentum and decay of each epoch of a phase; all share one schedule."""
    rate = fitting.schedule(plan.schedule, plan.rate, sum(plan.n_epochs))
    before = sum(plan.n_epochs[:phase])
    return lambda i: passes.hyper(rate(before + i), plan.momentum, plan.decay)


def phase_stage(plan: UpDownPlan, phase: int, epoch: fitting.Epoch) -> stages.Stage:
    """Wraps an epoch function as the training stage of a phase."""
    return stages.Stage(f"up_down_{phase + 1}", plan.n_epochs[phase], epoch)


def run_phase(task: Task, plan: UpDownPlan, phase: int, selected: ByErrors) -> ByErrors:
    """Runs one phase of up-down with its number of Gibbs iterations."""
    learner, prepare = net_learning(plan, plan.n_steps[phase], task.n_labels)
    program = loop.epoch_program(learner, prepare, plan.batch_size)
    learn = streaming.epoch_over(program, task.learned_from)
    key, hyper = phase_key(task.key, phase), phase_hyper(plan, phase)
    before = sum(plan.n_epochs[:phase])

    def epoch(i: int, seen: ByErrors) -> tuple[ByErrors, bool, dict[str, float]]:
        state, report = learn(jax.random.fold_in(key, i), hyper(i), seen.learner, None)
        errors, number = count(task, state.params, task.held_out), before + i + 1
        if task.n_labels:
            seen = selection_lib.update(seen, state, state.params, number, errors)
        else:
            seen = seen._replace(
                learner=state, best=fitting.owned(state.params), epoch=jnp.int32(number)
            )
        numbers = measure(task, state.params, errors)
        return seen, bool(report.finite) and fitting.finite(numbers), numbers

    found: ByErrors = stages.run(
        phase_stage(plan, phase, epoch),
        selected,
        io.describe(selected.best),
        task.place,
        task.listener,
    )
    return found


def measure(task: Task, net: DBN, errors: int) -> dict[str, float]:
    """Returns what is recorded after an up-down epoch; errors are in per cent.

    The training error is that of as many cases as validation has.
    """
    trained, held_out = (observed(data, task.n_labels) for data in (task.data, task.held_out))
    gap, error = gap_and_reconstruction(net, trained, held_out)
    numbers = {"reconstruction_error": float(error), "free_energy_gap": float(gap)}
    if task.n_labels:
        n = min(len(task.held_out.labels), len(task.data.labels))
        part = loop.Data(task.data.pixels[:n], task.data.labels[:n], None)
        numbers["training_error"] = 100.0 * count(task, net, part) / n
        numbers["validation_error"] = 100.0 * errors / len(task.held_out.labels)
    return numbers


def gap_and_reconstruction(
    net: DBN, trained: passes.Batch, held_out: passes.Batch
) -> tuple[Array, Array]:
    """Returns the memory's free-energy gap and the net's reconstruction error.

    The reconstruction is deterministic, of held-out pixels, by the first layer alone.
    """
    states = [evaluate.memory_states(net, batch) for batch in (trained, held_out)]
    gap, _ = evaluate.free_energy_gap(net.memory, *states)
    return gap, evaluate.reconstruction_error(net, held_out.visible)


def observed(data: loop.Data, n_labels: int) -> passes.Batch:
    """Returns the first cases as intensities, with their labels."""
    unused = jax.random.key(0)  # intensities draw nothing
    return greedy.net_data("mean", n_labels)(unused, None, *monitored(data))


class Continued(NamedTuple):
    """An up-down state that learns from all cases.

    Attributes:
      learner: what learning goes on from.
      errors: of the net among all cases, int32.
    """

    learner: up_down.State
    errors: Array

    @property
    def params(self) -> PyTree:
        """The parameters that learning goes on from."""
        return self.learner.params


def most_errors(training_errors: int, data: loop.Data, everything: loop.Data) -> int:
    """Returns how many errors among all cases are a net's share of errors in training ones."""
    return math.floor(training_errors * len(everything.labels) / len(data.labels))


def go_on(
    task: Task,
    plan: UpDownPlan,
    net: DBN,
    everything: loop.Data,
    name: str = "all_cases",
    number: int = keys.ALL_CASES,
    most: int = -1,
) -> Continued:
    """Goes on with all cases, in random minibatches, until a net errs no more than so often.

    Args:
      task: what all stages share.
      plan: of one phase; its schedule begins anew, since a rate that has fallen to nothing could
        not catch up.
      net: to start from, at rest.
      everything: all cases that are not test cases, on the device.
      name: of the stage.
      number: of the stage's draws within the run's (`training.keys`).
      most: errors among all cases at which it ends; -1 never.
    """
    learner, prepare = net_learning(plan, plan.n_steps[0], task.n_labels)
    program = loop.epoch_program(learner, prepare, plan.batch_size)
    key, hyper = jax.random.fold_in(task.key, number), phase_hyper(plan, 0)
    visible = observed(everything, task.n_labels).visible

    def epoch(i: int, state: Continued) -> tuple[Continued, bool, dict[str, float]]:
        key_epoch = jax.random.fold_in(key, i)
        learned, report = program(key_epoch, hyper(i), state.learner, None, everything)
        errors = count(task, learned.params, everything)
        numbers = {
            "reconstruction_error": float(evaluate.reconstruction_error(learned.params, visible)),
            "training_error": 100.0 * errors / len(everything.labels),
        }
        state = Continued(learned, jnp.int32(errors))
        return state, bool(report.finite) and fitting.finite(numbers), numbers

    start = Continued(at_rest(task.key, net), jnp.int32(count(task, net, everything)))
    (n_epochs,) = plan.n_epochs
    stage = stages.Stage(name, n_epochs, epoch, done=lambda state: int(state.errors) <= most)
    found: Continued = stages.run(stage, start, io.describe(net), task.place, task.listener)
    return found
