"""Cases: images read, reduced and split on the host, then put on the device."""

import sys

import numpy as np

from dbnjax import checks
from dbnjax.data import preparation, sources
from dbnjax.data.images import Images
from dbnjax.training import loop
from experiments.common.groups import Split


def read(config: Split, side: int = 0) -> tuple[sources.Source, preparation.Splits]:
    """Reads the images and splits them.

    Args:
      config: names the images and the split.
      side: height and width that they are reduced to; 0 as they are.

    Raises:
      InputError: there are none, or fewer than asked, or they cannot be reduced so far.
    """
    source = sources.load(config.dataset, config.data_dir)
    if side:
        source = reduce(source, side)
    n = sizes(source, config.n_train, config.n_validation, config.n_test)
    return source, preparation.make_splits(source, *n, config.split_seed)


def reduce(source: sources.Source, side: int) -> sources.Source:
    """Makes every image smaller."""

    def small(images: Images) -> Images:
        return images._replace(pixels=preparation.downsample(images.pixels, side))

    test = None if source.test is None else small(source.test)
    return source._replace(train=small(source.train), test=test)


def sizes(
    source: sources.Source, n_train: int = 0, n_validation: int = 0, n_test: int = 0
) -> tuple[int, int, int | None]:
    """Returns the numbers of training, validation and test cases, those that are 0 by default.

    By default the paper's shares of MNIST, 44,000 and 10,000 of 60,000 beside the official test
    set, or eight, one and one tenth of a set without one.
    """
    n, official = len(source.train.known_labels()), source.test is not None
    train, validation = (44 / 60, 10 / 60) if official else (0.8, 0.1)
    counts = np.bincount(source.train.known_labels())
    smallest, rare = counts.min(), source.classes.names[counts.argmin()]
    checks.require(
        official or smallest > 1,
        f"{source.name}: expected two images of each class or more, to train and to test, got "
        f"{smallest} of class {rare}",
    )

    def share(part: float) -> int:
        """A multiple of the number of classes, for balance, and at least one of each."""
        return max(int(n * part / source.n_classes + 1e-9), 1) * source.n_classes

    most = int(smallest * (1 if official else 0.8)) * source.n_classes
    return (
        n_train or min(share(train), most),
        n_validation or share(validation),
        n_test or (None if official else share(0.1)),
    )


def balanced(batch_size: int, source: sources.Source) -> bool:
    """Returns whether minibatches can hold as many images of each class; says so if not."""
    possible = batch_size % source.n_classes == 0
    if not possible:
        print(
            f"minibatches of {batch_size} are drawn at random: {source.n_classes} classes do not "
            "divide them",
            file=sys.stderr,
        )
    return possible


def put(images: Images, n_classes: int, batch_size: int, balanced: bool = False) -> loop.Data:
    """Puts images and their labels on the device, arguments as in `loop.put`."""
    return loop.put(images.pixels, images.known_labels(), n_classes, batch_size, balanced)
