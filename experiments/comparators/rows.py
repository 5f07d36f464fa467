"""What all rows of `comparators` share: the cases, and what a row comes to."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from dbnjax.data import preparation
from dbnjax.data.images import Images
from dbnjax.training import stages
from dbnjax.types import Key
from experiments.comparators.config import Config


@dataclasses.dataclass(frozen=True)
class Task:
    """What the rows share.

    Attributes:
      config: the experiment's options.
      key: of the whole run.
      n_classes: classes.
      splits: training, validation and test cases, as the main job has them.
      everything: all cases that are not test cases.
      place: where the run writes.
    """

    config: Config
    key: Key
    n_classes: int
    splits: preparation.Splits
    everything: Images
    place: stages.Place


class Outcome(NamedTuple):
    """What a row comes to.

    Attributes:
      cases: training cases.
      validation: errors on the validation cases, or None if they were learned from, or nothing
        was chosen by them.
      wrong: the test cases that were put into a wrong class.
      seconds: of learning and judging.
      settings: what else one needs to know, JSON-able.
    """

    cases: int
    validation: int | None
    wrong: list[int]
    seconds: float
    settings: dict[str, Any]


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


def flat(images: Images) -> np.ndarray:
    """Returns the pixels as rows, `[n, n_pixels]` uint8."""
    return images.pixels.reshape(len(images.pixels), -1)
