"""Pretraining of the hidden layers that `three_ideas` compares, all seeds in one program.

Every array of a layer or of a state has a leading axis of seeds. A seed has first weights, draws
and an order of the cases of its own, the same for every method that can have them.
"""

import dataclasses
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax.models import feedforward
from dbnjax.models.belief_net import Layer
from dbnjax.training import greedy, loop, metrics, stages
from dbnjax.types import Key, PyTree
from experiments.three_ideas.config import Config, Pretraining
from experiments.three_ideas.methods import ERAS, METHODS, NONE

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


class Layers(NamedTuple):
    """Pretrained layers.

    Attributes:
      layers: from the bottom up, each of every seed.
      seconds: that each took, compilation included.
    """

    layers: greedy.Below
    seconds: tuple[float, ...]


def numbered(keys: Key, number: int) -> Key:
    """Returns the key of one part of every seed, `[n_seeds]`."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def copies(tree: PyTree, n: int) -> PyTree:
    """Gives every array a leading axis of n members that are alike."""
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (n, *x.shape)), tree)


def lowest(pretrained: Layers, n: int) -> Layers:
    """Returns the lowest n layers."""
    return Layers(pretrained.layers[:n], pretrained.seconds[:n])


def pretrain(task: Task, which: Pretraining, n: int) -> Layers:
    """Makes n hidden layers; a shallower net takes the lowest of them.

    Raises:
      DivergenceError: a parameter stopped being finite.
    """
    config, era = task.config, ERAS[which.era]
    sizes = (task.data.pixels.shape[-1], *config.layers)

    def first(key: Key) -> greedy.Below:
        return feedforward.init(key, sizes, task.n_classes, era.unit, era.bound).hidden

    found = Layers((), ())
    for level, layer in enumerate(jax.vmap(first)(numbered(task.keys, FIRST))[:n]):
        began = time.perf_counter()
        if which.method != NONE:
            layer = learn_layer(task, which, level, layer, found.layers)
        seconds = time.perf_counter() - began
        found = Layers((*found.layers, layer), (*found.seconds, seconds))
    return found


def learn_layer(
    task: Task, which: Pretraining, level: int, layer: Layer, below: greedy.Below
) -> Layer:
    """Pretrains one layer on what those below make of the data."""
    config, era = task.config, ERAS[which.era]
    rate = era.pretraining[which.method]
    lesson = METHODS[which.method](era, rate, level, task.n_classes)
    program = loop.ensemble_program(lesson.learner, lesson.prepare, config.batch_size)
    keys = numbered(task.keys, PRETRAINING + level)
    params = jax.vmap(lesson.start)(keys, layer)
    state = jax.vmap(lesson.learner.init)(keys, params)
    name = f"{which.era}, {which.method}, layer {level + 1}"
    with metrics.progress(config.layer_epochs, name) as advance:
        for i in range(config.layer_epochs):
            hyper = copies(lesson.hyper(i), config.seeds)
            state, report = program(numbered(keys, i), hyper, state, below, task.data)
            if not bool(report.finite.all()):
                raise stages.DivergenceError(
                    f"diverged: a parameter is not finite after epoch {i + 1} of {name}; expected "
                    f"finite numbers, so the rate of {rate:g} is too large for these data"
                )
            advance({key: float(x.mean()) for key, x in report.info._asdict().items()})
    found: Layer = jax.vmap(lesson.layer)(state.params)
    return found
