"""Images on the host: their one representation, and the pictures that a user brings.

Pixels stay uint8 from the file to the device, a quarter of the memory of float32, and are
scaled to [0, 1] inside the training step. n: images, h, w: height and width in pixels.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dbnjax.checks import InputError, require
from dbnjax.data import arrays, pictures
from dbnjax.data.classes import Classes
from dbnjax.files import expand

ARRAYS = (".npy", ".npz")


class Images(NamedTuple):
    """Grey images, with labels where they are known.

    Attributes:
      pixels: uint8 `[n, h, w]`, 0 to 255.
      labels: int32 `[n]`, or None.
    """

    pixels: np.ndarray
    labels: np.ndarray | None

    def known_labels(self) -> np.ndarray:
        """Returns the labels.

        Raises:
          InputError: these images have none.
        """
        if self.labels is None:
            raise InputError(
                f"labels: expected one for each of {len(self.pixels)} images, got none; these "
                "images are not labelled"
            )
        return self.labels


class Source(NamedTuple):
    """A labelled image set as its publishers divided it.

    Attributes:
      name: the name that it was asked for by.
      train: the training set, labelled.
      test: the official test set, labelled, or None where there is none.
      classes: the labels run from 0 to n_classes - 1, in this order.
    """

    name: str
    train: Images
    test: Images | None
    classes: Classes

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes.labels)


def read_images(path: str | Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Reads the images that a user brings.

    Args:
      path: a PNG file or another picture that Pillow reads (JPEG, BMP, GIF, TIFF, WebP); a folder
        of such files, taken in the order of their names without those that begin with a dot; or
        an NPY file, or an NPZ file of one array: one image `[h, w]` or many `[n, h, w]`, colours
        or a single channel in a last axis, whole numbers from 0 to 255, floats in [0, 1], or 0
        and 1 of any type.
      shape: height and width that the images should have, where they are known: flattened images
        `[h * w]` or `[n, h * w]` and channels before the pixels `[n, c, h, w]` are then read too.

    Returns:
      uint8 `[n, h, w]`; colour is turned to grey by the ITU-601 weights. Whether they have the
      shape that was asked for is for the caller to check.

    Raises:
      InputError: the path is missing, damaged, empty or of another kind; the sizes differ; a
        picture is transparent or of an unusual depth; an array has another shape or type, or
        values that are NaN or out of range.
    """
    path = expand(path)
    if path.is_dir():
        return pictures.read_folder(path)
    require(
        path.is_file(), f"{path}: expected a picture, an NPY or a folder of PNGs, found no file"
    )
    suffix = path.suffix.lower()
    require(
        suffix in (*pictures.FORMATS, *ARRAYS),
        f"{path}: expected a file that ends in .png or .npy, another picture, or a folder of PNGs, "
        f"got {path.suffix or 'no ending'}; convert the images first",
    )
    return arrays.read(path, shape) if suffix in ARRAYS else pictures.read(path)


def names(path: str | Path, count: int) -> list[str]:
    """Returns the names of the pictures that `read_images` reads, or else the images' numbers."""
    path = expand(path)
    if path.is_dir():
        return [file.name for file in pictures.in_folder(path)]
    known = path.suffix.lower() in pictures.FORMATS
    return [path.name] if known else [str(i) for i in range(count)]
