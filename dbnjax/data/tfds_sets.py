"""Image sets that tensorflow-datasets (tfds) has prepared, read without TensorFlow.

They must be in tfds' array_record format: its default, TFRecord, cannot be read without TensorFlow,
nor can anything be prepared without it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dbnjax import files
from dbnjax.checks import InputError, require
from dbnjax.data.classes import Classes
from dbnjax.data.grey import to_grey
from dbnjax.data.images import Images, Source
from dbnjax.data.optional import import_extra

MNIST_FAMILY = ("mnist", "fashion_mnist", "kmnist")
"""Sets that need not be prepared: `registry` fetches them."""

TFDS_NAME = re.compile(r"(\w+)(/[\w.-]+)?(:\d+\.\d+\.\d+)?")
"""Set, configuration, version. tfds would look for any other form of name on the network."""


def set_of(name: str) -> str:
    """Returns the set of a tfds name, without its configuration and version."""
    return re.split("[/:]", name)[0]


def read(name: str, data_dir: str | Path | None) -> Source:
    """Reads a labelled image set that tfds has prepared as array_record.

    Args:
      name: a tfds name, `set`, `set/configuration` or `set/configuration:version`.
      data_dir: tfds' data folder, by default its usual one.

    Raises:
      InputError: the name is unknown, or the set is not prepared, is damaged, has no images with
        class labels or no training set, or its images differ in size.
    """
    builder, declared = find(name, data_dir, "train")
    train = read_split(name, builder, "train")
    test = read_split(name, builder, "test") if "test" in builder.info.splits else None
    return Source(name, train, test, declared)


def find(name: str, data_dir: str | Path | None, split: str) -> tuple[Any, Classes]:
    """Finds a labelled image set that tfds has prepared as array_record, and reads nothing of it.

    Args:
      name: as in `read`.
      data_dir: tfds' data folder, by default its usual one.
      split: one that the set must have.

    Returns:
      Its tfds builder and the classes that it declares.

    Raises:
      InputError: the name is unknown, or the set is not prepared, or has no images with class
        labels or no such split.
    """
    root = data_folder(data_dir)
    builder = builder_of(name, root)
    if builder is None:
        raise InputError(
            f"{name}: expected it in {root}, prepared as array_record, found no such set; prepare "
            f"it once where TensorFlow is installed: tfds.builder({name!r}, "
            f"data_dir={str(root)!r}).download_and_prepare(file_format='array_record')"
        )
    declared = _classes(name, builder.info.features)
    require(split in builder.info.splits, f"{name}: expected a split named {split}, found none")
    return builder, declared


def data_folder(data_dir: str | Path | None) -> Path:
    """Returns the folder in which tfds keeps its sets, a given one or its usual one."""
    default = import_extra("tensorflow_datasets.core.constants").DATA_DIR
    return files.expand(data_dir or default)


def builder_of(name: str, root: Path) -> Any | None:
    """Returns the tfds builder of a set that can be read, None for one that is not prepared."""
    tfds = import_extra("tensorflow_datasets")
    match = TFDS_NAME.fullmatch(name)
    if match is None:
        raise _unknown(name, "not a name")
    try:
        if not (root / match[1]).is_dir():
            tfds.builder_cls(match[1])  # only to tell an unknown name from an unprepared set
            return None
        builder = tfds.builder(name, data_dir=str(root))
    # Unknown set or configuration; unknown version; a set whose code needs TensorFlow.
    except (ValueError, AssertionError, ImportError) as error:
        raise _unknown(name, str(error).splitlines()[0]) from error
    formats = {file_format.value for file_format in builder.info.available_file_formats()}
    return builder if builder.is_prepared() and "array_record" in formats else None


def _unknown(name: str, why: str) -> InputError:
    return InputError(
        f"data set {name!r}: expected mnist5k, {', '.join(MNIST_FAMILY)} or a prepared image set "
        f"of tensorflow-datasets such as cifar10, got an unknown one ({why}); check the spelling"
    )


def _classes(name: str, features: Any) -> Classes:
    kinds = import_extra("tensorflow_datasets").features
    image, label = (dict(features).get(key) for key in ("image", "label"))
    found = ", ".join(sorted(f"{key} {type(kind).__name__}" for key, kind in features.items()))
    require(
        isinstance(image, kinds.Image)
        and image.np_dtype == np.uint8
        and image.shape[-1] in (1, 3)
        and isinstance(label, kinds.ClassLabel),
        f"{name}: expected the features image (8-bit, grey or colour) and label (a class), got "
        f"{found}; this is another kind of data set",
    )
    n_classes = int(features["label"].num_classes)
    return Classes(tuple(range(n_classes)), tuple(map(features["label"].int2str, range(n_classes))))


def read_split(name: str, builder: Any, split: str, rows: Sequence[int] | None = None) -> Images:
    """Reads records of a prepared set as grey images.

    Args:
      name: of the set, for messages.
      builder: what `find` found.
      split: one of its splits.
      rows: which records, by default all of them.

    Raises:
      InputError: a file is damaged, or the images differ in size.
    """
    try:
        records = builder.as_data_source(split=split)
        records = list(records) if rows is None else records.__getitems__(rows)
    # array_record reports damage as RuntimeError, the decoding of a record as ValueError.
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{name}, {split}: expected whole array_record files in {builder.data_dir}, cannot "
            f"read them ({str(error).splitlines()[0]}); prepare the set again"
        ) from error
    shapes = {record["image"].shape for record in records}
    require(
        len(shapes) == 1,
        f"{name}, {split}: expected images of one size, got {len(shapes)} sizes; a net needs "
        "a fixed number of pixels",
    )
    pixels = np.stack([record["image"] for record in records])
    labels = np.array([record["label"] for record in records], np.int32)
    return Images(to_grey(pixels) if pixels.shape[-1] == 3 else pixels[..., 0], labels)
