"""The rows of backpropagation: nets of logistic units, of which validation chooses the epoch."""

import time
from typing import Any, NamedTuple

import jax
import optax

from dbnjax.learning import backprop
from dbnjax.models import feedforward
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import early_stopping, evaluate, keys, loop, metrics, stages, tuning
from dbnjax.training.fitting import finite
from dbnjax.types import Learner
from dbnjax.weights import io
from experiments.common import cases as dbn_cases
from experiments.comparators.config import Config
from experiments.comparators.rows import Outcome, Task


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


class Learning(NamedTuple):
    """How one of the nets is learned.

    Attributes:
      learner: of backpropagation.
      epoch: its compiled epoch.
      cost: what it minimises, for each case.
      data: training cases.
      held_out: validation cases.
    """

    learner: Learner
    epoch: loop.Epoch
    cost: backprop.Cost
    data: loop.Data
    held_out: loop.Data


def numbers(config: Config, net: Net) -> Numbers:
    """Returns what the flags say of a net."""
    decays = config.decays if net.decayed else (0.0,)
    if net.squared:
        return Numbers(config.squared_batch_size, config.squared_rate, decays)
    return Numbers(config.batch_size, config.rate, decays)


def settings(config: Config, net: Net, decay: float, epoch: int) -> dict[str, Any]:
    """Returns what a record says of a net, with the decay and the epoch that were chosen."""
    chosen = numbers(config, net)._asdict() | {"momentum": config.momentum}
    error = "squared error" if net.squared else "cross-entropy"
    described = {"layers": net.layers, "units": "logistic", "error": error}
    return described | chosen | {"decay": decay, "epoch": epoch}


def row(task: Task, name: str) -> Outcome:
    """Learns a net once with each weight decay and judges the one that validation chooses."""
    config, net = task.config, NETS[name]
    learning = prepare(task, net)
    sizes = (learning.data.pixels.shape[-1], *net.layers)
    key = jax.random.fold_in(task.key, keys.SOFTMAX)
    start = feedforward.init(key, sizes, task.n_classes)
    rate, decays = numbers(config, net).rate, numbers(config, net).decays
    names = {decay: f"{name}_{decay:g}" for decay in decays}
    seen = {
        decay: tune(task, learning, names[decay], start, backprop.hyper(rate, decay))
        for decay in decays
    }
    decay = min(decays, key=lambda decay: int(seen[decay].errors))
    best = seen[decay]
    records = metrics.read(task.place.metrics)
    learned = sum(r["seconds"] for r in records if r.get("stage") in names.values())
    began = time.perf_counter()
    test = dbn_cases.put(task.splits.test, task.n_classes, 1, balanced=False)
    wrong = evaluate.measure(best.best, test).wrong
    return Outcome(
        cases=len(learning.data.labels),
        validation=int(best.errors),
        wrong=wrong.tolist(),
        seconds=learned + time.perf_counter() - began,
        settings=settings(config, net, decay, int(best.epoch)) | {"outputs": "softmax"},
    )


def prepare(task: Task, net: Net) -> Learning:
    """Puts the cases on the device and makes the learner of a net."""
    batch_size = numbers(task.config, net).batch_size
    cost = backprop.squared_error if net.squared else backprop.cross_entropy
    learner = backprop.backprop(optax.sgd(1.0, momentum=task.config.momentum), cost=cost)
    cases = tuning.cases(task.n_classes)
    return Learning(
        learner=learner,
        epoch=loop.epoch_program(learner, cases, batch_size),
        cost=cost,
        data=dbn_cases.put(task.splits.train, task.n_classes, batch_size, balanced=False),
        held_out=dbn_cases.put(task.splits.validation, task.n_classes, 1, balanced=False),
    )


def tune(
    task: Task, learning: Learning, name: str, net: Feedforward, hyper: backprop.Hyper
) -> early_stopping.Watch:
    """Learns a net until the stopping rule holds; the best one is in what it returns."""
    learner, program, cost, data, held_out = learning
    labels = jax.nn.one_hot(held_out.labels, task.n_classes)
    key = jax.random.fold_in(task.key, keys.TUNING)

    def epoch(
        i: int, seen: early_stopping.Watch
    ) -> tuple[early_stopping.Watch, bool, dict[str, float]]:
        state, report = program(jax.random.fold_in(key, i), hyper, seen.learner, None, data)
        log_p = evaluate.log_probabilities(state.params, held_out)
        costs = cost(log_p, backprop.Batch(held_out.pixels, labels))
        errors = len(evaluate.judge(log_p, held_out).wrong)
        told = {
            "training_error": 100.0 * float(report.info.error),
            "validation_cost": float(costs.mean()),
            "validation_error": 100.0 * errors / len(held_out.labels),
        }
        seen = early_stopping.look(seen, state, errors, told["validation_cost"])
        return seen, bool(report.finite) and finite(told), told

    stage = stages.Stage(
        name,
        task.config.epochs,
        epoch,
        done=lambda seen: early_stopping.done(seen, task.config.patience),
    )
    begin = early_stopping.watch(learner.init(task.key, net))
    found: early_stopping.Watch = stages.run(stage, begin, io.describe(net), task.place)
    return found
