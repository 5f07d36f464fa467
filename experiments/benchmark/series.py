"""Rows of one question each: many members at once, and the cost against every size."""

import jax
import numpy as np

from dbnjax.models import dbn as dbn_lib
from dbnjax.models.rbm import RBM
from dbnjax.training import greedy, loop
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import parts as parts_lib
from experiments.benchmark.jobs import Job, Setting

UP_DOWN_STEPS = 3
SHORTER = 8  # times that an ensemble of nets learns from fewer minibatches, which cost more


def ensembles(setting: Setting) -> list[Job]:
    """CD-1 of the first machine, and up-down of the net, by many members in one program."""
    machines = [together(setting, n) for n in setting.sizes.members]
    return machines + [nets_together(setting, n) for n in setting.sizes.nets]


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
    """Makes the row of an ensemble of machines."""
    machine, size = setting.stack.rbms[0], setting.sizes.batch_size
    shape = machine.weights.shape
    parts = parts_lib.contrastive_divergence(size, *shape)
    name = "CD-1 epoch, {}-{}".format(*shape)
    what = jobs_lib.divergence(machine)
    return ensemble(setting, name, parts, what, n_members, setting.n_steps)


def nets_together(setting: Setting, n_members: int) -> Job:
    """Makes the row of an ensemble of nets, of a part of an epoch."""
    net = dbn_lib.untie(setting.stack)
    parts = jobs_lib.up_down_parts(setting, net, UP_DOWN_STEPS)
    name = f"up-down, {UP_DOWN_STEPS} iterations"
    what = jobs_lib.tuning(setting.sizes, net, UP_DOWN_STEPS)
    return ensemble(setting, name, parts, what, n_members, setting.n_steps // SHORTER)


def ensemble(
    setting: Setting,
    name: str,
    parts: parts_lib.Parts,
    what: jobs_lib.Training,
    n_members: int,
    n_steps: int,
) -> Job:
    """Makes the row of members that learn from the first minibatches, `n_steps` of all together."""
    size, n_each = setting.sizes.batch_size, max(2, n_steps // n_members)
    n = n_each * size
    data = jobs_lib.put(setting.sizes, setting.pixels[:n], setting.labels[:n])
    program = loop.ensemble_program(what.learner, what.prepare, size)
    key_init, key_epoch = jax.random.split(jax.random.key(2))
    one = what.hyper, what.learner.init(key_init, what.params), what.context
    hyper, state, context = jobs_lib.stacked(one, n_members)

    def call() -> loop.Report:
        nonlocal state
        state, report = program(key_epoch, hyper, state, context, data)
        return report

    name = f"{name}, {n_members} together"
    return Job(name, "member's minibatch", n_each * n_members, call, parts, size)
