"""The stages of the main job: one for each machine of the stack, one for each up-down phase."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax.learning import contrastive_divergence, passes, persistent, up_down, updates
from dbnjax.models import rbm
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, greedy, loop, stages
from dbnjax.types import Array, Draw, Key, Learner, PyTree
from dbnjax.weights import io

EARLY_EPOCHS = 5  # with the smaller momentum
MONITORED = 1000  # cases in the live reconstruction error and free-energy gap


@dataclasses.dataclass(frozen=True)
class Task:
    """What all stages share.

    Attributes:
      config: the experiment's options.
      key: of the whole run.
      n_labels: label units of the top machine; 0 for none.
      data: training cases on the device.
      held_out: validation cases on the device.
      place: where the run writes.
    """

    config: Any
    key: Key
    n_labels: int
    data: loop.Data
    held_out: loop.Data
    place: stages.Place


class Selected(NamedTuple):
    """An up-down state and the net that did best on validation so far.

    Attributes:
      learner: what learning goes on from.
      best: the net with the fewest validation errors, the first of equals.
      errors: its errors, int32.
    """

    learner: up_down.State
    best: DBN
    errors: Array


@dataclasses.dataclass(frozen=True)
class Plan:
    """How one machine of the stack learns.

    Attributes:
      rule: "cd" or "pcd".
      features: "mean" or "sample", its data from the layers below.
      n_epochs: epochs.
      rate: learning rate at the start.
      momentum: after the first epochs.
    """

    rule: str
    features: Draw
    n_epochs: int
    rate: float
    momentum: float


def schedule(kind: str, rate: float, n_epochs: int) -> Callable[[int], float]:
    """Returns the rate of each epoch: constant, or falling linearly towards zero."""
    falling = optax.linear_schedule(rate, 0.0, max(n_epochs, 1))
    chosen = falling if kind == "linear" else optax.constant_schedule(rate)
    return lambda i: float(chosen(i))


def owned(tree: PyTree) -> PyTree:
    """Copies a tree, so that donating the copy leaves the original alive."""
    return jax.tree.map(jnp.copy, tree)


def finite(numbers: dict[str, float]) -> bool:
    """Returns whether every recorded number is finite: an energy can overflow before a weight."""
    return all(math.isfinite(number) for number in numbers.values())


def plan(config: Any, level: int) -> Plan:
    """Reads a machine's plan off the options; the top one, the memory, has its own."""
    if level < len(config.layers) - 1:
        return Plan(
            rule="cd",
            features=config.greedy_features,
            n_epochs=config.greedy_epochs,
            rate=config.greedy_rate,
            momentum=config.greedy_momentum,
        )
    return Plan(
        rule=config.memory_rule,
        features=config.memory_features,
        n_epochs=config.memory_epochs,
        rate=config.memory_rate,
        momentum=config.memory_momentum,
    )


def learn_stack(task: Task) -> Stack:
    """Learns the machines from the bottom up (section 4), each in a stage of its own."""
    layers = task.config.layers

    def learn(level: int, machine: RBM, below: greedy.Below) -> RBM:
        n_labels = task.n_labels if level == len(layers) - 1 else 0
        if level == 0 and task.config.data_biases:
            machine = with_data_biases(machine, task.data, n_labels)
        return learn_layer(task, level, machine, below, n_labels)

    n_visible = task.data.pixels.shape[-1]
    return greedy.learn_stack(task.key, n_visible, layers, task.n_labels, learn)


def with_data_biases(machine: RBM, data: loop.Data, n_labels: int) -> RBM:
    """Starts visible biases at log p / (1 - p) of the pixels, and of even labels."""
    pixels = data.pixels.mean(0, dtype=jnp.float32) / 255.0
    mean = jnp.concatenate([pixels, jnp.full(n_labels, 1.0 / max(n_labels, 1), jnp.float32)])
    return rbm.match_data(machine, mean, mean * (1.0 - mean))


def make_learner(config: Any, rule: str, n_labels: int) -> Learner:
    """Makes the learner of a machine."""
    if rule == "cd":
        choices = greedy.choices(n_labels)
        return contrastive_divergence.contrastive_divergence(config.k, choices)
    return persistent.persistent_contrastive_divergence(config.memory_chains, config.k)


