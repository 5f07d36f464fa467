"""Rows of one question each: many members at once, and the cost against every size."""

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.models import dbn as dbn_lib
from dbnjax.models.rbm import RBM
from dbnjax.training import greedy, loop
from dbnjax.types import PyTree
from experiments import benchmark_jobs as jobs_lib
from experiments import benchmark_parts as parts_lib
from experiments.benchmark_jobs import Job, Setting

UP_DOWN_STEPS = 3


def ensembles(setting: Setting) -> list[Job]:
    """CD-1 of the first machine by many members in one program."""
    return [together(setting, n) for n in setting.sizes.members]


def sizes(setting: Setting) -> list[Job]:
    """CD-1 against width, batch and data, and up-down against depth."""
    chosen, pixels = setting.sizes, setting.pixels
    layer, size = chosen.layers[0], chosen.batch_size
    by_width = [
        divergence(f"width {n}", machine(setting, n), setting.data, size) for n in chosen.widths
    ]
    by_batch = [
        divergence(f"batch {n}", machine(setting, layer), setting.data, n)
        for n in chosen.batches
        if 2 * n <= len(pixels)
    ]
    by_data = [
        divergence(f"{len(data.labels)} images", machine(setting, layer), data, size)
        for data in (repeated(setting, epochs) for epochs in chosen.epochs)
    ]
    return [*by_width, *by_batch, *by_data, *(up_down(setting, n) for n in chosen.depths)]


def machine(setting: Setting, n_hidden: int) -> RBM:
    """Makes a machine on the pixels."""
    return greedy.layer(jax.random.key(0), setting.pixels.shape[-1], n_hidden)


def divergence(what: str, machine: RBM, data: loop.Data, batch_size: int) -> Job:
    """Makes the row of an epoch of CD-1."""
    shape = machine.weights.shape
    parts = parts_lib.contrastive_divergence(batch_size, *shape)
    name = "CD-1 of {}-{} by size: {}".format(*shape, what)
    return jobs_lib.epochs(name, parts, jobs_lib.divergence(machine), data, batch_size)


def repeated(setting: Setting, epochs: float) -> loop.Data:
    """Puts a part of the cases, or several copies of them, on the device."""
    n = max(2 * setting.sizes.batch_size, int(epochs * len(setting.labels)))
    pixels = np.resize(setting.pixels, (n, setting.pixels.shape[-1]))
    return jobs_lib.put(setting.sizes, pixels, np.resize(setting.labels, n))


def up_down(setting: Setting, depth: int) -> Job:
    """Makes the row of an epoch of up-down with so many layers below the memory."""
    first, *_, top = setting.sizes.layers
    layers = (*[first] * depth, top)
    stack = jobs_lib.first_stack(setting.sizes, setting.pixels.shape[-1], layers)
    shape = "-".join(map(str, (setting.pixels.shape[-1], *layers)))
    name = f"up-down of {shape} by depth, {UP_DOWN_STEPS} iterations"
    return jobs_lib.up_down_epochs(setting, name, dbn_lib.untie(stack), UP_DOWN_STEPS)


def together(setting: Setting, n_members: int) -> Job:
    """Makes the row of an ensemble: the first minibatches, so that the work of all is an epoch."""
    size = setting.sizes.batch_size
    n_steps = max(2, setting.n_steps // n_members)
    n = n_steps * size
    data = jobs_lib.put(setting.sizes, setting.pixels[:n], setting.labels[:n])
    one = setting.stack.rbms[0]
    shape = one.weights.shape
    what = jobs_lib.divergence(one)
    program = loop.ensemble_program(what.learner, what.prepare, size)
    key_init, key_epoch = jax.random.split(jax.random.key(2))

    def members(tree: PyTree) -> PyTree:
        return jax.tree.map(lambda x: jnp.stack([x] * n_members), tree)

    hyper, state = members(what.hyper), members(what.learner.init(key_init, one))

    def call() -> loop.Report:
        nonlocal state
        state, report = program(key_epoch, hyper, state, what.context, data)
        return report

    return Job(
        "CD-1 epoch, {}-{}, {} together".format(*shape, n_members),
        "member's minibatch",
        n_steps * n_members,
        call,
        parts_lib.contrastive_divergence(size, *shape),
        size,
    )
