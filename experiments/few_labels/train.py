"""How one net of `few_labels` begins, learns from few labelled cases, and is asked for a class.

Two methods are classifiers, tuned by backpropagation: the stack with a softmax layer on it, and
rectified units with random weights (He et al. 2015). Two are joint RBMs over the stack's
penultimate units and labels, read out by the free energy of each label; they begin as the stack's
top RBM with label units beside it whose weights are zero. One learns log p(features, label) of the
cases with labels and log p(features) of as many without, the other the former alone.

All training cases but those of a draw lose their label (`dbnjax.training.partly_labelled`). A round
is a fixed number of updates, whatever the number of labels.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import optax

from dbnjax.learning import backprop, contrastive_divergence, missing_labels, updates
from dbnjax.models import dbn, feedforward
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.models.stack import Stack
from dbnjax.training import early_stopping, evaluate, greedy, loop, partly_labelled, tuning
from dbnjax.training.fitting import owned
from dbnjax.types import Key, Learner, PyTree
from dbnjax.units import Rectifier
from experiments.common import stacks
from experiments.few_labels.config import (
    METHODS,
    MISSING,
    PRETRAINED,
    UNPRETRAINED,
    Config,
    Setting,
)

MOMENTUM, JOINT_MOMENTUM = 0.9, 0.5
NETS = 1  # the key of all nets has `fold_in(key of the run, 1)`; the stack has 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(stacks.Task[Config]):
    """What all nets share; a net sees the labels of its own draw alone.

    Attributes:
      stack: RBMs that learned from all training images, without labels.
    """

    stack: Stack

    def choosing(self, n_labels: int) -> loop.Data:
        """Returns the validation cases that choose where there are so many labels."""
        n = n_labels if self.config.choose_by == "few" else len(self.held_out.labels)
        return loop.Data(self.held_out.pixels[:n], self.held_out.labels[:n], None)


class Cell(NamedTuple):
    """One net.

    Attributes:
      labels: how many labelled cases it has.
      method: by which it learns.
      draw: number of the draw of the labelled cases, from 0.
      setting: what validation has chosen or is to judge.
    """

    labels: int
    method: str
    draw: int
    setting: Setting

    @property
    def name(self) -> str:
        """What its file and its line of progress are called."""
        return f"{self.method}_{self.labels}_{self.draw}"


def rounds(task: Task, cell: Cell) -> Callable[[int], loop.Data]:
    """Returns what makes the cases of a net's round i, which is an epoch of them."""
    config, seed = task.config, (task.config.seed, cell.draw)
    rows = partly_labelled.draw(task.data.labels, task.n_classes, cell.labels, seed)
    beside = config.unlabelled if cell.method == MISSING else 0
    n_cases = config.updates * config.batch_size
    return partly_labelled.rounds(task.data, rows, n_cases, beside, seed)


def key_of(task: Task, cell: Cell) -> Key:
    """Returns a net's key: settings are compared under the same one."""
    key = jax.random.key(task.config.seed)
    for number in (NETS, tuple(METHODS).index(cell.method), cell.labels, cell.draw):
        key = jax.random.fold_in(key, number)
    return key


def is_joint(method: str) -> bool:
    """Returns whether a method learns a joint machine of features and labels."""
    return method not in (PRETRAINED, UNPRETRAINED)


def start(task: Task, key: Key, method: str, setting: Setting) -> PyTree:
    """Makes the parameters that a method begins with, in arrays of their own."""
    if method == PRETRAINED:
        return feedforward.unroll(key, task.stack, task.n_classes)
    if method == UNPRETRAINED:
        sizes = (task.data.pixels.shape[-1], *setting.hidden)
        return feedforward.init(key, sizes, task.n_classes, Rectifier, feedforward.he)
    return owned(missing_labels.with_labels(task.stack.rbms[-1], task.n_classes))


def setup(task: Task, method: str, setting: Setting) -> tuple[Learner, loop.Epoch, PyTree, PyTree]:
    """Returns a method's learner, an epoch of it, its numbers under a setting, and its context."""
    config, n_classes = task.config, task.n_classes
    if is_joint(method):
        joint = updates.hyper(config.joint_rate, JOINT_MOMENTUM, setting.decay)
        below = stack_lib.recognition(task.stack)
        return *_joint(n_classes, method == MISSING, config.batch_size), joint, below
    numbers = backprop.hyper(config.rate, setting.decay, 1.0, 0.0, setting.dropout)
    return *_classifier(n_classes, setting.dropout > 0, config.batch_size), numbers, None


@functools.cache
def _classifier(n_classes: int, dropout: bool, batch_size: int) -> tuple[Learner, loop.Epoch]:
    """Returns a learner and its program; kept, since many nets share them."""
    learner = backprop.backprop(optax.sgd(1.0, momentum=MOMENTUM), dropout=dropout)
    return learner, loop.epoch_program(learner, tuning.cases(n_classes), batch_size)


@functools.cache
def _joint(n_classes: int, missing: bool, batch_size: int) -> tuple[Learner, loop.Epoch]:
    choices = greedy.choices("sample", n_classes)
    learner = contrastive_divergence.contrastive_divergence(k=1, choices=choices)
    if missing:
        learner = missing_labels.imputed(learner)
    prepare = greedy.layer_data("sample", "sample", n_classes)
    return learner, loop.epoch_program(learner, prepare, batch_size)


def asked(task: Task, method: str, params: PyTree) -> DBN | Feedforward:
    """Returns the net that is asked for a class: what a method learned, or a stack with it on top.

    It is asked by the softmax or by the free energy of each label.
    """
    net: DBN | Feedforward = params
    if is_joint(method):
        net = dbn.untie(stack_lib.create((*task.stack.rbms[:-1], params)))
    return net


def fit(task: Task, cell: Cell) -> tuple[early_stopping.Watch, list[int]]:
    """Learns one net until the two-condition rule holds or its rounds are over.

    Returns:
      What has been seen of it, the best parameters included, and the validation errors after each
      round.

    Raises:
      DivergenceError: a parameter stopped being finite.
    """
    learner, program, numbers, below = setup(task, cell.method, cell.setting)
    held_out, key = task.choosing(cell.labels), key_of(task, cell)

    def judge(params: PyTree) -> tuple[int, float]:
        found = evaluate.measure(asked(task, cell.method, params), held_out)
        return len(found.wrong), found.cost

    return partly_labelled.fit(
        key,
        learner,
        program,
        numbers,
        start(task, jax.random.split(key)[0], cell.method, cell.setting),
        rounds(task, cell),
        task.config.rounds,
        judge=judge,
        patience=task.config.patience,
        context=below,
        name=cell.name,
        progress=False,
    )
