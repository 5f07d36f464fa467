"""The up-down phases of all members of a sweep, each as one program for all of them.

Read `mnist_dbn.fine_tuning` and `sweep.stacks` first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, loop, sharding, stages
from dbnjax.training.fitting import owned
from dbnjax.training.selection import choose
from dbnjax.types import Array
from dbnjax.weights import io
from experiments.mnist_dbn import fine_tuning as dbn_fine_tuning
from experiments.mnist_dbn.config import Config
from experiments.mnist_dbn.stages import Task
from experiments.sweep.stacks import Learned, each, epoch_hypers, epoch_keys, summary


class Selected(NamedTuple):
    """`mnist_dbn.fine_tuning.Selected` of every member.

    Attributes:
      learned: up-down states and which members are sound.
      best: the nets with the fewest validation errors.
      errors: `[n_members]` int32.
      epoch: `[n_members]` int32.
    """

    learned: Learned
    best: DBN
    errors: Array
    epoch: Array


def fine_tune(task: Task, configs: Sequence[Config], start: Learned) -> Selected:
    """Runs the up-down phases of every member, `mnist_dbn.fine_tuning.fine_tune` of many."""
    nets = sharding.place_members(start.state)
    selected = Selected(
        learned=Learned(dbn_fine_tuning.at_rest(task, nets), start.sound),
        best=owned(nets),
        errors=count(task, nets, task.held_out),
        epoch=jnp.zeros(len(configs), jnp.int32),
    )
    for phase in range(len(task.config.up_down_epochs)):
        selected = run_phase(task, configs, phase, selected)
    return selected


def run_phase(task: Task, configs: Sequence[Config], phase: int, selected: Selected) -> Selected:
    """Runs one phase of up-down of every member."""
    common = task.config
    n_steps = [config.up_down_steps[phase] for config in configs]
    learner, prepare = dbn_fine_tuning.net_learning(task, max(n_steps))
    program = loop.ensemble_program(learner, prepare, common.batch_size)
    keys = epoch_keys(task, configs, lambda task: dbn_fine_tuning.phase_key(task, phase))
    hypers = [dbn_fine_tuning.phase_hyper(config, phase) for config in configs]
    hyper = epoch_hypers(hypers, n_steps)
    before = dbn_fine_tuning.epochs_before(common, phase)
    trained, held_out = (dbn_fine_tuning.observed(task, d) for d in (task.data, task.held_out))

    @each
    def measure(net: DBN) -> tuple[Array, Array]:
        return dbn_fine_tuning.gap_and_reconstruction(net, trained, held_out)

    def epoch(i: int, selected: Selected) -> tuple[Selected, bool, dict[str, float]]:
        state, report = program(keys(i), hyper(i), selected.learned.state, None, task.data)
        gap, error = measure(state.params)
        errors = count(task, state.params, task.held_out)
        sound = selected.learned.sound & report.finite & jnp.isfinite(gap) & jnp.isfinite(error)
        better = errors < selected.errors
        selected = Selected(
            learned=Learned(state, sound),
            best=choose(better, state.params, selected.best),
            errors=jnp.where(better, errors, selected.errors),
            epoch=jnp.where(better, before + i + 1, selected.epoch),
        )
        return selected, True, summary(sound, validation_errors=errors)

    stage = dbn_fine_tuning.phase_stage(common, phase, epoch)
    return stages.run(stage, selected, io.describe(selected.best), task.place)


def count(task: Task, nets: DBN, data: loop.Data) -> Array:
    """Returns every member's errors under the deterministic read-out, `[n_members]` int32."""
    return _count(nets, task.key, data.pixels, data.labels)


@jax.jit
def _count(nets: DBN, key: Array, pixels: Array, labels: Array) -> Array:
    def one(net: DBN) -> Array:
        guesses = evaluate.scores(evaluate.deterministic, key, net, pixels).argmax(-1)
        return (guesses != labels).sum(dtype=jnp.int32)

    return sharding.map_members(one)(nets)
