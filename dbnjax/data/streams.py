"""Labelled images that are read some at a time, because not all of them fit in memory.

A stream is any object with the attributes and the method of `Stream`: a folder of NPY files
(`dbnjax.data.folders`), a set that tensorflow-datasets has prepared, or a user's own. What can only
be read from its beginning to its end, an iterator of batches, becomes a folder once
(`folder_writing`): learning needs its cases in another order in every epoch.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from dbnjax.data import tfds_sets
from dbnjax.data.classes import Classes, renumber
from dbnjax.data.images import Images

Ranges = Sequence[tuple[int, int]]
"""Cases to read: each range has a first one and one that is the first no more."""


class Stream(Protocol):
    """What learning asks of images that it cannot hold."""

    @property
    def n_cases(self) -> int:
        """The number of images."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of each image in pixels."""

    @property
    def n_classes(self) -> int:
        """The labels run from 0 to n_classes - 1."""

    def read(self, ranges: Ranges) -> Images:
        """Returns the labelled cases of some ranges, in their order; called on another thread."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A stream of a split that tensorflow-datasets has prepared; made by `prepared`.

    Attributes:
      name: of the set.
      builder: tfds' builder of it.
      split: one of its splits.
      n_cases: images.
      shape: height and width of each in pixels.
      classes: the labels that are read run from 0 to n_classes - 1, in this order.
    """

    name: str
    builder: Any
    split: str
    n_cases: int
    shape: tuple[int, int]
    classes: Classes

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes.labels)

    def read(self, ranges: Ranges) -> Images:
        """Returns the cases of some ranges, in their order, colour turned to grey.

        Raises:
          InputError: a file is damaged, the images differ in size, or one is of another class.
        """
        rows = [row for start, stop in ranges for row in range(start, stop)]
        images = tfds_sets.read_split(self.name, self.builder, self.split, rows)
        name = f"{self.name}, {self.split} labels"
        return images._replace(labels=renumber(name, self.classes, images.known_labels()))


def prepared(
    name: str,
    data_dir: str | Path | None = None,
    split: str = "train",
    classes: Classes | None = None,
) -> Prepared:
    """Opens a split of a set that tensorflow-datasets has prepared as array_record.

    Args:
      name: a tfds name, as in `tfds_sets.read`.
      data_dir: tfds' data folder, by default its usual one.
      split: one of the set's own.
      classes: to count as; None for all that the set declares.

    Raises:
      InputError: the set is unknown, not prepared or damaged, has no images with class labels, or
        no such split.
    """
    builder, declared = tfds_sets.find(name, data_dir, split)
    height, width = tfds_sets.read_split(name, builder, split, range(1)).pixels.shape[1:]
    n_cases = builder.info.splits[split].num_examples
    return Prepared(name, builder, split, n_cases, (height, width), classes or declared)
