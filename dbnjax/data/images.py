"""Images on the host: their one representation, and the pictures that a user brings.

Pixels stay uint8 from the file to the device, a quarter of the memory of float32, and are
scaled to [0, 1] inside the training step. n: images, h, w: height and width in pixels.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dbnjax.checks import InputError, check_unit_interval, require
from dbnjax.data.optional import import_extra

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Luma of red, green and blue: Recommendation ITU-R BT.601."""


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
      n_classes: the labels run from 0 to n_classes - 1.
    """

    name: str
    train: Images
    test: Images | None
    n_classes: int


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """Turns colour pixels uint8 `[..., 3]` into grey ones uint8 `[...]` by the ITU-601 weights."""
    return np.rint(pixels @ GREY_WEIGHTS).astype(np.uint8)


def read_images(path: str | Path) -> np.ndarray:
    """Reads the images that a user brings.

    Args:
      path: a PNG file; a folder of PNG files, taken in the order of their names; or an NPY file
        that holds one image `[h, w]` or many `[n, h, w]`, uint8 or float in [0, 1].

    Returns:
      uint8 `[n, h, w]`; colour is turned to grey by the ITU-601 weights.

    Raises:
      InputError: the path is missing, damaged, empty or of another kind; the sizes differ; a
        PNG is transparent or deeper than 8 bits; an array has another shape or type, or values
        that are NaN or outside [0, 1].
    """
    path = Path(path)
    if path.is_dir():
        return _read_png_folder(path)
    require(path.is_file(), f"{path}: expected a PNG, an NPY or a folder of PNGs, found no file")
    readers = {".png": _read_png, ".npy": _read_npy}
    require(
        path.suffix.lower() in readers,
        f"{path}: expected a file that ends in .png or .npy, or a folder of PNGs, got "
        f"{path.suffix or 'no ending'}; convert the images first",
    )
    return readers[path.suffix.lower()](path)


def _read_png_folder(folder: Path) -> np.ndarray:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".png")
    require(bool(files), f"{folder}: expected a folder of PNG files, found none in it")
    images = [_read_png(file) for file in files]
    for file, image in zip(files, images, strict=True):
        require(
            image.shape == images[0].shape,
            f"{file}: expected {images[0].shape[1:]} pixels (height, width) as in "
            f"{files[0].name}, got {image.shape[1:]}; all images of a folder need one size",
        )
    return np.concatenate(images)


def _read_png(path: Path) -> np.ndarray:
    pillow = import_extra("PIL.Image")
    try:
        with pillow.open(path, formats=["PNG"]) as image:
            image.verify()  # loading alone ignores the check sums of the pixels
        with pillow.open(path, formats=["PNG"]) as image:
            mode, opaque = image.mode, np.asarray(image.convert("RGBA"))[..., 3].min() == 255
            pixels = np.asarray(image.convert("L" if mode == "L" else "RGB"))
    # Pillow reports damage as any of these.
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: expected a PNG image, cannot read it ({error})") from error
    require(
        mode in ("1", "L", "LA", "P", "RGB", "RGBA"),
        f"{path}: expected at most 8 bits a channel, got mode {mode}; save it with 8 bits",
    )
    require(
        bool(opaque),
        f"{path}: expected an opaque image, got transparent pixels; flatten it on its background",
    )
    return (pixels if mode == "L" else to_grey(pixels))[None]


def _read_npy(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    # On damage NumPy's readers raise nearly any type: MemoryError, TokenError, BadZipFile...
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected an NPY file of numbers, cannot read it ({reason})"
        ) from error
    require(
        isinstance(array, np.ndarray),
        f"{path}: expected one array saved by numpy.save, got an archive; it may be an NPZ file",
    )
    require(
        array.ndim in (2, 3) and array.size > 0,
        f"{path}: expected one image [height, width] or many [n, height, width], got shape "
        f"{array.shape}; flattened or colour images must be reshaped first",
    )
    require(
        array.dtype == np.uint8 or np.issubdtype(array.dtype, np.floating),
        f"{path}: expected uint8 pixels or floats in [0, 1], got {array.dtype}; convert it first",
    )
    if array.dtype != np.uint8:
        check_unit_interval(str(path), array)
        array = np.rint(255 * array).astype(np.uint8)
    return array if array.ndim == 3 else array[None]
