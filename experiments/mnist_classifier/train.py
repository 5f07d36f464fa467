"""What one net of `mnist_classifier` goes through: machines, tuning, tuning on all cases."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax import checks
from dbnjax.learning import backprop, conjugate_gradient
from dbnjax.models import feedforward
from dbnjax.models.feedforward import Feedforward
from dbnjax.models.stack import Stack
from dbnjax.training import early_stopping, easy_cases, keys, loop, pretraining, stages
from dbnjax.training.evaluate import measure
from dbnjax.training.fitting import finite, schedule
from dbnjax.training.plans import LayerPlan, StackPlan
from dbnjax.training.task import Task as Pretraining
from dbnjax.training.tuning import cases
from dbnjax.types import Array, Learner, PyTree
from dbnjax.units import Bernoulli, Rectifier
from dbnjax.weights import io
from experiments.common import stacks
from experiments.mnist_classifier import config as classifier_config
from experiments.mnist_classifier.config import Config
from experiments.mnist_classifier.task import Task

RANDOM: dict[str, tuple[Any, Callable[[int, int], float]]] = {
    "2006": (Bernoulli, feedforward.science_2006),
    "glorot": (Bernoulli, feedforward.glorot_logistic),
    "rectified": (Rectifier, feedforward.he),
}


def check(task: Task) -> None:
    """Refuses what does not fit a net's cases, before anything is written or learned.

    Raises:
      InputError: minibatches of pretraining are larger than the data, images would be shifted out,
        or a stack that is given cannot be used.
    """
    config = task.config
    task.vary(cases(task.n_classes))
    given = classifier_config.given_stacks(config)
    if given:
        stacks.read(given[task.number], task)
    elif config.start == "pretrained":
        checks.check_batch_size(config.greedy_batch_size, len(task.data.labels))


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
    given = classifier_config.given_stacks(task.config)
    if given:
        return stacks.read(given[task.number], task)
    own = Pretraining(
        key=task.key,
        n_labels=0,
        data=task.data,
        held_out=task.held_out,
        place=task.place,
        vary=task.vary,
    )
    learned = pretraining.learn_stack(own, stack_plan(task.config))
    stacks.save(learned, task)
    return learned


def stack_plan(config: Config) -> StackPlan:
    """Returns how the stack learns, every RBM by CD-1 without labels."""
    layers = [
        LayerPlan(
            n_hidden=n_hidden,
            n_epochs=config.greedy_epochs,
            rate=config.greedy_rate,
            features=config.greedy_features,
            schedule="linear",
            momentum=config.greedy_momentum,
            decay=config.decay,
        )
        for n_hidden in config.layers
    ]
    return StackPlan(tuple(layers), config.greedy_batch_size, config.pixels, data_biases=True)


def learner(config: Config) -> Learner:
    """Makes the learner of tuning."""
    optimisers: dict[str, Callable[[], optax.GradientTransformation]] = {
        "momentum": lambda: optax.sgd(1.0, momentum=config.momentum or None),
        "adam": lambda: optax.adam(1.0, b1=config.momentum),
        "cg": lambda: conjugate_gradient.conjugate_gradient(config.line_searches),
    }
    return backprop.backprop(
        optimisers[config.optimiser](),
        dropout=classifier_config.dropout(config),
        max_norm=bool(config.max_norm),
    )


def hyper(config: Config, rate: float, hidden: float = 1.0) -> backprop.Hyper:
    """Makes the numbers of an epoch."""
    most = config.max_norm or math.inf
    return backprop.hyper(
        rate, config.tune_decay, hidden, config.drop_visible, config.drop_hidden, most
    )


def tuning(task: Task) -> tuple[Learner, Callable[..., tuple[PyTree, loop.Report]]]:
    """Returns the learner and an epoch, `learn(key, hyper, state, data)`; easy cases or not."""
    config, chosen = task.config, learner(task.config)
    prepare = task.vary(cases(task.n_classes))
    if not config.easy:
        plain = loop.epoch_program(chosen, prepare, config.batch_size)
        return chosen, lambda key, hyper, state, data: plain(key, hyper, state, None, data)
    sparing, below = easy_cases.epoch_program(chosen, prepare, config.batch_size), config.easy
    most = jnp.float32(below)
    return chosen, lambda key, hyper, state, data: sparing(key, hyper, state, None, data, most)


def first_state(task: Task, learner: Learner, net: Feedforward, n_cases: int) -> PyTree:
    """Returns the learner's state for a copy of a net, with a memory of cases if it needs one."""
    state = learner.init(task.key, net)
    return easy_cases.start(state, n_cases) if task.config.easy else state


def tune(task: Task, net: Feedforward) -> early_stopping.Watch:
    """Tunes a net until the stopping rule holds; the best one is in what it returns."""
    config = task.config
    learner, learn = tuning(task)
    rate = schedule(config.schedule, config.rate, config.tune_epochs)
    key = jax.random.fold_in(task.key, keys.TUNING)

    def epoch(
        i: int, seen: early_stopping.Watch
    ) -> tuple[early_stopping.Watch, bool, dict[str, float]]:
        numbers = hyper(config, rate(i), float(i >= config.softmax_epochs))
        state, report = learn(jax.random.fold_in(key, i), numbers, seen.learner, task.data)
        held_out = measure(state.params, task.held_out)
        seen = early_stopping.look(seen, state, len(held_out.wrong), held_out.cost)
        told = {
            "training_cost": float(report.info.cross_entropy),
            "training_error": 100.0 * float(report.info.error),
            "validation_cost": held_out.cost,
            "validation_error": 100.0 * len(held_out.wrong) / len(task.held_out.labels),
        }
        return seen, bool(report.finite) and finite(told), told

    stage = stages.Stage(
        "tuning",
        config.tune_epochs,
        epoch,
        done=lambda seen: early_stopping.done(seen, config.patience),
    )
    begin = early_stopping.watch(first_state(task, learner, net, len(task.data.labels)))
    found: early_stopping.Watch = stages.run(stage, begin, io.describe(net), task.place)
    return found


class Continued(NamedTuple):
    """A learner's state on all cases, and their cross-entropy under it."""

    learner: Any
    cost: Array


def go_on(task: Task, net: Feedforward, everything: loop.Data, target: float) -> Continued:
    """Goes on from the chosen net on all cases until their cross-entropy is down to a target."""
    config = task.config
    learner, learn = tuning(task)
    rate = schedule(config.schedule, config.rate, config.all_epochs)
    key = jax.random.fold_in(task.key, keys.TUNING_ALL)

    def epoch(i: int, state: Continued) -> tuple[Continued, bool, dict[str, float]]:
        numbers = hyper(config, rate(i))
        own, report = learn(jax.random.fold_in(key, i), numbers, state.learner, everything)
        cost = measure(own.params, everything).cost
        told = {"training_cost": float(report.info.cross_entropy), "cost": cost}
        return Continued(own, jnp.float32(cost)), bool(report.finite) and finite(told), told

    stage = stages.Stage(
        "all_cases", config.all_epochs, epoch, done=lambda state: bool(state.cost <= target)
    )
    own = first_state(task, learner, net, len(everything.labels))
    begin = Continued(own, jnp.float32(jnp.inf))
    found: Continued = stages.run(stage, begin, io.describe(net), task.place)
    return found
