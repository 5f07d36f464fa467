"""What all nets of `few_labels` share: the stack below them, the cases, and which have labels.

A draw of labelled cases takes as many of each class; those of 100 labels are among those of 1,000
of the same draw. All other training cases lose theirs (a label of -1). A round is a fixed number of
updates, whatever the number of labels, so that one compiled program serves them all: the labelled
cases are gone through as often as it takes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.models.stack import Stack
from dbnjax.training import loop
from dbnjax.types import Array, Key
from experiments.few_labels.config import METHODS, MISSING, Config, Setting


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


@dataclasses.dataclass(frozen=True)
class Task:
    """What all nets share.

    Attributes:
      config: the experiment's options.
      key: of the whole run.
      n_classes: classes.
      stack: machines that learned from all training images, without labels.
      data: training cases on the device; a net sees the labels of its own draw alone.
      held_out: validation cases on the device.
      about: what a saved net tells of its images (`common.net_records`).
    """

    config: Config
    key: Key
    n_classes: int
    stack: Stack
    data: loop.Data
    held_out: loop.Data
    about: Mapping[str, Any]

    def choosing(self, n_labels: int) -> loop.Data:
        """Returns the validation cases that choose where there are so many labels."""
        n = n_labels if self.config.choose_by == "few" else len(self.held_out.labels)
        return loop.Data(self.held_out.pixels[:n], self.held_out.labels[:n], None)


def check_labels(labels: Array, n_classes: int, wanted: Sequence[int]) -> None:
    """Raises `InputError` unless so many labelled cases can be drawn, as many of each class."""
    counts = np.bincount(np.asarray(labels), minlength=n_classes)
    for n in wanted:
        checks.require(
            n % n_classes == 0,
            f"--labels: expected multiples of {n_classes}, as many of each class, got {n}",
        )
        checks.require(
            n <= n_classes * int(counts.min()),
            f"--labels: expected at most {n_classes * int(counts.min())}, since there are "
            f"{int(counts.min())} training cases of class {int(counts.argmin())}, got {n}",
        )


def labelled_rows(task: Task, cell: Cell) -> np.ndarray:
    """Draws the training cases that have a label, `[n_classes, n_labels / n_classes]` rows."""
    labels = np.asarray(task.data.labels)
    generator = np.random.default_rng((task.config.seed, cell.draw))
    each = cell.labels // task.n_classes
    of_class = [np.flatnonzero(labels == c) for c in range(task.n_classes)]
    return np.stack([generator.permutation(rows)[:each] for rows in of_class])


def rounds(task: Task, cell: Cell) -> "Rounds":
    """Returns what the rounds of a net are made from."""
    rows = labelled_rows(task, cell)
    known = np.zeros(len(task.data.labels), bool)
    known[rows] = True
    rest = np.flatnonzero(~known)
    beside = task.n_classes * task.config.unlabelled if cell.method == MISSING else 0
    checks.require(
        not beside or len(rest) > 0,
        f"--labels: expected fewer than the {len(known)} training cases, so that some are without "
        f"a label, got {cell.labels}",
    )
    masked = jnp.where(jnp.asarray(known), task.data.labels, -1)
    return Rounds(task, (*rows, *[rest] * beside), masked)


class Rounds(NamedTuple):
    """A net's cases, round by round.

    Attributes:
      task: what all nets share.
      groups: rows of each class that have labels, and as often as there are to be cases without
        one beside them all rows that have none. A minibatch takes of each group in turn.
      labels: `[n_cases]` int32, -1 where the label is not known.
    """

    task: Task
    groups: tuple[np.ndarray, ...]
    labels: Array

    def data(self, draw: int, i: int) -> loop.Data:
        """Returns the cases of round i, which is an epoch of them."""
        config = self.task.config
        each = -(-config.updates * config.batch_size // len(self.groups))
        generator = np.random.default_rng((config.seed, draw, 1 + i))
        rows = [np.resize(generator.permutation(group), each) for group in self.groups]
        by_class = jnp.asarray(np.stack(rows), jnp.int32)
        return loop.Data(self.task.data.pixels, self.labels, by_class)


def key_of(task: Task, cell: Cell) -> Key:
    """Returns a net's key: settings are compared under the same one."""
    key = jax.random.fold_in(task.key, METHODS.index(cell.method))
    for number in (cell.labels, cell.draw):
        key = jax.random.fold_in(key, number)
    return key
