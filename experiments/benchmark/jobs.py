"""What the benchmark's rows are made of: the net and its data, jobs, and epochs of learning."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.learning import contrastive_divergence, passes, persistent, up_down, updates
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import greedy, loop, streaming
from dbnjax.types import Draw, Learner, PyTree
from experiments.benchmark import parts as parts_lib
from experiments.benchmark.parts import Part, Parts

RATE, MOMENTUM, DECAY = 0.05, 0.9, 2e-4


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The net of the 2006 paper and how it is used; the data say how many pixels there are.

    Attributes:
      layers: hidden units from the bottom up.
      n_labels: label units of the memory.
      batch_size: cases in a minibatch, and chains of PCD and of AIS.
      up_down_steps: Gibbs iterations in up-down, a row each.
      n_chains: chains of clamped generation, a row each.
      members: of ensembles of the first machine.
      nets: members of ensembles of the whole net.
      chunks: that an epoch's images are streamed in, as far as its minibatches divide.
      widths: hidden units of a single machine.
      batches: cases in its minibatches.
      epochs: its cases, in epochs of the run.
      depths: directed layers below the memory.
    """

    layers: tuple[int, ...] = (500, 500, 2000)
    n_labels: int = 10
    batch_size: int = 100
    up_down_steps: tuple[int, ...] = (3, 6, 10)
    n_chains: tuple[int, ...] = (10, 100)
    members: tuple[int, ...] = (1, 8, 64)
    nets: tuple[int, ...] = (1, 8)
    chunks: int = 4
    widths: tuple[int, ...] = (125, 250, 500, 1000, 2000)
    batches: tuple[int, ...] = (10, 30, 100, 300, 1000)
    epochs: tuple[float, ...] = (0.25, 1.0, 4.0)
    depths: tuple[int, ...] = (0, 1, 2, 3)


class Setting(NamedTuple):
    """What all rows of a run share.

    Attributes:
      sizes: of the net and of its use.
      pixels: `[n, n_pixels]` uint8.
      labels: `[n]` below `sizes.n_labels`.
      data: the same on the device.
      stack: the net's machines at their first weights.
    """

    sizes: Sizes
    pixels: np.ndarray
    labels: np.ndarray
    data: loop.Data
    stack: Stack

    @property
    def n_steps(self) -> int:
        """Minibatches in an epoch."""
        return len(self.labels) // self.sizes.batch_size


@dataclasses.dataclass(frozen=True)
class Job:
    """Something to time.

    Attributes:
      name: its row.
      unit: what is counted.
      n_units: units in a call.
      call: does the work; what it returns may still be on its way. None: not installed.
      parts: products and draws in a unit.
      images: that a unit learns from or reads; None where there are no data.
      compiled: whether XLA compiles it.
    """

    name: str
    unit: str
    n_units: int
    call: Callable[[], Any] | None
    parts: Mapping[Part, float]
    images: int | None = None
    compiled: bool = True


class Training(NamedTuple):
    """What an epoch is compiled from, and the parameters that it starts at."""

    learner: Learner
    prepare: Callable[..., Any]
    hyper: PyTree
    params: PyTree
    context: PyTree


def setting(sizes: Sizes, pixels: np.ndarray, labels: np.ndarray) -> Setting:
    """Makes what all rows share."""
    data = put(sizes, pixels, labels)
    stack = first_stack(sizes, pixels.shape[-1], sizes.layers)
    return Setting(sizes, pixels, labels, data, stack)


def put(sizes: Sizes, pixels: np.ndarray, labels: np.ndarray) -> loop.Data:
    """Puts cases on the device, for random minibatches."""
    return loop.put(pixels, labels, sizes.n_labels, sizes.batch_size, balanced=False)


def first_stack(sizes: Sizes, n_pixels: int, layers: tuple[int, ...]) -> Stack:
    """Makes machines at their first weights, labels joined to the top one."""
    key = jax.random.key(0)
    return greedy.learn_stack(
        key, n_pixels, layers, sizes.n_labels, lambda level, machine, below: machine
    )


def divergence(
    machine: RBM, how: Draw = "mean", n_labels: int = 0, below: greedy.Below = ()
) -> Training:
    """CD-1: data and reconstructions are intensities and probabilities, or all of them sampled."""
    return Training(
        learner=contrastive_divergence.contrastive_divergence(1, greedy.choices(how, n_labels)),
        prepare=greedy.layer_data(how, how, n_labels),
        hyper=updates.hyper(RATE, MOMENTUM, DECAY),
        params=machine,
        context=below,
    )


def persistently(what: Training, n_chains: int) -> Training:
    """PCD-1 in the place of CD-1, all else alike."""
    learner = persistent.persistent_contrastive_divergence(n_chains)
    return what._replace(learner=learner)


def tuning(sizes: Sizes, net: DBN, n_steps: int) -> Training:
    """Up-down with so many Gibbs iterations of the memory."""
    return Training(
        learner=up_down.up_down(n_steps),
        prepare=greedy.net_data("sample", sizes.n_labels),
        hyper=passes.hyper(RATE, MOMENTUM, DECAY),
        params=net,
        context=None,
    )


def stacked(tree: PyTree, n_members: int) -> PyTree:
    """Gives every array a leading axis of members, all alike."""
    return jax.tree.map(lambda x: jnp.stack([x] * n_members), tree)


def epochs(
    name: str, parts: Parts, what: Training, cases: loop.Data | streaming.Chunks, batch_size: int
) -> Job:
    """Makes the row of an epoch: each call goes on from the state that the last one left."""
    program = loop.epoch_program(what.learner, what.prepare, batch_size)
    epoch = streaming.epoch_over(program, cases)
    key_init, key_epoch = jax.random.split(jax.random.key(1))
    state = what.learner.init(key_init, what.params)

    def call() -> loop.Report:
        nonlocal state
        state, report = epoch(key_epoch, what.hyper, state, what.context)
        return report

    return Job(name, "minibatch", n_minibatches(cases, batch_size), call, parts, batch_size)


def n_minibatches(cases: loop.Data | streaming.Chunks, batch_size: int) -> int:
    """Returns how many minibatches an epoch has; cases beyond the last whole chunk wait."""
    if isinstance(cases, streaming.Chunks):
        return cases.stream.n_cases // cases.size * (cases.size // batch_size)
    return len(cases.labels) // batch_size


def up_down_epochs(setting: Setting, name: str, net: DBN, n_steps: int) -> Job:
    """Makes the row of an epoch of up-down."""
    what, parts = tuning(setting.sizes, net, n_steps), up_down_parts(setting, net, n_steps)
    return epochs(name, parts, what, setting.data, setting.sizes.batch_size)


def up_down_parts(setting: Setting, net: DBN, n_steps: int) -> Parts:
    """Counts the products and draws of a step of up-down."""
    sizes = setting.sizes
    widths = (setting.pixels.shape[-1], *(layer.unit.size for layer in net.recognition))
    n_top = net.memory.hidden.size
    return parts_lib.up_down(sizes.batch_size, widths, sizes.n_labels, n_top, n_steps)
