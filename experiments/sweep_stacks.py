"""The greedy stages of all members of a sweep, each as one program for all of them.

Read `dbn_stages` first: keys, learners and hyper-parameters are its own, so that an update of a
member is what it would be alone, up to rounding. Every array of a machine or a state has a leading
axis of members. A member that diverges is marked and goes on: it cannot disturb the others.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.models import dbn
from dbnjax.models.rbm import RBM
from dbnjax.training import evaluate, greedy, loop, sharding, stages
from dbnjax.types import Array, PyTree
from dbnjax.weights import io
from experiments import dbn_stages
from experiments.dbn_config import Config
from experiments.dbn_stages import Task


class Learned(NamedTuple):
    """What learning of members goes on from.

    Attributes:
      state: of the learner, or the nets that it made.
      sound: `[n_members]` bool, false once a member has diverged.
    """

    state: PyTree
    sound: Array


def stacked(trees: Sequence[PyTree]) -> PyTree:
    """Joins equal trees into one with a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def each(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Compiles a measurement of one member into one of all."""
    return jax.jit(sharding.map_members(function))


def learn_stacks(task: Task, configs: Sequence[Config]) -> Learned:
    """Learns the stacks of all members and unties them, `dbn_stages.learn_stack` of many.

    Args:
      task: with the options of any member.
      configs: every member's options, which differ in `sweep_members.ARRAYS` at most.

    Returns:
      The nets and which of them are sound.
    """
    sound = jnp.ones(len(configs), bool)

    def learn(level: int, machine: RBM, below: greedy.Below, n_labels: int) -> RBM:
        nonlocal sound
        machines, sound = learn_layer(task, configs, level, machine, below, n_labels, sound)
        return machines

    stacks = dbn_stages.grow(task, learn)
    return Learned(jax.vmap(dbn.untie)(stacks), sound)


def learn_layer(
    task: Task,
    configs: Sequence[Config],
    level: int,
    machine: RBM,
    below: greedy.Below,
    n_labels: int,
    sound: Array,
) -> Learned:
    """Learns one machine of every member, all from the same first weights."""
    common = task.config
    learner, prepare = dbn_stages.layer_learning(common, level, n_labels)
    program = loop.ensemble_program(learner, prepare, common.batch_size)
    see = greedy.layer_data("mean", "mean", n_labels)
    first = [dbn_stages.monitored(data) for data in (task.data, task.held_out)]
    hypers = [dbn_stages.layer_hyper(config, level) for config in configs]
    key_init, key_epochs = dbn_stages.layer_keys(task, level)

    @each
    def measure(machine: RBM, below: greedy.Below) -> tuple[Array, Array]:
        seen = [see(task.key, below, *cases) for cases in first]
        return evaluate.free_energy_gap(machine, *seen)

    def epoch(i: int, learned: Learned) -> tuple[Learned, bool, dict[str, float]]:
        key_epoch, hyper = jax.random.fold_in(key_epochs, i), stacked([h(i) for h in hypers])
        state, report = program(key_epoch, hyper, learned.state, below, task.data)
        gap, error = measure(state.params, below)
        sound = learned.sound & report.finite & jnp.isfinite(gap) & jnp.isfinite(error)
        return Learned(state, sound), True, summary(sound, reconstruction_error=error)

    first_states = stacked([learner.init(key_init, machine)] * len(configs))
    start = Learned(sharding.place_members(first_states), sound)
    stage = dbn_stages.layer_stage(common, level, epoch)
    state, sound = stages.run(stage, start, io.describe(machine), task.place)
    return Learned(state.params, sound)


def summary(sound: Array, **measured: Array) -> dict[str, float]:
    """Returns what is recorded after an epoch: the least of the sound members' numbers."""
    least = {
        f"least_{name}": float(jnp.where(sound, x, jnp.inf).min()) for name, x in measured.items()
    }
    return least | {"diverged": int((~sound).sum())}
