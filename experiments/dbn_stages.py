"""The greedy stages of the main job, one for each machine, and what all stages share."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from dbnjax.learning import contrastive_divergence, persistent, updates
from dbnjax.models import rbm
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, greedy, loop, stages
from dbnjax.types import Draw, Key, Learner, PyTree
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
      everything: all cases that are not test cases, on the device.
      place: where the run writes.
    """

    config: Any
    key: Key
    n_labels: int
    data: loop.Data
    held_out: loop.Data
    everything: loop.Data
    place: stages.Place


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


def make_learner(config: Any, rule: str, features: Draw, n_labels: int) -> Learner:
    """Makes the learner of a machine."""
    if rule == "cd":
        choices = greedy.choices(features, n_labels)
        return contrastive_divergence.contrastive_divergence(config.k, choices)
    return persistent.persistent_contrastive_divergence(config.memory_chains, config.k)


def learn_layer(task: Task, level: int, machine: RBM, below: greedy.Below, n_labels: int) -> RBM:
    """Learns one machine on what the layers below make of the data."""
    config, chosen = task.config, plan(task.config, level)
    features = chosen.features if level else config.pixels
    learner = make_learner(config, chosen.rule, features, n_labels)
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
