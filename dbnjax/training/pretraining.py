"""A stack learned from plans, one RBM after another (2006 paper, section 4).

Each RBM learns from what those below it make of the data (`training.greedy`), by CD or by
persistent CD, in a stage of its own: a record of its reconstruction error and its free-energy gap
after each epoch and, if the task has a place, a checkpoint.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax.learning import contrastive_divergence, persistent, updates
from dbnjax.models import rbm
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, fitting, greedy, keys, loop, sharding, stages, streaming
from dbnjax.training.plans import LayerPlan, StackPlan
from dbnjax.training.task import Task
from dbnjax.types import Array, Key, Learner, PyTree
from dbnjax.weights import io

LearnLayer = Callable[[int, RBM, greedy.Below, int], RBM]

MONITORED = 1000  # cases in the live reconstruction error and free-energy gap


def learn_stack(task: Task, plan: StackPlan) -> Stack:
    """Learns the RBMs from the bottom up (section 4), each in a stage of its own.

    Args:
      task: key, cases and place; pixels `[n_cases, n_visible]` uint8.
      plan: how each RBM learns.

    Returns:
      A stack; its top RBM has `task.n_labels` label units beside the units below.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: a number of the plan cannot be used, or a checkpoint or a file.
    """
    return grow(task, plan, functools.partial(learn_layer, task, plan))


def grow(task: Task, plan: StackPlan, learn_layer: LearnLayer) -> Stack:
    """Makes the RBMs from the bottom up, each with its labels and its first biases.

    Args:
      task: as of `learn_stack`.
      plan: as of `learn_stack`.
      learn_layer: `learn_layer(level, rbm, below, n_labels)` returns the RBM after learning.
    """
    sizes = [layer.n_hidden for layer in plan.layers]

    def learn(level: int, first: RBM, below: greedy.Below) -> RBM:
        n_labels = task.n_labels if level == len(sizes) - 1 else 0
        if level == 0 and plan.data_biases:
            first = with_data_biases(first, task.data, n_labels)
        return learn_layer(level, first, below, n_labels)

    n_visible = task.data.pixels.shape[-1]
    return greedy.learn_stack(task.key, n_visible, sizes, task.n_labels, learn)


def with_data_biases(first: RBM, data: loop.Data, n_labels: int) -> RBM:
    """Starts visible biases at log p / (1 - p) of the pixels, and of even labels."""
    scale = 255.0 if data.pixels.dtype == jnp.uint8 else 1.0
    pixels = data.pixels.mean(0, dtype=jnp.float32) / scale
    mean = jnp.concatenate([pixels, jnp.full(n_labels, 1.0 / max(n_labels, 1), jnp.float32)])
    return rbm.match_data(first, mean, mean * (1.0 - mean))


def layer_learning(plan: StackPlan, level: int, n_labels: int) -> tuple[Learner, loop.Prepare]:
    """Returns what an epoch of an RBM is compiled from: its learner and what makes its data."""
    layer = plan.layers[level]
    prepare = greedy.layer_data(plan.pixels, layer.features, n_labels)
    if layer.rule == "pcd":
        return persistent.persistent_contrastive_divergence(layer.n_chains, layer.k), prepare
    choices = greedy.choices(layer.features if level else plan.pixels, n_labels)
    return contrastive_divergence.contrastive_divergence(layer.k, choices), prepare


def layer_keys(key: Key, level: int) -> tuple[Key, Key]:
    """Returns the keys of an RBM's first state and of its epochs, from that of the run."""
    key_init, key_epochs = jax.random.split(jax.random.fold_in(key, keys.RBMS + level))
    return key_init, key_epochs


def layer_hyper(layer: LayerPlan) -> Callable[[int], updates.Hyper]:
    """Returns the rate, momentum and decay of each epoch of an RBM."""
    rate = fitting.schedule(layer.schedule, layer.rate, layer.n_epochs)

    def hyper(i: int) -> updates.Hyper:
        momentum = layer.early_momentum if i < fitting.EARLY_EPOCHS else layer.momentum
        return updates.hyper(rate(i), momentum, layer.decay)

    return hyper


def layer_stage(plan: StackPlan, level: int, epoch: fitting.Epoch) -> stages.Stage:
    """Wraps an epoch function as the training stage of an RBM."""
    return stages.Stage(f"rbm_{level + 1}", plan.layers[level].n_epochs, epoch)


def monitored(data: loop.Data) -> tuple[Array, Any]:
    """Returns the pixels and labels of the first cases, which are looked at after every epoch."""
    labels = None if data.labels is None else data.labels[:MONITORED]
    return data.pixels[:MONITORED], labels


def learn_layer(
    task: Task, plan: StackPlan, level: int, first: RBM, below: greedy.Below, n_labels: int
) -> RBM:
    """Learns one RBM on what the layers below make of the data.

    Args:
      task: as of `learn_stack`.
      plan: as of `learn_stack`.
      level: of the RBM, from 0.
      first: the RBM before it learns.
      below: the layers below.
      n_labels: label units among its visible ones.
    """
    learner, prepare = layer_learning(plan, level, n_labels)
    program = loop.epoch_program(learner, task.vary(prepare), plan.batch_size)
    learn = streaming.epoch_over(program, task.learned_from)
    see = jax.jit(greedy.layer_data("mean", "mean", n_labels))
    seen = [see(task.key, below, *monitored(data)) for data in (task.data, task.held_out)]
    hyper = layer_hyper(plan.layers[level])
    key_init, key_epochs = layer_keys(task.key, level)

    def epoch(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        key_epoch = jax.random.fold_in(key_epochs, i)
        state, report = learn(key_epoch, hyper(i), state, below)
        gap, error = evaluate.free_energy_gap(state.params, *seen)
        numbers = {"reconstruction_error": float(error), "free_energy_gap": float(gap)}
        return state, bool(report.finite) and fitting.finite(numbers), numbers

    state = sharding.place(learner.init(key_init, first))
    stage = layer_stage(plan, level, epoch)
    params: RBM = stages.run(stage, state, io.describe(first), task.place, task.listener).params
    return params
