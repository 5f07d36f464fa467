"""What the benchmark's rows are made of: the net, its data, and what learns; and rows of epochs."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.learning import contrastive_divergence, passes, persistent, up_down, updates
from dbnjax.models import dbn as dbn_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import greedy, loop, streaming
from dbnjax.types import Learner, PyTree
from experiments.benchmark import operations
from experiments.benchmark.operations import Job, Parts

RATE, MOMENTUM, DECAY = 0.05, 0.9, 2e-4
UP_DOWN_STEPS = 3  # Gibbs iterations, where there is but one number of them
SHORTER = 8  # times that an ensemble of nets learns from fewer minibatches, which cost more
N_PIXELS = 784  # of random images


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The net of the 2006 paper and how it is used; the data say how many pixels there are."""

    layers: tuple[int, ...] = (500, 500, 2000)  # hidden units from the bottom up
    n_labels: int = 10  # label units of the memory
    batch_size: int = 100  # cases in a minibatch, and chains of PCD and of AIS
    up_down_steps: tuple[int, ...] = (3, 6, 10)  # Gibbs iterations in up-down, a row each
    n_chains: tuple[int, ...] = (10, 100)  # chains of clamped generation, a row each
    members: tuple[int, ...] = (1, 8, 64)  # of ensembles of the first RBM
    nets: tuple[int, ...] = (1, 8)  # members of ensembles of the whole net
    chunks: int = 4  # that an epoch's images are streamed in, as far as its minibatches divide
    widths: tuple[int, ...] = (125, 250, 500, 1000, 2000)  # hidden units of a single RBM
    batches: tuple[int, ...] = (10, 30, 100, 300, 1000)  # cases in its minibatches
    epochs: tuple[float, ...] = (0.25, 1.0, 4.0)  # its cases, in epochs of the run
    depths: tuple[int, ...] = (0, 1, 2, 3)  # directed layers below the memory


PAPER = Sizes()


class Setting(NamedTuple):
    """What all rows of a run share.

    Attributes:
      sizes: of the net and of its use.
      pixels: `[n, n_pixels]` uint8.
      labels: `[n]` below `sizes.n_labels`.
      data: the same on the device.
      stack: the net's RBMs at their first weights.
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

    @property
    def n_pixels(self) -> int:
        """Visible units of the first RBM."""
        return int(self.pixels.shape[-1])


class Training(NamedTuple):
    """What an epoch is compiled from, the parameters that it starts at, and a minibatch's work."""

    learner: Learner
    prepare: Callable[..., Any]
    hyper: PyTree
    params: PyTree
    context: PyTree
    batch_size: int
    parts: Parts


