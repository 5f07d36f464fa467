"""Tuning of the nets of a cell of `three_ideas`, and the cell's record.

Read `three_ideas.train` first. All seeds at every rate are one program: an array of a net or of a
state has a leading axis of members, all seeds at the first rate, then all at the next.
"""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.learning import backprop
from dbnjax.models import feedforward
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import evaluate, greedy, loop, metrics, sharding
from dbnjax.training.selection import choose
from dbnjax.types import Array, Key, Learner
from experiments.three_ideas import methods
from experiments.three_ideas.config import Pretraining
from experiments.three_ideas.methods import ERAS
from experiments.three_ideas.train import SOFTMAX, TUNING, Layers, Task, copies, numbered


class Tuned(NamedTuple):
    """Members at their best epoch.

    Attributes:
      nets: with the fewest validation errors so far, the first of equals.
      errors: `[n_members]` int32, those errors.
      epoch: `[n_members]` int32, the epoch after which they were counted, from 1.
    """

    nets: Feedforward
    errors: Array
    epoch: Array


@functools.cache
def tuning(era: str, n_classes: int, batch_size: int) -> tuple[Learner, loop.Epoch]:
    """Returns the learner of an era and an epoch of it; kept, since all its methods share them."""
    learner = backprop.backprop(ERAS[era].optimiser())
    prepare = methods.labelled(n_classes)
    return learner, loop.ensemble_program(learner, prepare, batch_size)


def tune(task: Task, era: str, name: str, layers: greedy.Below) -> tuple[Tuned, list[list[int]]]:
    """Tunes nets by backpropagation until the best epoch of each lies far enough back.

    Args:
      task: what all cells share.
      era: of the layers.
      name: of the cell, for progress.
      layers: hidden layers of every seed.

    Returns:
      The best nets, all seeds at the first rate, then all at the next; and the validation errors
      after every epoch, a list a member. A net that is not finite counts as wrong everywhere.
    """
    config = task.config
    learner, program = tuning(era, task.n_classes, config.batch_size)
    keys = jnp.concatenate([numbered(task.keys, TUNING)] * len(config.factors))
    rates = jnp.repeat(ERAS[era].rate * jnp.array(config.factors, jnp.float32), config.seeds)
    hyper = copies(backprop.hyper(0.0), len(keys))._replace(rate=rates)
    nets = first_nets(task, layers)
    state = jax.vmap(learner.init)(keys, nets)
    n_wrong = jnp.full(len(keys), len(task.held_out.labels) + 1, jnp.int32)
    best = Tuned(nets, n_wrong, jnp.zeros(len(keys), jnp.int32))
    curves = []
    with metrics.progress(config.tuning_epochs, f"{name}, tuning") as advance:
        for i in range(config.tuning_epochs):
            state, report = program(numbered(keys, i), hyper, state, (), task.data)
            errors = count(state.params, task.held_out)
            errors = jnp.where(report.finite, errors, len(task.held_out.labels))
            best = better(best, state.params, errors, i + 1)
            curves.append(np.asarray(errors))
            advance({"errors": float(errors.mean()), "fewest": float(best.errors.mean())})
            if bool((i + 1 - best.epoch >= config.patience).all()):
                break
    return best, np.stack(curves, axis=1).tolist()


def first_nets(task: Task, layers: greedy.Below) -> Feedforward:
    """Puts new softmax layers on the hidden layers of every seed, once for each rate."""

    def net(key: Key, hidden: greedy.Below) -> Feedforward:
        size = hidden[-1].unit.size
        return feedforward.create(hidden, methods.softmax(key, size, task.n_classes))

    nets = jax.vmap(net)(numbered(task.keys, SOFTMAX), layers)
    repeated: Feedforward = jax.tree.map(
        lambda x: jnp.concatenate([x] * len(task.config.factors)), nets
    )
    return repeated


def better(best: Tuned, nets: Feedforward, errors: Array, epoch: int) -> Tuned:
    """Takes in an epoch's end: members with fewer errors than ever are kept."""
    fewer = errors < best.errors
    return Tuned(
        nets=choose(fewer, nets, best.nets),
        errors=jnp.where(fewer, errors, best.errors),
        epoch=jnp.where(fewer, epoch, best.epoch),
    )


def count(nets: Feedforward, data: loop.Data) -> Array:
    """Returns every member's errors, `[n_members]` int32."""
    return _count(nets, data.pixels, data.labels)


@jax.jit
def _count(nets: Feedforward, pixels: Array, labels: Array) -> Array:
    unused = jax.random.key(0)  # the read-out draws nothing

    def one(net: Feedforward) -> Array:
        guesses = evaluate.scores(evaluate.softmax, unused, net, pixels).argmax(-1)
        return (guesses != labels).sum(dtype=jnp.int32)

    return sharding.map_members(one)(nets)


def cell(task: Task, which: Pretraining, depth: str, pretrained: Layers) -> dict[str, Any]:
    """Tunes nets of some depth and counts the errors of those that validation chooses.

    Args:
      task: what all cells share.
      which: how the layers were made.
      depth: its name.
      pretrained: as many layers as it has.

    Returns:
      The cell's record; lists have an entry a seed.
    """
    config, n = task.config, task.config.seeds
    name = f"{which.era}, {which.method}, {depth}"
    began = time.perf_counter()
    best, curves = tune(task, which.era, name, pretrained.layers)
    seconds = {"pretraining": sum(pretrained.seconds), "tuning": time.perf_counter() - began}
    validation = np.asarray(best.errors).reshape(-1, n)
    rates = [ERAS[which.era].rate * factor for factor in config.factors]
    tried = [
        {"rate": rate, "validation": its_own}
        for rate, its_own in zip(rates, validation.tolist(), strict=True)
    ]
    chosen = int(validation.sum(1).argmin())
    members = slice(chosen * n, (chosen + 1) * n)
    nets = jax.tree.map(lambda x: x[members], best.nets)
    errors = {
        "training": count(nets, task.data).tolist(),
        "validation": validation[chosen].tolist(),
        "test": count(nets, task.test).tolist(),
    }
    return {
        "stage": "cell",
        **which._asdict(),
        "depth": depth,
        "layers": list(config.layers[: len(pretrained.layers)]),
        "seeds": list(range(config.seed, config.seed + n)),
        "rate": rates[chosen],
        "tried": tried,
        "epochs": best.epoch[members].tolist(),
        **errors,
        "curves": curves[members],
        "seconds": seconds,
    }
