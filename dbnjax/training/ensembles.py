"""Stacks and nets of many members learned at once, each stage as one program for all of them.

Read `pretraining` and `fine_tuning` first: keys, learners and hyper-parameters are theirs, so that
an update of a member is what it would be alone, up to rounding. Every array of an RBM, a net or a
state has a leading axis of members. First weights and draws are those of each member's own key; the
order of the cases is that of the task's key, one for all, since each minibatch is then gathered
once. A member that diverges is marked and goes on: it cannot disturb the others.

Plans of the members differ in numbers alone: rates, schedules, momentum, decay and Gibbs steps.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, fine_tuning, greedy, loop, pretraining, sharding, stages
from dbnjax.training import selection as selection_lib
from dbnjax.training.fitting import owned
from dbnjax.training.plans import StackPlan, UpDownPlan
from dbnjax.training.selection import ByErrors
from dbnjax.training.task import Task
from dbnjax.types import Array, Key, PyTree
from dbnjax.weights import io


class Learned(NamedTuple):
    """What learning of members goes on from.

    Attributes:
      state: of the learner, or the nets that it made.
      sound: `[n_members]` bool, false once a member has diverged.
    """

    state: PyTree
    sound: Array


def learn_stacks(task: Task, keys: Sequence[Key], plans: Sequence[StackPlan]) -> Learned:
    """Learns the stacks of all members and unties them, `pretraining.learn_stack` of many.

    Args:
      task: as of `pretraining.learn_stack`; its key orders the cases for all.
      keys: every member's own.
      plans: every member's.

    Returns:
      The nets and which of them are sound.

    Raises:
      InputError: a number of a plan cannot be used, or a checkpoint or a file.
    """
    sound = jnp.ones(len(plans), bool)
    first = first_stacks(task, keys, plans[0])

    def learn(level: int, common: RBM, below: greedy.Below, n_labels: int) -> RBM:
        nonlocal sound
        del common  # of the task's key: each member has one of its own
        rbms, sound = learn_layer(
            task, keys, plans, level, Learned(first.rbms[level], sound), below, n_labels
        )
        return rbms

    stacks = pretraining.grow(task, plans[0], learn)
    return Learned(jax.vmap(dbn.untie)(stacks), sound)


def first_stacks(task: Task, keys: Sequence[Key], plan: StackPlan) -> Stack:
    """Returns every member's RBMs before any of them learns."""

    def of_key(key: Key) -> Stack:
        own = dataclasses.replace(task, key=key)
        return pretraining.grow(own, plan, lambda level, first, below, n_labels: first)

    stacks: Stack = jax.vmap(of_key)(jnp.stack(keys))
    return stacks


def learn_layer(
    task: Task,
    keys: Sequence[Key],
    plans: Sequence[StackPlan],
    level: int,
    start: Learned,
    below: greedy.Below,
    n_labels: int,
) -> Learned:
    """Learns one RBM of every member, `pretraining.learn_layer` of many."""
    layers = [plan.layers[level] for plan in plans]
    n_steps = [layer.k for layer in layers]
    common = with_steps(plans[0], level, max(n_steps))
    learner, prepare = pretraining.layer_learning(common, level, n_labels)
    program = loop.ensemble_program(learner, task.vary(prepare), common.batch_size)
    see = greedy.layer_data("mean", "mean", n_labels)
    seen_of = [pretraining.monitored(data) for data in (task.data, task.held_out)]
    hyper = epoch_hypers([pretraining.layer_hyper(layer) for layer in layers], n_steps)
    epoch_keys = keys_of_epochs(task, keys, lambda key: pretraining.layer_keys(key, level)[1])
    keys_init = jnp.stack([pretraining.layer_keys(key, level)[0] for key in keys])

    @each
    def measure(rbm: RBM, below: greedy.Below) -> tuple[Array, Array]:
        seen = [see(task.key, below, *cases) for cases in seen_of]
        return evaluate.free_energy_gap(rbm, *seen)

    def epoch(i: int, learned: Learned) -> tuple[Learned, bool, dict[str, float]]:
        state, report = program(epoch_keys(i), hyper(i), learned.state, below, task.data)
        gap, error = measure(state.params, below)
        sound = learned.sound & report.finite & jnp.isfinite(gap) & jnp.isfinite(error)
        return Learned(state, sound), True, summary(sound, reconstruction_error=error)

    states = jax.vmap(learner.init)(keys_init, start.state)
    begin = Learned(sharding.place_members(states), start.sound)
    stage = pretraining.layer_stage(common, level, epoch)
    state, sound = stages.run(stage, begin, io.describe(start.state), task.place, task.listener)
    return Learned(state.params, sound)


def with_steps(plan: StackPlan, level: int, k: int) -> StackPlan:
    """Returns a plan with another number of Gibbs steps for one RBM."""
    layers = list(plan.layers)
    layers[level] = dataclasses.replace(layers[level], k=k)
    return dataclasses.replace(plan, layers=tuple(layers))


