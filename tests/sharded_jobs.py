"""Learners and their epochs, and where their states lie on a mesh of simulated devices."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from dbnjax.learning import contrastive_divergence, passes, persistent, up_down, updates
from dbnjax.models import dbn, stack
from dbnjax.models.belief_net import Layer
from dbnjax.training import greedy, loop, sharding
from dbnjax.types import Learner, PyTree
from experiments.scaling.main import find

N_PIXELS, BATCH, N_CHAINS, N_MEMBERS = 24, 40, 16, 4
KEY = jax.random.key(0)
BOTH = "data:2,ensemble:4"


class Job(NamedTuple):
    """What an epoch is compiled from and takes."""

    learner: Learner
    prepare: loop.Prepare
    params: PyTree
    context: PyTree
    hyper: PyTree


LOWER = greedy.layer(KEY, N_PIXELS, 12)
TOP = greedy.layer(KEY, 12, 20, 10)
JOBS = {
    "cd": Job(
        contrastive_divergence.contrastive_divergence(1),
        greedy.layer_data("mean", "mean", 0),
        LOWER,
        (),
        updates.hyper(0.1, 0.5, 1e-3),
    ),
    "pcd": Job(
        persistent.persistent_contrastive_divergence(N_CHAINS),
        greedy.layer_data("mean", "sample", 10),
        TOP,
        (Layer(unit=LOWER.hidden, weights=LOWER.weights),),
        updates.hyper(0.1, 0.5, 1e-3),
    ),
    "up-down": Job(
        up_down.up_down(2),
        greedy.net_data("mean", 10),
        dbn.untie(stack.create((LOWER, TOP))),
        None,
        passes.hyper(0.1, 0.5, 1e-3),
    ),
}


def cases() -> loop.Data:
    """Two minibatches: XLA would not make a loop of one."""
    n = 2 * BATCH
    pixels = np.random.default_rng(0).integers(0, 256, (n, N_PIXELS), dtype=np.uint8)
    return loop.put(pixels, np.arange(n) % 10, 10, BATCH, balanced=True)


def stacked(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda x: jnp.stack([x] * N_MEMBERS), tree)


def prepared(name: str, members: bool):
    """An epoch's program and its arguments, not yet on any mesh."""
    job = JOBS[name]
    state = jax.tree.map(jnp.copy, job.learner.init(KEY, job.params))
    make = loop.ensemble_program if members else loop.epoch_program
    own = (job.hyper, state, job.context)
    return make(job.learner, job.prepare, BATCH), (stacked(own) if members else own)


def on_mesh(state: PyTree, members: bool) -> PyTree:
    return (sharding.place_members if members else sharding.place)(jax.device_put(state, P()))


def collectives(text: str) -> tuple[list[str], list[str]]:
    """The kinds of a compiled epoch's collectives: inside its loops, and outside of them."""
    inside, outside = find(text)
    return [one.kind for one in inside], [one.kind for one in outside]
