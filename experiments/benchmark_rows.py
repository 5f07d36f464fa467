"""What the benchmark times in the library: learning, classification and clamped generation."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.inference import generate
from dbnjax.learning import contrastive_divergence, passes, up_down, updates
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, greedy, loop
from dbnjax.types import Draw, Learner, PyTree
from experiments import benchmark_parts as parts_lib
from experiments import chains
from experiments.benchmark_parts import Part, Parts
from experiments.dbn_stages import owned

RATE, MOMENTUM, DECAY = 0.05, 0.9, 2e-4
CLASSIFIED = 10_000  # images in a timed call, as many as MNIST's test set holds


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The net of the 2006 paper and how it is used; the data say how many pixels there are."""

    layers: tuple[int, ...] = (500, 500, 2000)
    n_labels: int = 10
    batch_size: int = 100
    up_down_steps: tuple[int, ...] = (3, 6, 10)
    n_chains: tuple[int, ...] = (10, 100)


@dataclasses.dataclass(frozen=True)
class Job:
    """Something to time.

    Attributes:
      name: its row.
      unit: what is counted.
      n_units: units in a call.
      call: does the work; what it returns may still be on its way. None: not installed.
      parts: products and draws in a unit.
      compiled: whether XLA compiles it.
    """

    name: str
    unit: str
    n_units: int
    call: Callable[[], Any] | None
    parts: Mapping[Part, float]
    compiled: bool = True


def jobs(sizes: Sizes, pixels: np.ndarray, labels: np.ndarray) -> list[Job]:
    """Makes every row of the library.

    Args:
      sizes: of the net and of its use.
      pixels: `[n, n_pixels]` uint8.
      labels: `[n]` below `sizes.n_labels`.
    """
    data = loop.put(pixels, labels, sizes.n_labels, sizes.batch_size, balanced=False)
    stack = greedy.learn_stack(
        jax.random.key(0),
        pixels.shape[-1],
        sizes.layers,
        sizes.n_labels,
        lambda level, machine, below: machine,
    )
    net = dbn_lib.untie(stack)
    tuned = [_up_down(sizes, net, data, n_steps) for n_steps in sizes.up_down_steps]
    n_iterations = len(labels) // sizes.batch_size
    imagined = [_generation(sizes, net, n, n_iterations) for n in sizes.n_chains]
    learned = [_first_layer(sizes, stack, data), _joint_layer(sizes, stack, data)]
    return [*learned, *tuned, _classification(sizes, net, data), *imagined]


def _widths(sizes: Sizes, data: loop.Data) -> tuple[int, ...]:
    """Returns the widths of the layers from the pixels to the penultimate one."""
    return (data.pixels.shape[-1], *sizes.layers[:-1])


class _Training(NamedTuple):
    """What an epoch is compiled from, and the parameters that it starts at."""

    learner: Learner
    prepare: Callable[..., Any]
    hyper: PyTree
    params: PyTree
    context: PyTree


def _epochs(name: str, parts: Parts, what: _Training, data: loop.Data, batch_size: int) -> Job:
    """Makes the row of an epoch: each call goes on from the state that the last one left."""
    program = loop.epoch_program(what.learner, what.prepare, batch_size)
    key_init, key_epoch = jax.random.split(jax.random.key(1))
    state = what.learner.init(key_init, owned(what.params))

    def call() -> loop.Report:
        nonlocal state
        state, report = program(key_epoch, what.hyper, state, what.context, data)
        return report

    return Job(name, "minibatch", len(data.labels) // batch_size, call, parts)


def _contrastive_divergence(
    machine: RBM, how: Draw, n_labels: int, below: greedy.Below
) -> _Training:
    """Data and reconstructions are intensities and probabilities, or all of them sampled."""
    choices, prepare = greedy.choices(how, n_labels), greedy.layer_data(how, how, n_labels)
    learner = contrastive_divergence.contrastive_divergence(k=1, choices=choices)
    return _Training(learner, prepare, updates.hyper(RATE, MOMENTUM, DECAY), machine, below)


def _first_layer(sizes: Sizes, stack: Stack, data: loop.Data) -> Job:
    machine = stack.rbms[0]
    n_visible, n_hidden = machine.weights.shape
    parts = parts_lib.contrastive_divergence(sizes.batch_size, n_visible, n_hidden)
    what = _contrastive_divergence(machine, "mean", 0, ())
    return _epochs(f"CD-1 epoch, {n_visible}-{n_hidden}", parts, what, data, sizes.batch_size)


def _joint_layer(sizes: Sizes, stack: Stack, data: loop.Data) -> Job:
    *lower, memory = stack.rbms
    n_visible, n_hidden = memory.weights.shape
    widths = _widths(sizes, data)
    parts = parts_lib.joint_layer(sizes.batch_size, widths, sizes.n_labels, n_hidden)
    below = tuple(Layer(unit=rbm.hidden, weights=rbm.weights) for rbm in lower)
    what = _contrastive_divergence(memory, "sample", sizes.n_labels, below)
    name = f"CD-1 epoch of the memory, {n_visible}-{n_hidden}"
    return _epochs(name, parts, what, data, sizes.batch_size)


def _up_down(sizes: Sizes, net: DBN, data: loop.Data, n_steps: int) -> Job:
    widths, n_top = _widths(sizes, data), sizes.layers[-1]
    parts = parts_lib.up_down(sizes.batch_size, widths, sizes.n_labels, n_top, n_steps)
    what = _Training(
        learner=up_down.up_down(n_steps),
        prepare=greedy.net_data("sample", sizes.n_labels),
        hyper=passes.hyper(RATE, MOMENTUM, DECAY),
        params=net,
        context=None,
    )
    return _epochs(f"up-down epoch, {n_steps} iterations", parts, what, data, sizes.batch_size)


def _classification(sizes: Sizes, net: DBN, data: loop.Data) -> Job:
    chunk = min(evaluate.CHUNK, len(data.labels))
    n = min(CLASSIFIED, len(data.labels)) // chunk * chunk
    pixels, key = data.pixels[:n], jax.random.key(3)
    in_chunk = parts_lib.classification(chunk, _widths(sizes, data), sizes.layers[-1])
    return Job(
        "classification, deterministic",
        "image",
        n,
        lambda: evaluate.scores(evaluate.deterministic, key, net, pixels),
        {part: count / chunk for part, count in in_chunk.items()},
    )


def _generation(sizes: Sizes, net: DBN, n_chains: int, n_steps: int) -> Job:
    labels = jnp.eye(sizes.n_labels)[jnp.arange(n_chains) % sizes.n_labels]
    clamp = generate.label_clamp(net, labels)
    start = generate.start_at_random(jax.random.key(4), net, n_chains)
    key = jax.random.key(5)
    n_penultimate = stack_lib.feature_unit(net.memory).size
    return Job(
        f"clamped generation, {n_chains} chains",
        "Gibbs iteration",
        n_steps,
        lambda: chains.chain(key, net.memory, start, n_steps=n_steps, clamp_visible=clamp),
        parts_lib.gibbs(n_chains, n_penultimate, sizes.n_labels, sizes.layers[-1]),
    )
