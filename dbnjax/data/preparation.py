"""Splits, scaling and resampling of images, on the host.

n: images, h, w: height and width in pixels.
"""

from typing import NamedTuple

import numpy as np

from dbnjax.checks import InputError, require
from dbnjax.data.images import Images, Source


class Splits(NamedTuple):
    """Disjoint parts of a labelled image set.

    Attributes:
      train: balanced, as many images of each class, in random order.
      validation: for choosing settings; may have no images.
      test: for the numbers that are reported.
    """

    train: Images
    validation: Images
    test: Images


def make_splits(
    source: Source, n_train: int, n_validation: int, n_test: int | None, seed: int
) -> Splits:
    """Draws a balanced training set, a validation set and a test set.

    With an official test set the validation images are drawn at random from what the balanced
    training set leaves (2006 paper, section 6.1: 44,000 balanced images of MNIST leave 16,000);
    without one all three parts are balanced and drawn from the training images.

    Args:
      source: a labelled image set.
      n_train: a multiple of the number of classes.
      n_validation: likewise if there is no official test set.
      n_test: the first so many of the official test set, or None for all of it; without an
        official test set, a multiple of the number of classes.
      seed: not negative; the same seed gives the same parts.

    Raises:
      InputError: a number is not positive (`n_validation` may be 0), not a multiple of the number
        of classes, or more than the data hold.
    """
    require(n_train > 0, f"training images: expected a positive number, got {n_train}")
    require(n_validation >= 0, f"validation images: expected 0 or more, got {n_validation}")
    require(n_test is None or n_test > 0, f"test images: expected a positive number, got {n_test}")
    require(seed >= 0, f"seed: expected 0 or more, got {seed}")
    order = np.random.default_rng(seed).permutation(len(source.train.pixels))
    train, rest = _take_balanced(source, order, n_train, "training")
    if source.test is not None:
        n_test = len(source.test.pixels) if n_test is None else n_test
        check_enough(source, "validation", n_validation, len(rest))
        check_enough(source, "test", n_test, len(source.test.pixels))
        validation, test = rest[:n_validation], take(source.test, slice(n_test))
    elif n_test is not None:
        validation, rest = _take_balanced(source, rest, n_validation, "validation")
        test = take(source.train, _take_balanced(source, rest, n_test, "test")[0])
    else:
        raise InputError(
            f"test images: expected a number, got none; {source.name} has no official test set"
        )
    return Splits(take(source.train, train), take(source.train, validation), test)


def all_but_test(source: Source, splits: Splits) -> Images:
    """Returns all cases that are not test cases: MNIST's 60,000, those of no split included.

    Args:
      source: a labelled image set.
      splits: its parts.
    """
    if source.test is not None:
        return source.train
    parts = (splits.train, splits.validation)
    pixels = np.concatenate([part.pixels for part in parts])
    return Images(pixels, np.concatenate([part.known_labels() for part in parts]))


def as_unit_interval(pixels: np.ndarray) -> np.ndarray:
    """Scales and flattens images.

    Args:
      pixels: uint8 `[n, h, w]`.

    Returns:
      float32 `[n, h * w]` in [0, 1]: probabilities that a binary unit is on.

    Raises:
      InputError: the pixels have another type or shape.
    """
    _check_pixels(pixels)
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)


def downsample(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resamples images to a smaller square by exact area averaging.

    Each output pixel is the mean of the image over its own area, with border pixels weighted by
    the part of them inside it: `rows @ image @ columns.T` with one small matrix for each axis.

    Args:
      pixels: uint8 `[n, h, w]`.
      size: height and width of the result, 1 to min(h, w).

    Returns:
      uint8 `[n, size, size]`, rounded to the nearest.

    Raises:
      InputError: the pixels have another type or shape, or the size does not fit.
    """
    _check_pixels(pixels)
    height, width = pixels.shape[1:]
    require(
        0 < size <= min(height, width),
        f"size: expected 1 to {min(height, width)} for images of {height}x{width}, got {size}; "
        "this only makes images smaller",
    )
    means = _area_weights(height, size) @ pixels @ _area_weights(width, size).T
    return np.rint(means).astype(np.uint8)


def _area_weights(n_from: int, n_to: int) -> np.ndarray:
    """Returns float32 `[n_to, n_from]`: the part of each input pixel in each output pixel."""
    edges = np.arange(n_to + 1) * (n_from / n_to)
    pixel = np.arange(n_from)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.maximum(overlap, 0) * (n_to / n_from)).astype(np.float32)


def shift(pixels: np.ndarray, by: np.ndarray, farthest: int) -> np.ndarray:
    """Moves images down and to the right by real numbers of pixels, bilinearly; zeros come in.

    Args:
      pixels: uint8 `[n, h, w]`.
      by: float32 `[n, 2]` pixels, down and right, in [-farthest, farthest].
      farthest: pixels, 1 or more.
    """
    _check_pixels(pixels)
    require(
        by.shape == (len(pixels), 2) and bool((np.abs(by) <= farthest).all()),
        f"by: expected [{len(pixels)}, 2] numbers from {-farthest} to {farthest}, got shape "
        f"{by.shape} and at most {np.abs(by).max(initial=0):g} either way",
    )
    n, height, width = pixels.shape
    # Pixel y shows what was at y - by: a window of the padded image that begins at farthest - by.
    begin = farthest - by
    whole = np.minimum(np.floor(begin).astype(int), 2 * farthest - 1)
    part = (begin - whole).astype(np.float32)[:, :, None, None]
    down, right = part[:, 0], part[:, 1]
    padded = np.pad(pixels, ((0, 0), (farthest, farthest), (farthest, farthest)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height + 1, width + 1), (1, 2))
    seen = windows[np.arange(n), whole[:, 0], whole[:, 1]].astype(np.float32)
    rows = seen[:, :-1] + down * (seen[:, 1:] - seen[:, :-1])
    moved = rows[:, :, :-1] + right * (rows[:, :, 1:] - rows[:, :, :-1])
    return np.rint(moved).astype(np.uint8)


def _check_pixels(pixels: np.ndarray) -> None:
    require(
        pixels.dtype == np.uint8 and pixels.ndim == 3,
        f"pixels: expected uint8 [n, height, width], got {pixels.dtype} {pixels.shape}; they may "
        "be scaled or flattened already",
    )


def check_enough(source: Source, part: str, wanted: int, available: int) -> None:
    """Raises `InputError` if a part of an image set is asked for more images than there are."""
    require(
        wanted <= available,
        f"{part} images: expected at most {available}, which {source.name} has left for it, got "
        f"{wanted}",
    )


def take(images: Images, indices: np.ndarray | slice) -> Images:
    """Returns some of labelled images."""
    assert images.labels is not None
    return Images(images.pixels[indices], images.labels[indices])


def _take_balanced(
    source: Source, candidates: np.ndarray, count: int, part: str
) -> tuple[np.ndarray, np.ndarray]:
    """Divides candidate indices into the first `count`, balanced over classes, and the others."""
    require(
        count % source.n_classes == 0,
        f"{part} images: expected a multiple of {source.n_classes}, as many of each class, got "
        f"{count}",
    )
    assert source.train.labels is not None
    labels = source.train.labels[candidates]
    per_class = count // source.n_classes
    taken = np.zeros(len(candidates), bool)
    for label, name in enumerate(source.classes.names):
        places = np.flatnonzero(labels == label)
        require(
            per_class <= len(places),
            f"{part} images: expected at most {len(places)} of class {name}, which "
            f"{source.name} has left for it, got {per_class} of each class",
        )
        taken[places[:per_class]] = True
    return candidates[taken], candidates[~taken]
