"""Labelled images that are read a range at a time, because not all of them fit in memory.

A stream is any object with the attributes and the method of `Stream`: a folder of NPY files
(`dbnjax.data.folders`), a set that tensorflow-datasets has prepared, or a user's own. What can only
be read from its beginning to its end, an iterator of batches, becomes a folder once
(`folders.write`): learning needs its cases in another order in every epoch.
"""

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from dbnjax.data import folders, registry
from dbnjax.data.images import Images


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

    def read(self, start: int, stop: int) -> Images:
        """Returns the cases from `start` to `stop - 1`, labelled; called on one other thread."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A stream of a split that tensorflow-datasets has prepared; made by `prepared`.

    Attributes:
      title: of the set and the split, for messages.
      records: tfds' data source of the split.
      shape: height and width of each image in pixels.
      n_classes: the labels run from 0 to n_classes - 1.
    """

    title: str
    records: Any
    shape: tuple[int, int]
    n_classes: int

    @property
    def n_cases(self) -> int:
        """The number of images."""
        return len(self.records)

    def read(self, start: int, stop: int) -> Images:
        """Returns the cases from `start` to `stop - 1`, colour turned to grey.

        Raises:
          InputError: a file is damaged, or the images differ in size.
        """
        rows = list(range(start, stop))
        return registry.decode(self.title, lambda: self.records.__getitems__(rows))


def prepared(name: str, data_dir: str | Path | None = None, split: str = "train") -> Prepared:
    """Opens a split of a set that tensorflow-datasets has prepared as array_record.

    Args:
      name: a tfds name, as in `registry.read_prepared`.
      data_dir: tfds' data folder, by default its usual one.
      split: one of the set's own.

    Raises:
      InputError: the set is unknown, not prepared or damaged, has no images with class labels, or
        no such split.
    """
    builder, n_classes = registry.open_prepared(name, data_dir, split)
    title = f"{name}, {split}"
    records = builder.as_data_source(split=split)
    height, width = registry.decode(title, lambda: records.__getitems__([0])).pixels.shape[1:]
    return Prepared(title, records, (height, width), n_classes)


def load(where: str, n_classes: int) -> Stream:
    """Opens a folder, or the training split of a prepared set of that name.

    Args:
      where: a path of a folder that exists, with a separator to tell it from a name if it does
        not, or a tfds name.
      n_classes: the labels of a folder run from 0 to n_classes - 1.

    Raises:
      InputError: it can be opened as neither.
    """
    ...
