"""The greedy stages of all members of a sweep, each as one program for all of them.

Read `mnist_dbn.stages` first: keys, learners and hyper-parameters are its own, so that an update of
a member is what it would be alone, up to rounding. Every array of a machine or a state has a
leading axis of members. First weights and draws are those of each member's own seed; the order of
the cases is that of the task's key, one for all, since each minibatch is then gathered once. A
member that diverges is marked and goes on: it cannot disturb the others.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.models import dbn
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, greedy, loop, sharding, stages
from dbnjax.types import Array, Key, PyTree
from dbnjax.weights import io
from experiments.common import arithmetic
from experiments.mnist_dbn import stages as dbn_stages
from experiments.mnist_dbn.config import Config
from experiments.mnist_dbn.stages import Task


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


def member_keys(task: Task, configs: Sequence[Config], key_of: Callable[[Task], Key]) -> Key:
    """Returns what `key_of` takes from the task under each member's own seed, `[n_members]`."""
    keys = [arithmetic.key(config.seed, config.draws) for config in configs]
    return jnp.stack([key_of(dataclasses.replace(task, key=key)) for key in keys])


def epoch_keys(
    task: Task, configs: Sequence[Config], key_of: Callable[[Task], Key]
) -> Callable[[int], loop.Keys]:
    """Returns the keys of each epoch of a stage, whose key `key_of` takes from a task.

    Members of one seed share their draws, which are then made once for all.
    """
    common, own = key_of(task), member_keys(task, configs, key_of)
    if len({config.seed for config in configs}) == 1:
        own = own[0]

    def keys(i: int) -> loop.Keys:
        def split(key: Key) -> loop.Keys:
            return loop.split_key(jax.random.fold_in(key, i))

        draws = jax.vmap(split)(own).draws if own.ndim else split(own).draws
        return loop.Keys(split(common).order, draws)

    return keys


def epoch_hypers(
    of_members: Sequence[Callable[[int], PyTree]], n_steps: Sequence[int]
) -> Callable[[int], PyTree]:
    """Joins the members' hyper-parameters of each epoch of a stage.

    Args:
      of_members: every member's hyper-parameters of an epoch.
      n_steps: every member's Gibbs iterations; data of the program only where they differ.
    """

    def hyper(i: int) -> PyTree:
        joined = stacked([of_member(i) for of_member in of_members])
        return joined if len(set(n_steps)) == 1 else joined._replace(n_steps=jnp.array(n_steps))

    return hyper


def learn_stacks(task: Task, configs: Sequence[Config]) -> Learned:
    """Learns the stacks of all members and unties them, `mnist_dbn.stages.learn_stack` of many.

    Args:
      task: with the options of any member, and the key that orders the cases for all.
      configs: every member's options, which differ in `sweep.members.ARRAYS` at most.

    Returns:
      The nets and which of them are sound.
    """
    sound = jnp.ones(len(configs), bool)
    first = first_stacks(task, configs)

    def learn(level: int, machine: RBM, below: greedy.Below, n_labels: int) -> RBM:
        nonlocal sound
        del machine  # of the task's key: each member has one of its own
        machines, sound = learn_layer(
            task, configs, level, first.rbms[level], below, n_labels, sound
        )
        return machines

    stacks = dbn_stages.grow(task, learn)
    return Learned(jax.vmap(dbn.untie)(stacks), sound)


def first_stacks(task: Task, configs: Sequence[Config]) -> Stack:
    """Returns every member's machines before any of them learns."""

    def of_key(key: Key) -> Stack:
        own = dataclasses.replace(task, key=key)
        return dbn_stages.grow(own, lambda level, machine, below, n_labels: machine)

    stacks: Stack = jax.vmap(of_key)(member_keys(task, configs, lambda task: task.key))
    return stacks


def learn_layer(
    task: Task,
    configs: Sequence[Config],
    level: int,
    machines: RBM,
    below: greedy.Below,
    n_labels: int,
    sound: Array,
) -> Learned:
    """Learns one machine of every member."""
    common = dataclasses.replace(task.config, k=max(config.k for config in configs))
    learner, prepare = dbn_stages.layer_learning(common, level, n_labels)
    program = loop.ensemble_program(learner, prepare, common.batch_size)
    see = greedy.layer_data("mean", "mean", n_labels)
    seen_of = [dbn_stages.monitored(data) for data in (task.data, task.held_out)]
    hypers = [dbn_stages.layer_hyper(config, level) for config in configs]
    hyper = epoch_hypers(hypers, [config.k for config in configs])
    keys_init = member_keys(task, configs, lambda task: dbn_stages.layer_keys(task, level)[0])
    keys = epoch_keys(task, configs, lambda task: dbn_stages.layer_keys(task, level)[1])

    @each
    def measure(machine: RBM, below: greedy.Below) -> tuple[Array, Array]:
        seen = [see(task.key, below, *cases) for cases in seen_of]
        return evaluate.free_energy_gap(machine, *seen)

    def epoch(i: int, learned: Learned) -> tuple[Learned, bool, dict[str, float]]:
        state, report = program(keys(i), hyper(i), learned.state, below, task.data)
        gap, error = measure(state.params, below)
        sound = learned.sound & report.finite & jnp.isfinite(gap) & jnp.isfinite(error)
        return Learned(state, sound), True, summary(sound, reconstruction_error=error)

    states = jax.vmap(learner.init)(keys_init, machines)
    start = Learned(sharding.place_members(states), sound)
    stage = dbn_stages.layer_stage(common, level, epoch)
    state, sound = stages.run(stage, start, io.describe(machines), task.place)
    return Learned(state.params, sound)


def summary(sound: Array, **measured: Array) -> dict[str, float]:
    """Returns what is recorded after an epoch: the least of the sound members' numbers."""
    least = {
        f"least_{name}": float(jnp.where(sound, x, jnp.inf).min()) for name, x in measured.items()
    }
    return least | {"diverged": int((~sound).sum())}
