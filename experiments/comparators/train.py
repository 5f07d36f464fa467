"""The rows of `comparators` that dbnjax makes: nets by backpropagation, and nearest neighbours.

Validation chooses the epoch and the weight decay of a net. Its units are logistic.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dbnjax.data import preparation
from dbnjax.data.images import Images
from dbnjax.inference import neighbours
from dbnjax.learning import backprop
from dbnjax.models import feedforward
from dbnjax.training import evaluate, keys, metrics, stages, tuning
from dbnjax.training import task as training_task
from dbnjax.types import Key
from experiments.common import cases
from experiments.comparators.config import Config, Row

CHUNK = 1000  # test cases between two signs of progress

_nearest = jax.jit(neighbours.nearest, static_argnames="power")


@dataclasses.dataclass(frozen=True)
class Task:
    """What the rows share.

    Attributes:
      config: the experiment's options.
      key: of the whole run.
      n_classes: classes.
      splits: training, validation and test cases, as `mnist_dbn` has them.
      everything: all cases that are not test cases.
      place: where the run writes.
    """

    config: Config
    key: Key
    n_classes: int
    splits: preparation.Splits
    everything: Images
    place: stages.Place


class Net(NamedTuple):
    """One of the nets of Table 1.

    Attributes:
      layers: hidden units from the bottom up.
      squared: squared error in the place of cross-entropy.
      decayed: with the best of several weight decays.
    """

    layers: tuple[int, ...]
    squared: bool = False
    decayed: bool = False


NETS = {
    "deep": Net((500, 300), decayed=True),
    "wide": Net((800,)),
    "squared": Net((500, 150), squared=True),
}


class Numbers(NamedTuple):
    """What a net learns with, in either library; its momentum is `--momentum`.

    Attributes:
      batch_size: cases in a minibatch.
      rate: learning rate, the same in every epoch.
      decays: weight decays to choose from.
    """

    batch_size: int
    rate: float
    decays: tuple[float, ...]


def first(task: Task, n: int) -> Images:
    """Returns the first n training cases, in the split's random order; with 0 `everything`."""
    return preparation.take(task.splits.train, slice(n)) if n else task.everything


def n_few(config: Config, everything: Images) -> int:
    """Returns the cases of the smaller nearest neighbours: 20,000 of MNIST's 60,000."""
    return config.few or len(everything.pixels) // 3


def mistakes(guesses: np.ndarray, images: Images) -> list[int]:
    """Returns the cases whose class is not the guessed one."""
    found: list[int] = np.flatnonzero(guesses != images.known_labels()).tolist()
    return found


def numbers(config: Config, net: Net) -> Numbers:
    """Returns what the flags say of a net."""
    decays = config.decays if net.decayed else (0.0,)
    if net.squared:
        return Numbers(config.squared_batch_size, config.squared_rate, decays)
    return Numbers(config.batch_size, config.rate, decays)


def settings(config: Config, net: Net, decay: float, epoch: int) -> dict[str, Any]:
    """Returns what a record says of a net, with the decay and the epoch that were chosen."""
    error = "squared error" if net.squared else "cross-entropy"
    described = {"layers": net.layers, "units": "logistic", "error": error}
    chosen = {"momentum": config.momentum, "decay": decay, "epoch": epoch}
    return described | numbers(config, net)._asdict() | chosen


def neighbour(task: Task, name: str) -> Row:
    """Gives every test case the class of its nearest training case; nothing is chosen.

    Args:
      task: what the rows share.
      name: of the row: the norm, l2 or l3, and whether it is among a part of the cases.
    """
    power, few = int(name[1]), name.endswith("few")
    among = first(task, n_few(task.config, task.everything) if few else 0)
    began = time.perf_counter()
    pixels, asked = (
        jnp.asarray(images.pixels.reshape(len(images.pixels), -1))
        for images in (among, task.splits.test)
    )
    found = []
    title, begins = f"L{power}, {len(pixels)} training cases", range(0, len(asked), CHUNK)
    with metrics.progress(len(begins), title, unit=f"chunk of {CHUNK}") as advance:
        for begin in begins:
            found.append(np.asarray(_nearest(pixels, asked[begin : begin + CHUNK], power=power)))
            advance({})
    wrong = mistakes(among.known_labels()[np.concatenate(found)], task.splits.test)
    return Row(
        name=name,
        cases=len(pixels),
        validation=None,
        test=len(wrong),
        wrong=wrong,
        seconds=time.perf_counter() - began,
        settings={"norm": power, "neighbours": 1},
    )


def net(task: Task, name: str) -> Row:
    """Learns a net once with each weight decay and judges the one that validation chooses."""
    config, chosen = task.config, NETS[name]
    batch_size, _, decays = numbers(config, chosen)
    own = training_task.Task(
        key=task.key,
        n_labels=0,
        data=cases.put(task.splits.train, task.n_classes, batch_size),
        held_out=cases.put(task.splits.validation, task.n_classes, 1),
        place=task.place,
    )
    key = jax.random.fold_in(task.key, keys.SOFTMAX)
    start = feedforward.init(key, (own.data.pixels.shape[-1], *chosen.layers), task.n_classes)
    planned, names = plan(task, chosen), {decay: f"{name}_{decay:g}" for decay in decays}
    seen = {decay: tuning.tune(own, planned(decay), start, names[decay]) for decay in decays}
    decay = min(decays, key=lambda decay: int(seen[decay].errors))
    best = seen[decay]
    records = metrics.read(task.place.metrics)
    learned = sum(r["seconds"] for r in records if r.get("stage") in names.values())
    began = time.perf_counter()
    test = cases.put(task.splits.test, task.n_classes, 1)
    wrong = evaluate.measure(best.best, test).wrong.tolist()
    return Row(
        name=name,
        cases=len(own.data.pixels),
        validation=int(best.errors),
        test=len(wrong),
        wrong=wrong,
        seconds=learned + time.perf_counter() - began,
        settings=settings(config, chosen, decay, int(best.epoch)) | {"outputs": "softmax"},
    )


def plan(task: Task, net: Net) -> Callable[[float], tuning.TuningPlan]:
    """Returns how a net learns with a weight decay."""
    batch_size, rate, _ = numbers(task.config, net)
    cost = backprop.squared_error if net.squared else backprop.cross_entropy
    learner = backprop.backprop(optax.sgd(1.0, momentum=task.config.momentum), cost=cost)
    return lambda decay: tuning.TuningPlan(
        learner,
        lambda i: backprop.hyper(rate, decay),
        n_epochs=task.config.epochs,
        n_classes=task.n_classes,
        batch_size=batch_size,
        patience=task.config.patience,
        cost=cost,
    )