def fine_tune(
    task: Task, keys: Sequence[Key], plans: Sequence[UpDownPlan], start: Learned
) -> ByErrors:
    """Runs the up-down phases of every member, `fine_tuning.fine_tune` of many.

    Args:
      task: as of `fine_tuning.fine_tune`, with labels; its key orders the cases for all.
      keys: every member's own.
      plans: every member's.
      start: nets, and which of them are sound.

    Returns:
      The best nets; `learner` is a `Learned`.
    """
    nets = sharding.place_members(start.state)
    at_rest = jax.vmap(fine_tuning.at_rest, in_axes=(None, 0))
    selected = ByErrors(
        learner=Learned(at_rest(task.key, nets), start.sound),
        best=owned(nets),
        errors=count(task, nets, task.held_out),
        epoch=jnp.zeros(len(plans), jnp.int32),
    )
    for phase in range(len(plans[0].n_epochs)):
        selected = run_phase(task, keys, plans, phase, selected)
    return selected


def run_phase(
    task: Task, keys: Sequence[Key], plans: Sequence[UpDownPlan], phase: int, selected: ByErrors
) -> ByErrors:
    """Runs one phase of up-down of every member, `fine_tuning.run_phase` of many."""
    common, n_steps = plans[0], [plan.n_steps[phase] for plan in plans]
    learner, prepare = fine_tuning.net_learning(common, max(n_steps), task.n_labels)
    program = loop.ensemble_program(learner, prepare, common.batch_size)
    epoch_keys = keys_of_epochs(task, keys, lambda key: fine_tuning.phase_key(key, phase))
    hyper = epoch_hypers([fine_tuning.phase_hyper(plan, phase) for plan in plans], n_steps)
    before = sum(common.n_epochs[:phase])
    trained, held_out = (
        fine_tuning.observed(data, task.n_labels) for data in (task.data, task.held_out)
    )

    @each
    def measure(net: DBN) -> tuple[Array, Array]:
        return fine_tuning.gap_and_reconstruction(net, trained, held_out)

    def epoch(i: int, seen: ByErrors) -> tuple[ByErrors, bool, dict[str, float]]:
        state, report = program(epoch_keys(i), hyper(i), seen.learner.state, None, task.data)
        gap, error = measure(state.params)
        errors = count(task, state.params, task.held_out)
        sound = seen.learner.sound & report.finite & jnp.isfinite(gap) & jnp.isfinite(error)
        learned, number = Learned(state, sound), before + i + 1
        seen = selection_lib.update(seen, learned, state.params, number, errors)
        return seen, True, summary(sound, validation_errors=errors)

    stage = fine_tuning.phase_stage(common, phase, epoch)
    found: ByErrors = stages.run(
        stage, selected, io.describe(selected.best), task.place, task.listener
    )
    return found


def each(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Compiles a measurement of one member into one of all."""
    return jax.jit(sharding.map_members(function))


def keys_of_epochs(
    task: Task, keys: Sequence[Key], key_of: Callable[[Key], Key]
) -> Callable[[int], loop.Keys]:
    """Returns the keys of each epoch of a stage, whose key `key_of` makes from a run's.

    Members of one key share their draws, which are then made once for all.
    """
    common, own = key_of(task.key), jnp.stack([key_of(key) for key in keys])
    words = jax.random.key_data(own)
    if bool((words == words[0]).all()):
        own = own[0]

    def of_epoch(i: int) -> loop.Keys:
        def split(key: Key) -> loop.Keys:
            return loop.split_key(jax.random.fold_in(key, i))

        draws = jax.vmap(split)(own).draws if own.ndim else split(own).draws
        return loop.Keys(split(common).order, draws)

    return of_epoch


def epoch_hypers(
    of_members: Sequence[Callable[[int], Any]], n_steps: Sequence[int]
) -> Callable[[int], Any]:
    """Joins the members' hyper-parameters of each epoch of a stage.

    Args:
      of_members: every member's hyper-parameters of an epoch.
      n_steps: every member's Gibbs iterations; data of the program only where they differ.
    """

    def hyper(i: int) -> Any:
        of_each = [of_member(i) for of_member in of_members]
        joined = jax.tree.map(lambda *numbers: jnp.stack(numbers), *of_each)
        return joined if len(set(n_steps)) == 1 else joined._replace(n_steps=jnp.array(n_steps))

    return hyper


def summary(sound: Array, **measured: Array) -> dict[str, float]:
    """Returns what is recorded after an epoch: the least of the sound members' numbers."""
    least = {
        f"least_{name}": float(jnp.where(sound, x, jnp.inf).min()) for name, x in measured.items()
    }
    return least | {"diverged": int((~sound).sum())}


def count(task: Task, nets: DBN, data: loop.Data) -> Array:
    """Returns every member's errors under the deterministic read-out, `[n_members]` int32."""
    return _count(nets, task.key, data.pixels, data.labels)


@jax.jit
def _count(nets: DBN, key: Array, pixels: Array, labels: Array) -> Array:
    def one(net: DBN) -> Array:
        guesses = evaluate.scores(evaluate.deterministic, key, net, pixels).argmax(-1)
        return (guesses != labels).sum(dtype=jnp.int32)

    return sharding.map_members(one)(nets)
