"""The up-down phases of all members of a sweep, each as one program for all of them.

Read `dbn_fine_tuning` and `sweep_stacks` first.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import passes, up_down
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, greedy, loop, stages
from dbnjax.types import Array, PyTree
from dbnjax.weights import io
from experiments import dbn_fine_tuning
from experiments.dbn_stages import Task, owned, schedule
from experiments.mnist_dbn import Config
from experiments.sweep_stacks import Learned, each, stacked, summary


class Selected(NamedTuple):
    """`dbn_fine_tuning.Selected` of every member.

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
    """Runs the up-down phases of every member, `dbn_fine_tuning.fine_tune` of many."""
    nets, common = start.state, task.config
    total = sum(common.up_down_epochs)
    selected = Selected(
        learned=Learned(up_down.up_down(1).init(task.key, owned(nets)), start.sound),
        best=owned(nets),
        errors=count(task, nets, task.held_out),
        epoch=jnp.zeros(len(configs), jnp.int32),
    )
    rates = [schedule(c.up_down_schedule, c.up_down_rate, total) for c in configs]
    before = 0
    for phase, n_epochs in enumerate(common.up_down_epochs):
        run = run_phase(task, configs, phase, before, rates)
        stage = stages.Stage(f"up_down_{phase + 1}", n_epochs, run)
        selected = stages.run(stage, selected, io.describe(nets), task.place)
        before += n_epochs
    return selected


def run_phase(
    task: Task,
    configs: Sequence[Config],
    phase: int,
    before: int,
    rates: Sequence[Callable[[int], float]],
) -> Callable[[int, Selected], tuple[Selected, bool, dict[str, float]]]:
    """Makes the epoch of one phase of up-down."""
    common = task.config
    learner = dbn_fine_tuning.make_learner(common, common.up_down_steps[phase])
    prepare = greedy.net_data(common.pixels, task.n_labels)
    program = loop.ensemble_program(learner, prepare, common.batch_size)
    key = jax.random.fold_in(task.key, 200 + phase)
    trained, held_out = (dbn_fine_tuning.observed(task, d) for d in (task.data, task.held_out))

    @each
    def measure(net: DBN) -> tuple[Array, Array]:
        states = [evaluate.memory_states(net, batch) for batch in (trained, held_out)]
        gap, _ = evaluate.free_energy_gap(net.memory, *states)
        return gap, evaluate.reconstruction_error(net, held_out.visible)

    def epoch(i: int, selected: Selected) -> tuple[Selected, bool, dict[str, float]]:
        hypers = [
            passes.hyper(rate(before + i), config.up_down_momentum, config.up_down_decay)
            for rate, config in zip(rates, configs, strict=True)
        ]
        state, report = program(
            jax.random.fold_in(key, i), stacked(hypers), selected.learned.state, None, task.data
        )
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

    return epoch


def count(task: Task, nets: DBN, data: loop.Data) -> Array:
    """Returns every member's errors under the deterministic read-out, `[n_members]` int32."""
    return _count(nets, task.key, data.pixels, data.labels)


@jax.jit
def _count(nets: DBN, key: Array, pixels: Array, labels: Array) -> Array:
    def one(net: DBN) -> Array:
        guesses = evaluate.scores(evaluate.deterministic, key, net, pixels).argmax(-1)
        return (guesses != labels).sum(dtype=jnp.int32)

    return jax.lax.map(one, nets)


@jax.jit
@jax.vmap
def choose(first: Array, a: PyTree, b: PyTree) -> PyTree:
    """Returns a member's tree from the first of two ensembles, or from the second."""
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)
