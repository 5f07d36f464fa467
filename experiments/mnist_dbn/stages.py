"""The greedy stages of the main job, one for each machine, and what all stages share."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax.learning import contrastive_divergence, persistent, updates
from dbnjax.models import rbm
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, fitting, greedy, loop, sharding, stages, streaming
from dbnjax.training.fitting import Epoch, finite, schedule
from dbnjax.types import Array, Key, Learner, PyTree
from dbnjax.weights import io
from experiments.common import keys
from experiments.mnist_dbn.config import Config
from experiments.mnist_dbn.plans import plan

LearnLayer = Callable[[int, RBM, greedy.Below, int], RBM]

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
      everything: all cases that are not test cases, on the device; None if no stage learns from
        them.
      place: where the run writes.
      stream: training cases in chunks, of which `data` is then a sample; None if they all fit.
      about: what a saved net tells of its images (`common.net_records`).
      vary: changes what makes the machines' data: `translations.translating`, for example.
    """

    config: Config
    key: Key
    n_labels: int
    data: loop.Data
    held_out: loop.Data
    everything: loop.Data | None
    place: stages.Place
    stream: streaming.Chunks | None = None
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    vary: Callable[[loop.Prepare], loop.Prepare] = lambda prepare: prepare

    @property
    def learned_from(self) -> loop.Data | streaming.Chunks:
        """The training cases, wherever they are."""
        return self.data if self.stream is None else self.stream


def learn_stack(task: Task) -> Stack:
    """Learns the machines from the bottom up (section 4), each in a stage of its own."""
    return grow(task, functools.partial(learn_layer, task))


def grow(task: Task, learn_layer: LearnLayer) -> Stack:
    """Makes the machines from the bottom up, each with its labels and its first biases.

    Args:
      task: what all stages share.
      learn_layer: `learn_layer(level, machine, below, n_labels)` returns the machine after
        learning.
    """
    layers = task.config.layers

    def learn(level: int, machine: RBM, below: greedy.Below) -> RBM:
        n_labels = task.n_labels if level == len(layers) - 1 else 0
        if level == 0 and task.config.data_biases:
            machine = with_data_biases(machine, task.data, n_labels)
        return learn_layer(level, machine, below, n_labels)

    n_visible = task.data.pixels.shape[-1]
    return greedy.learn_stack(task.key, n_visible, layers, task.n_labels, learn)


def with_data_biases(machine: RBM, data: loop.Data, n_labels: int) -> RBM:
    """Starts visible biases at log p / (1 - p) of the pixels, and of even labels."""
    pixels = data.pixels.mean(0, dtype=jnp.float32) / 255.0
    mean = jnp.concatenate([pixels, jnp.full(n_labels, 1.0 / max(n_labels, 1), jnp.float32)])
    return rbm.match_data(machine, mean, mean * (1.0 - mean))


def layer_learning(config: Config, level: int, n_labels: int) -> tuple[Learner, loop.Prepare]:
    """Returns what an epoch of a machine is compiled from: its learner and what makes its data."""
    chosen = plan(config, level)
    prepare = greedy.layer_data(config.pixels, chosen.features, n_labels)
    if chosen.rule == "pcd":
        return persistent.persistent_contrastive_divergence(config.memory_chains, config.k), prepare
    choices = greedy.choices(chosen.features if level else config.pixels, n_labels)
    return contrastive_divergence.contrastive_divergence(config.k, choices), prepare


def layer_keys(task: Task, level: int) -> tuple[Key, Key]:
    """Returns the keys of a machine's first state and of its epochs."""
    key_init, key_epochs = jax.random.split(jax.random.fold_in(task.key, keys.MACHINES + level))
    return key_init, key_epochs


def layer_hyper(config: Config, level: int) -> Callable[[int], updates.Hyper]:
    """Returns the rate, momentum and decay of each epoch of a machine."""
    chosen = plan(config, level)
    rate = schedule(config.schedule, chosen.rate, chosen.n_epochs)

    def hyper(i: int) -> updates.Hyper:
        momentum = config.early_momentum if i < fitting.EARLY_EPOCHS else chosen.momentum
        return updates.hyper(rate(i), momentum, config.decay)

    return hyper


def layer_stage(config: Config, level: int, epoch: Epoch) -> stages.Stage:
    """Makes the stage of a machine from what an epoch of it does."""
    return stages.Stage(f"rbm_{level + 1}", plan(config, level).n_epochs, epoch)


def monitored(data: loop.Data) -> tuple[Array, Array]:
    """Returns the pixels and labels of the first cases, which are looked at after every epoch."""
    return data.pixels[:MONITORED], data.labels[:MONITORED]


def learn_layer(task: Task, level: int, machine: RBM, below: greedy.Below, n_labels: int) -> RBM:
    """Learns one machine on what the layers below make of the data."""
    config = task.config
    learner, prepare = layer_learning(config, level, n_labels)
    program = loop.epoch_program(learner, task.vary(prepare), config.batch_size)
    learn = streaming.epoch_over(program, task.learned_from)
    see = jax.jit(greedy.layer_data("mean", "mean", n_labels))
    seen = [see(task.key, below, *monitored(data)) for data in (task.data, task.held_out)]
    hyper = layer_hyper(config, level)
    key_init, key_epochs = layer_keys(task, level)

    def epoch(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        key_epoch = jax.random.fold_in(key_epochs, i)
        state, report = learn(key_epoch, hyper(i), state, below)
        gap, error = evaluate.free_energy_gap(state.params, *seen)
        numbers = {"reconstruction_error": float(error), "free_energy_gap": float(gap)}
        return state, bool(report.finite) and finite(numbers), numbers

    state = sharding.place(learner.init(key_init, machine))
    stage = layer_stage(config, level, epoch)
    params: RBM = stages.run(stage, state, io.describe(machine), task.place).params
    return params