def learn_layer(task: Task, level: int, machine: RBM, below: greedy.Below, n_labels: int) -> RBM:
    """Learns one machine on what the layers below make of the data."""
    config, chosen = task.config, plan(task.config, level)
    learner = make_learner(config, chosen.rule, n_labels)
    prepare = greedy.layer_data(config.pixels, chosen.features, n_labels)
    program = loop.epoch_program(learner, prepare, config.batch_size)
    see = jax.jit(greedy.layer_data("mean", "mean", n_labels))
    seen = [
        see(task.key, below, data.pixels[:MONITORED], data.labels[:MONITORED])
        for data in (task.data, task.held_out)
    ]
    rate = schedule(config.schedule, chosen.rate, chosen.n_epochs)
    key_init, key_epochs = jax.random.split(jax.random.fold_in(task.key, 100 + level))

    def epoch(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        momentum = config.early_momentum if i < EARLY_EPOCHS else chosen.momentum
        hyper = updates.hyper(rate(i), momentum, config.decay)
        key_epoch = jax.random.fold_in(key_epochs, i)
        state, report = program(key_epoch, hyper, state, below, task.data)
        gap, error = evaluate.free_energy_gap(state.params, *seen)
        numbers = {"reconstruction_error": float(error), "free_energy_gap": float(gap)}
        return state, bool(report.finite) and finite(numbers), numbers

    stage = stages.Stage(f"rbm_{level + 1}", chosen.n_epochs, epoch)
    state = owned(learner.init(key_init, machine))
    params: RBM = stages.run(stage, state, io.describe(machine), task.place).params
    return params


def fine_tune(task: Task, net: DBN) -> DBN:
    """Runs the up-down phases (section 5) and returns the net that did best on validation.

    A net without labels has no error to be chosen by: the last one is returned.
    """
    config = task.config
    selected = Selected(
        learner=up_down.up_down(1).init(task.key, owned(net)),
        best=owned(net),
        errors=count(task, net),
    )
    total = sum(config.up_down_epochs)
    rate = schedule(config.up_down_schedule, config.up_down_rate, total)
    before = 0
    for phase, n_epochs in enumerate(config.up_down_epochs):
        selected = run_phase(task, phase, before, n_epochs, rate, selected)
        before += n_epochs
    return selected.best


def count(task: Task, net: DBN) -> Array:
    """Returns the validation errors under the deterministic read-out; 0 without labels."""
    if not task.n_labels:
        return jnp.int32(0)
    pixels, labels = task.held_out.pixels, task.held_out.labels
    errors = evaluate.count_errors(evaluate.deterministic, task.key, net, pixels, labels)
    return jnp.int32(errors)


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
    learner = up_down.up_down(config.up_down_steps[phase], config.up_down_labels)
    prepare = greedy.net_data(config.pixels, task.n_labels)
    program = loop.epoch_program(learner, prepare, config.batch_size)
    key = jax.random.fold_in(task.key, 200 + phase)

    def epoch(i: int, state: Selected) -> tuple[Selected, bool, dict[str, float]]:
        hyper = passes.hyper(rate(before + i), config.up_down_momentum, config.up_down_decay)
        key_epoch = jax.random.fold_in(key, i)
        trained, report = program(key_epoch, hyper, state.learner, None, task.data)
        errors = count(task, trained.params)
        if not task.n_labels or errors < state.errors:
            state = Selected(trained, owned(trained.params), errors)
        else:
            state = state._replace(learner=trained)
        numbers = measure(task, trained.params, errors)
        return state, bool(report.finite) and finite(numbers), numbers

    stage = stages.Stage(f"up_down_{phase + 1}", n_epochs, epoch)
    return stages.run(stage, selected, io.describe(selected.best), task.place)


def measure(task: Task, net: DBN, errors: Array) -> dict[str, float]:
    """Returns what is recorded after an up-down epoch; errors are in per cent.

    The reconstruction is deterministic, of held-out pixels, by the first layer alone.
    """
    see = greedy.net_data("mean", task.n_labels)
    trained, held_out = (
        see(task.key, None, data.pixels[:MONITORED], data.labels[:MONITORED])
        for data in (task.data, task.held_out)
    )
    states = [evaluate.memory_states(net, batch) for batch in (trained, held_out)]
    gap, _ = evaluate.free_energy_gap(net.memory, *states)
    error = evaluate.reconstruction_error(net, held_out.visible)
    numbers = {"reconstruction_error": float(error), "free_energy_gap": float(gap)}
    if task.n_labels:
        n = min(len(task.held_out.labels), len(task.data.labels))
        pixels, labels = task.data.pixels[:n], task.data.labels[:n]
        wrong = evaluate.count_errors(evaluate.deterministic, task.key, net, pixels, labels)
        numbers["training_error"] = 100.0 * wrong / n
        numbers["validation_error"] = 100.0 * int(errors) / len(task.held_out.labels)
    return numbers
