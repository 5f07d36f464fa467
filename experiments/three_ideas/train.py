"""Pretraining and tuning of the nets that `three_ideas` compares, all seeds in one program.

Every array of a layer, a net or a state has a leading axis of members: the seeds, in tuning at one
rate after the other. A seed has first weights, draws and an order of the cases of its own, the same
for every method that can have them.
"""

import dataclasses
import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.learning import backprop
from dbnjax.models import feedforward
from dbnjax.models.belief_net import Layer
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import evaluate, greedy, loop, members, sharding
from dbnjax.training.selection import ByErrors
from dbnjax.types import Array, Key, Learner
from experiments.three_ideas.config import NONE, RATES, Config, Era, Pretraining
from experiments.three_ideas.methods import ERAS, METHODS, labelled, softmax

# What draws by which number: each part has `fold_in(key of the seed, number)`.
FIRST, SOFTMAX, PRETRAINING, TUNING = 0, 1, 100, 200


@dataclasses.dataclass(frozen=True)
class Task:
    """What all cells share.

    Attributes:
      config: the run's options.
      n_classes: classes.
      data: training cases on the device.
      held_out: validation cases on the device.
      test: test cases on the device.
    """

    config: Config
    n_classes: int
    data: loop.Data
    held_out: loop.Data
    test: loop.Data

    @property
    def keys(self) -> Key:
        """The key of every seed, `[n_seeds]`."""
        seeds = range(self.config.seed, self.config.seed + self.config.seeds)
        return jnp.stack([jax.random.key(seed) for seed in seeds])


class Pretrained(NamedTuple):
    """A hidden layer of every seed, and the seconds that it took, compilation included."""

    layer: Layer
    seconds: float


def pretrain(task: Task, which: Pretraining, n: int) -> list[Pretrained]:
    """Makes n hidden layers from the bottom up; a shallower net takes the lowest of them.

    Raises:
      DivergenceError: a parameter stopped being finite.
    """
    era = ERAS[which.era]
    sizes = (task.data.pixels.shape[-1], *task.config.layers)

    def first(key: Key) -> greedy.Below:
        return feedforward.init(key, sizes, task.n_classes, era.unit, era.bound).hidden

    found: list[Pretrained] = []
    for level, layer in enumerate(jax.vmap(first)(members.numbered(task.keys, FIRST))[:n]):
        began = time.perf_counter()
        if which.method != NONE:
            layer = learn_layer(task, which, level, layer, tuple(below.layer for below in found))
        found.append(Pretrained(layer, time.perf_counter() - began))
    return found


def learn_layer(
    task: Task, which: Pretraining, level: int, layer: Layer, below: greedy.Below
) -> Layer:
    """Pretrains one layer on what those below make of the data."""
    config, rate = task.config, RATES[which.era][which.method]
    training = METHODS[which.method](ERAS[which.era], rate, level, task.n_classes)
    program = loop.ensemble_program(training.learner, training.prepare, config.batch_size)
    keys = members.numbered(task.keys, PRETRAINING + level)
    seeds = members.Members(
        keys,
        training.learner,
        program,
        lambda i: members.copies(training.hyper(i), config.seeds),
        jax.vmap(training.start)(keys, layer),
        task.data,
        below,
    )
    name = f"{which.era}, {which.method}, layer {level + 1}"
    learned = members.learn(seeds, config.layer_epochs, name)
    found: Layer = jax.vmap(training.layer)(learned)
    return found


@functools.cache
def tuning(era: Era, n_classes: int, batch_size: int) -> tuple[Learner, loop.Epoch]:
    """Returns the learner of an era and an epoch of it; kept, since all its methods share them."""
    learner = backprop.backprop(ERAS[era].optimiser())
    return learner, loop.ensemble_program(learner, labelled(n_classes), batch_size)


def tune(task: Task, era: Era, name: str, layers: greedy.Below) -> tuple[ByErrors, list[list[int]]]:
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
    keys = jnp.concatenate([members.numbered(task.keys, TUNING)] * len(config.factors))
    rates = jnp.repeat(RATES[era][NONE] * jnp.array(config.factors, jnp.float32), config.seeds)
    hyper = members.copies(backprop.hyper(0.0), len(keys))._replace(rate=rates)
    nets = first_nets(task, layers)
    seeds = members.Members(keys, learner, program, lambda i: hyper, nets, task.data)
    return members.select(
        seeds,
        config.tuning_epochs,
        errors=lambda nets: count(nets, task.held_out),
        most=len(task.held_out.labels),
        patience=config.patience,
        name=f"{name}, tuning",
    )


def first_nets(task: Task, layers: greedy.Below) -> Feedforward:
    """Puts new softmax layers on the hidden layers of every seed, once for each rate."""

    def net(key: Key, hidden: greedy.Below) -> Feedforward:
        return feedforward.create(hidden, softmax(key, hidden[-1].unit.size, task.n_classes))

    nets = jax.vmap(net)(members.numbered(task.keys, SOFTMAX), layers)
    n = len(task.config.factors)
    repeated: Feedforward = jax.tree.map(lambda x: jnp.concatenate([x] * n), nets)
    return repeated


@jax.jit
def count(nets: Feedforward, data: loop.Data) -> Array:
    """Returns every member's errors, `[n_members]` int32."""
    unused = jax.random.key(0)  # the read-out draws nothing

    def one(net: Feedforward) -> Array:
        guesses = evaluate.scores(evaluate.softmax, unused, net, data.pixels).argmax(-1)
        return (guesses != data.labels).sum(dtype=jnp.int32)

    return sharding.map_members(one)(nets)
