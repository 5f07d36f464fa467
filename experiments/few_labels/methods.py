"""How each method of `few_labels` begins, learns and is asked for a class.

Two are classifiers, tuned by backpropagation: the stack with a softmax layer on it, and rectified
units with random weights (He et al. 2015). Two are joint machines over the stack's penultimate
units and labels, read out by the free energy of each label; they begin as the stack's top machine
with label units beside it whose weights are zero. One learns log p(features, label) of the cases
with labels and log p(features) of as many without, the other the former alone.
"""

import functools
from typing import NamedTuple

import jax
import optax

from dbnjax.learning import backprop, contrastive_divergence, missing_labels, updates
from dbnjax.models import dbn, feedforward, stack
from dbnjax.training import evaluate, greedy, loop, tuning
from dbnjax.training.fitting import owned
from dbnjax.types import Array, Key, Learner, PyTree
from dbnjax.units import Rectifier
from experiments.few_labels.config import MISSING, PRETRAINED, UNPRETRAINED, Setting
from experiments.few_labels.task import Task

WORDS = {
    "pretrained": "classifier, pretrained",
    "unpretrained": "classifier, not pretrained",
    "joint": "joint DBN, missing labels",
    "joint_labelled": "joint DBN, labelled cases only",
}
MOMENTUM, JOINT_MOMENTUM = 0.9, 0.5


class Way(NamedTuple):
    """How a net learns.

    Attributes:
      learner: what steps.
      program: a round of it, compiled.
      hyper: its numbers.
      below: what its data are made with.
    """

    learner: Learner
    program: loop.Epoch
    hyper: PyTree
    below: PyTree


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


def way(task: Task, method: str, setting: Setting) -> Way:
    """Returns how a method learns under a setting."""
    config, n_classes = task.config, task.n_classes
    if is_joint(method):
        learner, program = _joint(n_classes, method == MISSING, config.batch_size)
        numbers: PyTree = updates.hyper(config.joint_rate, JOINT_MOMENTUM, setting.decay)
        return Way(learner, program, numbers, stack.recognition(task.stack))
    learner, program = _classifier(n_classes, setting.dropout > 0, config.batch_size)
    numbers = backprop.hyper(
        config.rate, setting.decay, drop_visible=0.0, drop_hidden=setting.dropout
    )
    return Way(learner, program, numbers, None)


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


def log_probabilities(task: Task, method: str, params: PyTree, data: loop.Data) -> Array:
    """Returns log p(class) of every case, `[n_cases, n_classes]`, by the method's read-out."""
    net = params
    read_out: evaluate.ReadOut = evaluate.softmax
    if is_joint(method):
        net = dbn.untie(stack.create((*task.stack.rbms[:-1], params)))
        read_out = evaluate.deterministic
    unused = jax.random.key(0)  # neither read-out draws anything
    found: Array = evaluate.scores(read_out, unused, net, data.pixels)
    return found
