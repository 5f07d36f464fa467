"""The fine-tuning stages of the main job: the phases of up-down (section 6.1)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import passes, up_down
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, greedy, loop, stages, streaming
from dbnjax.training.fitting import Epoch, finite, owned, schedule
from dbnjax.types import Array, Key, Learner
from dbnjax.weights import io
from experiments.common import keys
from experiments.mnist_dbn.config import Config
from experiments.mnist_dbn.stages import Task, monitored


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


def fine_tune(task: Task, net: DBN) -> Selected:
    """Runs the up-down phases (section 5) and returns the state with the best net in it.

    A net without labels has no error to be chosen by: the last one stands as the best.
    """
    selected = Selected(
        learner=at_rest(task, net),
        best=owned(net),
        errors=jnp.int32(count(task, net, task.held_out)),
        epoch=jnp.int32(0),
    )
    for phase in range(len(task.config.up_down_epochs)):
        selected = run_phase(task, phase, selected)
    return selected


def at_rest(task: Task, net: DBN) -> up_down.State:
    """Returns an up-down state of a copy of a net, or of many nets, without velocity."""
    state: up_down.State = up_down.up_down(1).init(task.key, net)
    return state


def count(task: Task, net: DBN, data: loop.Data) -> int:
    """Returns the errors under the deterministic read-out; 0 without labels."""
    if not task.n_labels:
        return 0
    return evaluate.count_errors(evaluate.deterministic, task.key, net, data.pixels, data.labels)


def net_learning(task: Task, n_steps: int) -> tuple[Learner, loop.Prepare]:
    """Returns what an epoch of up-down is compiled from: its learner and what makes its data."""
    config = task.config
    learner = up_down.up_down(n_steps, config.up_down_labels, config.up_down_statistics)
    return learner, greedy.net_data(config.pixels, task.n_labels)


def phase_key(task: Task, phase: int) -> Key:
    """Returns the key of a phase's epochs."""
    return jax.random.fold_in(task.key, keys.PHASES + phase)


def epochs_before(config: Config, phase: int) -> int:
    """Returns the number of up-down epochs before a phase."""
    return sum(config.up_down_epochs[:phase])


def phase_hyper(config: Config, phase: int) -> Callable[[int], passes.Hyper]:
    """Returns the rate, momentum and decay of each epoch of a phase; all share one schedule."""
    rate = schedule(config.up_down_schedule, config.up_down_rate, sum(config.up_down_epochs))
    before = epochs_before(config, phase)
    return lambda i: passes.hyper(rate(before + i), config.up_down_momentum, config.up_down_decay)


def phase_stage(config: Config, phase: int, epoch: Epoch) -> stages.Stage:
    """Makes the stage of a phase from what an epoch of it does."""
    return stages.Stage(f"up_down_{phase + 1}", config.up_down_epochs[phase], epoch)


def run_phase(task: Task, phase: int, selected: Selected) -> Selected:
    """Runs one phase of up-down with its number of Gibbs iterations."""
    config = task.config
    learner, prepare = net_learning(task, config.up_down_steps[phase])
    program = loop.epoch_program(learner, prepare, config.batch_size)
    learn = streaming.epoch_over(program, task.learned_from)
    key, hyper = phase_key(task, phase), phase_hyper(config, phase)
    before = epochs_before(config, phase)

    def epoch(i: int, state: Selected) -> tuple[Selected, bool, dict[str, float]]:
        key_epoch = jax.random.fold_in(key, i)
        learned, report = learn(key_epoch, hyper(i), state.learner, None)
        errors = count(task, learned.params, task.held_out)
        if not task.n_labels or errors < state.errors:
            number = jnp.int32(before + i + 1)
            state = Selected(learned, owned(learned.params), jnp.int32(errors), number)
        else:
            state = state._replace(learner=learned)
        numbers = measure(task, learned.params, errors)
        return state, bool(report.finite) and finite(numbers), numbers

    stage = phase_stage(config, phase, epoch)
    return stages.run(stage, selected, io.describe(selected.best), task.place)


def measure(task: Task, net: DBN, errors: int) -> dict[str, float]:
    """Returns what is recorded after an up-down epoch; errors are in per cent.

    The training error is that of as many cases as validation has.
    """
    trained, held_out = (observed(task, data) for data in (task.data, task.held_out))
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


def observed(task: Task, data: loop.Data) -> passes.Batch:
    """Returns the first cases as intensities, with their labels."""
    return greedy.net_data("mean", task.n_labels)(task.key, None, *monitored(data))