def random_cases(n: int, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Makes images, `[n, N_PIXELS]` uint8, and labels."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, N_PIXELS), dtype=np.uint8)
    return pixels, rng.integers(0, sizes.n_labels, n)


def setting(sizes: Sizes, pixels: np.ndarray, labels: np.ndarray) -> Setting:
    """Makes what all rows share."""
    stack = first_stack(sizes, pixels.shape[-1], sizes.layers)
    return Setting(sizes, pixels, labels, put(sizes, pixels, labels), stack)


def put(sizes: Sizes, pixels: np.ndarray, labels: np.ndarray) -> loop.Data:
    """Puts cases on the device, for random minibatches."""
    return loop.put(pixels, labels, sizes.n_labels, sizes.batch_size, balanced=False)


def first_stack(sizes: Sizes, n_pixels: int, layers: tuple[int, ...]) -> Stack:
    """Makes RBMs at their first weights, labels joined to the top one."""
    key = jax.random.key(0)
    return greedy.learn_stack(key, n_pixels, layers, sizes.n_labels, lambda level, rbm, below: rbm)


def divergence(rbm: RBM, batch_size: int) -> Training:
    """CD-1 of an RBM on intensities; reconstructions are probabilities."""
    return Training(
        learner=contrastive_divergence.contrastive_divergence(1, greedy.choices("mean", 0)),
        prepare=greedy.layer_data("mean", "mean", 0),
        hyper=updates.hyper(RATE, MOMENTUM, DECAY),
        params=rbm,
        context=(),
        batch_size=batch_size,
        parts=operations.contrastive_divergence(batch_size, *rbm.weights.shape),
    )


def joint(setting: Setting) -> Training:
    """CD-1 of the memory on sampled states of the layers below and labels, all of it sampled."""
    sizes, (*lower, memory) = setting.sizes, setting.stack.rbms
    widths = (setting.n_pixels, *sizes.layers[:-1])
    choices = greedy.choices("sample", sizes.n_labels)
    return divergence(memory, sizes.batch_size)._replace(
        learner=contrastive_divergence.contrastive_divergence(1, choices),
        prepare=greedy.layer_data("sample", "sample", sizes.n_labels),
        context=tuple(Layer(unit=rbm.hidden, weights=rbm.weights) for rbm in lower),
        parts=operations.joint_layer(sizes.batch_size, widths, sizes.n_labels, sizes.layers[-1]),
    )


def persistently(what: Training) -> Training:
    """PCD-1 with as many chains as cases in the place of CD-1; the parts stay those of CD-1."""
    return what._replace(learner=persistent.persistent_contrastive_divergence(what.batch_size))


def tuning(setting: Setting, net: DBN, n_steps: int = UP_DOWN_STEPS) -> Training:
    """Up-down with so many Gibbs iterations of the memory."""
    n_labels, size = setting.sizes.n_labels, setting.sizes.batch_size
    widths = (setting.n_pixels, *(layer.unit.size for layer in net.recognition))
    return Training(
        learner=up_down.up_down(n_steps),
        prepare=greedy.net_data("sample", n_labels),
        hyper=passes.hyper(RATE, MOMENTUM, DECAY),
        params=net,
        context=None,
        batch_size=size,
        parts=operations.up_down(size, widths, n_labels, net.memory.hidden.size, n_steps),
    )


def stacked(tree: PyTree, n_members: int) -> PyTree:
    """Gives every array a leading axis of members, all alike."""
    return jax.tree.map(lambda x: jnp.stack([x] * n_members), tree)


def epochs(name: str, what: Training, cases: loop.Data | streaming.Chunks) -> Job:
    """Makes the row of an epoch: each call goes on from the state that the last one left."""
    program = loop.epoch_program(what.learner, what.prepare, what.batch_size)
    epoch = streaming.epoch_over(program, cases)
    key_init, key_epoch = jax.random.split(jax.random.key(1))
    state = what.learner.init(key_init, what.params)

    def call() -> loop.Report:
        nonlocal state
        state, report = epoch(key_epoch, what.hyper, state, what.context)
        return report

    n = n_minibatches(cases, what.batch_size)
    return Job(name, "minibatch", n, call, what.parts, what.batch_size)


def n_minibatches(cases: loop.Data | streaming.Chunks, batch_size: int) -> int:
    """Returns how many minibatches an epoch has; cases beyond the last whole chunk wait."""
    if isinstance(cases, streaming.Chunks):
        return cases.stream.n_cases // cases.size * (cases.size // batch_size)
    return len(cases.labels) // batch_size


def ensemble(setting: Setting, name: str, what: Training, n_members: int, n_steps: int) -> Job:
    """Makes the row of members that learn from the first minibatches, `n_steps` of all together."""
    n_each = max(2, n_steps // n_members)
    n = n_each * what.batch_size
    data = put(setting.sizes, setting.pixels[:n], setting.labels[:n])
    program = loop.ensemble_program(what.learner, what.prepare, what.batch_size)
    key_init, key_epoch = jax.random.split(jax.random.key(2))
    one = what.hyper, what.learner.init(key_init, what.params), what.context
    hyper, state, context = stacked(one, n_members)

    def call() -> loop.Report:
        nonlocal state
        state, report = program(key_epoch, hyper, state, context, data)
        return report

    name = f"{name}, {n_members} together"
    return Job(name, "member's minibatch", n_each * n_members, call, what.parts, what.batch_size)


def learning(setting: Setting) -> list[Job]:
    """Epochs: the first RBM and the memory by CD-1 and by PCD-1, and up-down of the net."""
    first, memory = setting.stack.rbms[0], setting.stack.rbms[-1]
    lower, upper = divergence(first, setting.sizes.batch_size), joint(setting)
    of_memory = "epoch of the memory, {}-{}".format(*memory.weights.shape)
    parts = operations.persistent(lower.batch_size, *first.weights.shape)
    rows = {
        f"CD-1 {named(first)}": lower,
        f"PCD-1 {named(first)}": persistently(lower)._replace(parts=parts),
        f"CD-1 {of_memory}": upper,
        f"PCD-1 {of_memory}": persistently(upper),
    }
    net = dbn_lib.untie(setting.stack)
    for n in setting.sizes.up_down_steps:
        rows[f"up-down epoch, {n} iterations"] = tuning(setting, net, n)
    return [epochs(name, what, setting.data) for name, what in rows.items()]


def named(rbm: RBM) -> str:
    """Names an epoch of an RBM."""
    return "epoch, {}-{}".format(*rbm.weights.shape)


def ensembles(setting: Setting) -> list[Job]:
    """CD-1 of the first RBM, and up-down of the net, by many members in one program."""
    rbm, net, n = setting.stack.rbms[0], dbn_lib.untie(setting.stack), setting.n_steps
    alone, name = divergence(rbm, setting.sizes.batch_size), f"CD-1 {named(rbm)}"
    whole, net_name = tuning(setting, net), f"up-down, {UP_DOWN_STEPS} iterations"
    rbms = [ensemble(setting, name, alone, m, n) for m in setting.sizes.members]
    return rbms + [ensemble(setting, net_name, whole, m, n // SHORTER) for m in setting.sizes.nets]


def sizes(setting: Setting) -> list[Job]:
    """CD-1 against width, batch and data, and up-down against depth."""
    chosen, size = setting.sizes, setting.sizes.batch_size

    def row(what: str, n_hidden: int, data: loop.Data, batch_size: int) -> Job:
        rbm = greedy.layer(jax.random.key(0), setting.n_pixels, n_hidden)
        name = f"CD-1 of {setting.n_pixels}-{n_hidden} by size: {what}"
        return epochs(name, divergence(rbm, batch_size), data)

    n_hidden, batches = (
        chosen.layers[0],
        [n for n in chosen.batches if 2 * n <= len(setting.pixels)],
    )
    by_data = [repeated(setting, n_epochs) for n_epochs in chosen.epochs]
    return [
        *(row(f"width {n}", n, setting.data, size) for n in chosen.widths),
        *(row(f"batch {n}", n_hidden, setting.data, n) for n in batches),
        *(row(f"{len(data.labels)} images", n_hidden, data, size) for data in by_data),
        *(by_depth(setting, n) for n in chosen.depths),
    ]


def repeated(setting: Setting, n_epochs: float) -> loop.Data:
    """Puts a part of the cases, or several copies of them, on the device."""
    n = max(2 * setting.sizes.batch_size, int(n_epochs * len(setting.labels)))
    pixels = np.resize(setting.pixels, (n, setting.n_pixels))
    return put(setting.sizes, pixels, np.resize(setting.labels, n))


def by_depth(setting: Setting, depth: int) -> Job:
    """Makes the row of an epoch of up-down with so many layers below the memory."""
    first, *_, top = setting.sizes.layers
    layers = (*[first] * depth, top)
    net = dbn_lib.untie(first_stack(setting.sizes, setting.n_pixels, layers))
    shape = "-".join(map(str, (setting.n_pixels, *layers)))
    name = f"up-down of {shape} by depth, {UP_DOWN_STEPS} iterations"
    return epochs(name, tuning(setting, net), setting.data)
