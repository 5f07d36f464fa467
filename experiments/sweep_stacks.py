"""The greedy stages of all members of a sweep, each as one program for all of them.

Read `dbn_stages` first: keys, plans and schedules are its own, so that an update of a member is
what it would be alone, up to rounding. Every array of a machine or a state has a leading axis of
members. A member that diverges is marked and goes on: it cannot disturb the others.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import updates
from dbnjax.models import dbn
from dbnjax.models.rbm import RBM
from dbnjax.training import evaluate, greedy, loop, stages
from dbnjax.types import Array, PyTree
from dbnjax.weights import io
from experiments import dbn_stages
from experiments.dbn_stages import EARLY_EPOCHS, MONITORED, Task, schedule
from experiments.mnist_dbn import Config


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
    """Compiles a measurement of one member into one of all; memory stays that of one."""
    return jax.jit(lambda *members: jax.lax.map(lambda one: function(*one), members))


def learn_stacks(task: Task, configs: Sequence[Config]) -> Learned:
    """Learns the stacks of all members and unties them, `dbn_stages.learn_stack` of many.

    Args:
      task: with the options of any member.
      configs: every member's options, which differ in `sweep_members.ARRAYS` at most.

    Returns:
      The nets and which of them are sound.
    """
    layers = task.config.layers
    sound = jnp.ones(len(configs), bool)

    def learn(level: int, machine: RBM, below: greedy.Below) -> RBM:
        nonlocal sound
        n_labels = task.n_labels if level == len(layers) - 1 else 0
        if level == 0 and task.config.data_biases:
            machine = dbn_stages.with_data_biases(machine, task.data, n_labels)
        machines, sound = learn_layer(task, configs, level, machine, below, n_labels, sound)
        return machines

    n_visible = task.data.pixels.shape[-1]
    stacks = greedy.learn_stack(task.key, n_visible, layers, task.n_labels, learn)
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
    plans = [dbn_stages.plan(config, level) for config in configs]
    chosen, common = plans[0], task.config
    features = chosen.features if level else common.pixels
    learner = dbn_stages.make_learner(common, chosen.rule, features, n_labels)
    prepare = greedy.layer_data(common.pixels, chosen.features, n_labels)
    program = loop.ensemble_program(learner, prepare, common.batch_size)
    see = greedy.layer_data("mean", "mean", n_labels)
    first = [(d.pixels[:MONITORED], d.labels[:MONITORED]) for d in (task.data, task.held_out)]
    rates = [
        schedule(config.schedule, plan.rate, plan.n_epochs)
        for config, plan in zip(configs, plans, strict=True)
    ]
    key_init, key_epochs = jax.random.split(jax.random.fold_in(task.key, 100 + level))

    @each
    def measure(machine: RBM, below: greedy.Below) -> tuple[Array, Array]:
        seen = [see(task.key, below, *cases) for cases in first]
        return evaluate.free_energy_gap(machine, *seen)

    def epoch(i: int, learned: Learned) -> tuple[Learned, bool, dict[str, float]]:
        hypers = [
            updates.hyper(
                rate(i), config.early_momentum if i < EARLY_EPOCHS else plan.momentum, config.decay
            )
            for rate, config, plan in zip(rates, configs, plans, strict=True)
        ]
        key = jax.random.fold_in(key_epochs, i)
        state, report = program(key, stacked(hypers), learned.state, below, task.data)
        gap, error = measure(state.params, below)
        sound = learned.sound & report.finite & jnp.isfinite(gap) & jnp.isfinite(error)
        return Learned(state, sound), True, summary(sound, reconstruction_error=error)

    start = Learned(stacked([learner.init(key_init, machine)] * len(configs)), sound)
    stage = stages.Stage(f"rbm_{level + 1}", chosen.n_epochs, epoch)
    state, sound = stages.run(stage, start, io.describe(machine), task.place)
    return Learned(state.params, sound)


def summary(sound: Array, **measured: Array) -> dict[str, float]:
    """Returns what is recorded after an epoch: the least of the sound members' numbers."""
    least = {
        f"least_{name}": float(jnp.where(sound, x, jnp.inf).min()) for name, x in measured.items()
    }
    return least | {"diverged": int((~sound).sum())}
