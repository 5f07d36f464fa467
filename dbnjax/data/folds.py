"""Several divisions of one image set, each with validation images of its own."""

import numpy as np

from dbnjax.checks import require
from dbnjax.data.images import Source
from dbnjax.data.preparation import Splits, check_enough, take


def make(
    source: Source, n_folds: int, n_validation: int, n_test: int | None, seed: int
) -> list[Splits]:
    """Divides a training set several times, each with validation images of its own.

    The validation sets are disjoint, and what one of them leaves is its training set, in random
    order and as the classes come (TR 2006-004: three times 50,000 and 10,000 images of MNIST).

    Args:
      source: a labelled image set.
      n_folds: 1 or more.
      n_validation: images of each validation set, 1 or more.
      n_test: the first so many of the official test set, or None for all of it; without an
        official test set, how many are put aside for all divisions.
      seed: not negative; the same seed gives the same parts.

    Raises:
      InputError: a number is not positive, the parts are more than the data, or a training set
        lacks a class.
    """
    require(n_folds > 0, f"folds: expected 1 or more, got {n_folds}")
    require(n_validation > 0, f"validation images: expected 1 or more, got {n_validation}")
    require(n_test is None or n_test > 0, f"test images: expected a positive number, got {n_test}")
    require(seed >= 0, f"seed: expected 0 or more, got {seed}")
    order = np.random.default_rng(seed).permutation(len(source.train.pixels))
    if source.test is not None:
        n_test = len(source.test.pixels) if n_test is None else n_test
        check_enough(source, "test", n_test, len(source.test.pixels))
        test = take(source.test, slice(n_test))
    else:
        require(n_test is not None, f"test images: expected a number for {source.name}, got none")
        check_enough(source, "test", int(n_test or 0), len(order))
        test, order = take(source.train, order[:n_test]), order[n_test:]
    wanted = n_folds * n_validation
    require(
        wanted <= len(order) and n_validation < len(order),
        f"validation images: expected at most {len(order)} for {n_folds} disjoint sets, with some "
        f"left to train on, got {n_folds} x {n_validation}",
    )
    folds = []
    for begin in range(0, wanted, n_validation):
        held_out = order[begin : begin + n_validation]
        rest = np.concatenate([order[:begin], order[begin + n_validation :]])
        train = take(source.train, rest)
        held = set(train.known_labels().tolist())
        missing = [name for i, name in enumerate(source.classes.names) if i not in held]
        require(
            not missing,
            f"training images: expected all classes, got none of {', '.join(missing)}",
        )
        folds.append(Splits(train, take(source.train, held_out), test))
    return folds
