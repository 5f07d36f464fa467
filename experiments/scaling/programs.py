"""The epochs whose scaling is looked at, compiled on meshes of devices."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jax.sharding import PartitionSpec

from dbnjax.models import dbn as dbn_lib
from dbnjax.training import loop, sharding
from dbnjax.types import PyTree
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark.jobs import Setting, Sizes, Training
from experiments.scaling import collectives

N_PIXELS, N_STEPS, UP_DOWN_STEPS = 784, 5, 3  # of an image; minibatches; Gibbs iterations

# A program that is not compiled, what it takes (hyper-parameters, state and context), and what
# splits the state over devices.
Epoch: TypeAlias = tuple[loop.Epoch, tuple[PyTree, PyTree, PyTree], Callable[[PyTree], PyTree]]


class Program(NamedTuple):
    """An epoch compiled on a mesh.

    Attributes:
      rule: what learns.
      mesh: as `sharding.using` reads it.
      n_cases: in an update.
      n_bytes: of the parameters.
      sent: between the devices.
      call: runs it, from the state that the last call left.
    """

    rule: str
    mesh: str
    n_cases: int
    n_bytes: int
    sent: collectives.Collectives
    call: Callable[[], Any]


def compile_all(mesh: str, sizes: Sizes, make: Callable[[Training, Sizes], Epoch]) -> list[Program]:
    """Compiles an epoch of every rule on a mesh."""
    n = N_STEPS * sizes.batch_size
    pixels = np.random.default_rng(0).integers(0, 256, (n, N_PIXELS), dtype=np.uint8)
    setting = jobs_lib.setting(sizes, pixels, np.arange(n) % sizes.n_labels)
    return [
        compiled(rule, mesh, setting, what, make(what, sizes))
        for rule, what in rules(setting).items()
    ]


def rules(setting: Setting) -> dict[str, Training]:
    """Returns what learns: the first machine by two rules, and the net."""
    machine, net = setting.stack.rbms[0], dbn_lib.untie(setting.stack)
    divergence = jobs_lib.divergence(machine)
    shape = "{}-{}".format(*machine.weights.shape)
    layers = "-".join(map(str, (N_PIXELS, *setting.sizes.layers)))
    return {
        f"CD-1, {shape}": divergence,
        f"PCD-1, {shape}": jobs_lib.persistently(divergence, setting.sizes.batch_size),
        f"up-down, {layers}": jobs_lib.tuning(setting.sizes, net, UP_DOWN_STEPS),
    }


def split_cases(what: Training, sizes: Sizes) -> Epoch:
    """Makes an epoch whose minibatches and chains are split over the devices."""
    program = loop.epoch_program(what.learner, what.prepare, sizes.batch_size)
    return program, start(what), sharding.place


def split_members(what: Training, sizes: Sizes, n_members: int) -> Epoch:
    """Makes an epoch of an ensemble whose members are split over the devices."""
    program = loop.ensemble_program(what.learner, what.prepare, sizes.batch_size)
    return program, jobs_lib.stacked(start(what), n_members), sharding.place_members


def start(what: Training) -> tuple[PyTree, PyTree, PyTree]:
    """Returns what an epoch begins with: hyper-parameters, state and context."""
    state = what.learner.init(jax.random.key(1), what.params)
    return what.hyper, state, what.context


def compiled(rule: str, mesh: str, setting: Setting, what: Training, epoch: Epoch) -> Program:
    """Compiles an epoch and counts what it sends."""
    program, given, split = epoch
    with sharding.using(mesh):
        everywhere = jax.device_put((jax.random.key(2), *given, setting.data), PartitionSpec())
        key, hyper, state, context, data = everywhere
        state = split(state)
        lowered = program.lower(key, hyper, state, context, data)  # type: ignore[attr-defined]
        made = lowered.compile()

    def call() -> loop.Report:
        nonlocal state
        state, report = made(key, hyper, state, context, data)
        return report

    n_bytes = sum(array.nbytes for array in jax.tree.leaves(what.params))
    sent = collectives.find(made.as_text())
    return Program(rule, mesh, setting.sizes.batch_size, n_bytes, sent, call)
