"""What one net of `mnist_classifier` goes through: RBMs, tuning, tuning on all cases."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from dbnjax import checks
from dbnjax.data import preparation, sources
from dbnjax.learning import backprop, conjugate_gradient
from dbnjax.models import feedforward
from dbnjax.models.feedforward import Feedforward
from dbnjax.models.stack import Stack
from dbnjax.training import evaluate, keys, translations, tuning
from dbnjax.training.fitting import schedule
from dbnjax.types import Learner
from dbnjax.units import Bernoulli, Rectifier
from experiments.common import cases, stacks
from experiments.common.records import ALL, CHOSEN
from experiments.mnist_classifier.config import Config

RANDOM: dict[str, tuple[Any, Callable[[int, int], float]]] = {
    "2006": (Bernoulli, feedforward.science_2006),
    "glorot": (Bernoulli, feedforward.glorot_logistic),
    "rectified": (Rectifier, feedforward.he),
}

Task = stacks.Task[Config]


class Learned(NamedTuple):
    """One net after all its stages.

    Attributes:
      task: what its stages shared.
      chosen: the net with the fewest validation errors.
      epoch: of tuning after which it stood.
      continued: the net after tuning on all cases, or None.
    """

    task: Task
    chosen: Feedforward
    epoch: int
    continued: Feedforward | None

    @property
    def nets(self) -> dict[str, Feedforward]:
        """The nets by name, in the order of learning."""
        nets = {CHOSEN: self.chosen, ALL: self.continued}
        return {name: net for name, net in nets.items() if net is not None}


def prepare(
    config: Config, source: sources.Source, splits: preparation.Splits, number: int
) -> Task:
    """Puts the cases of one net on the device, and looks at the stack that it is given.

    Raises:
      InputError: minibatches of pretraining are larger than the data, images would be shifted out,
        or a stack that is given cannot be used.
    """
    task = stacks.prepare(config, source, splits, number, f"net_{number + 1}")
    if config.all_epochs:
        everything = preparation.all_but_test(source, splits)
        on_device = cases.put(everything, source.n_classes, config.batch_size, balanced=False)
        task = dataclasses.replace(task, everything=on_device)
    if config.reach:
        vary = functools.partial(translations.translating, shape=task.shape, reach=config.reach)
        vary(tuning.cases(task.n_classes))
        task = dataclasses.replace(task, vary=vary)
    if config.given_stacks:
        stacks.read(config.given_stacks[number], task)
    elif config.start == "pretrained":
        checks.check_batch_size(config.greedy_batch_size, len(task.data.labels))
    return task


def learn(task: Task) -> Learned:
    """Takes one net through its stages."""
    plan = tuning_plan(task.config, task.n_classes)
    seen = tuning.tune(task, plan, start(task))
    continued = None
    if task.everything is not None:
        target = evaluate.measure(seen.best, task.data).cost
        plan = tuning_plan(task.config, task.n_classes, all_cases=True)
        continued = tuning.go_on(task, plan, seen.best, task.everything, target).learner.params
    return Learned(task=task, chosen=seen.best, epoch=int(seen.epoch), continued=continued)


def start(task: Task) -> Feedforward:
    """Returns the net before tuning: a stack with a softmax layer on it, or weights at random."""
    config = task.config
    key = jax.random.fold_in(task.key, keys.SOFTMAX)
    if config.start == "pretrained":
        return feedforward.unroll(key, stack(task), task.n_classes)
    unit, bound = RANDOM[config.start]
    sizes = (task.data.pixels.shape[-1], *config.layers)
    return feedforward.init(key, sizes, task.n_classes, unit, bound)


def stack(task: Task) -> Stack:
    """Reads the stack that is given for this net, or learns one and saves it beside its records."""
    config = task.config
    if config.given_stacks:
        return stacks.read(config.given_stacks[task.number], task)
    plan = stacks.plan(
        config,
        config.pixels,
        config.greedy_features,
        config.greedy_rate,
        config.greedy_momentum,
        config.decay,
    )
    return stacks.learn(task, plan, dataclasses.replace(config, tune_epochs=0))


def tuning_plan(config: Config, n_classes: int, all_cases: bool = False) -> tuning.TuningPlan:
    """Returns how a net is tuned, on its training cases or on all of them."""
    n_epochs = config.all_epochs if all_cases else config.tune_epochs
    frozen = 0 if all_cases else config.softmax_epochs
    rate = schedule(config.schedule, config.rate, n_epochs)
    return tuning.TuningPlan(
        learner=learner(config),
        hyper=lambda i: hyper(config, rate(i), float(i >= frozen)),
        n_epochs=n_epochs,
        n_classes=n_classes,
        batch_size=config.batch_size,
        patience=config.patience,
        easy=config.easy,
    )


def learner(config: Config) -> Learner:
    """Makes the learner of tuning."""
    optimisers: dict[str, Callable[[], optax.GradientTransformation]] = {
        "momentum": lambda: optax.sgd(1.0, momentum=config.momentum or None),
        "adam": lambda: optax.adam(1.0, b1=config.momentum),
        "cg": lambda: conjugate_gradient.conjugate_gradient(config.line_searches),
    }
    return backprop.backprop(
        optimisers[config.optimiser](), dropout=config.dropout, max_norm=bool(config.max_norm)
    )


def hyper(config: Config, rate: float, hidden: float = 1.0) -> backprop.Hyper:
    """Makes the numbers of an epoch."""
    most = config.max_norm or math.inf
    return backprop.hyper(
        rate, config.tune_decay, hidden, config.drop_visible, config.drop_hidden, most
    )
