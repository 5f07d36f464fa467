"""Picture files that a user brings: one, or a folder of them, read by Pillow."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from dbnjax import files
from dbnjax.checks import InputError, require
from dbnjax.data.grey import to_grey
from dbnjax.data.optional import import_extra

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
"""Endings that are known; what a file is, its content says."""

EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
MOST_PIXELS = 2**26


def in_folder(folder: Path) -> list[Path]:
    """Returns the pictures of a folder in the order of their names.

    Raises:
      InputError: there are none, or the folder cannot be read.
    """
    found = [
        file for file in files.visible(folder) if file.suffix.lower() in FORMATS and file.is_file()
    ]
    require(bool(found), f"{folder}: expected a folder of PNG or other pictures, found none in it")
    return found


def read_folder(folder: Path) -> np.ndarray:
    """Reads the pictures of a folder, uint8 `[n, h, w]`.

    Raises:
      InputError: as `in_folder` and `read`, or the sizes differ.
    """
    paths = in_folder(folder)
    images = [read(path) for path in paths]
    for path, image in zip(paths, images, strict=True):
        require(
            image.shape == images[0].shape,
            f"{path}: expected {images[0].shape[1:]} pixels (height, width) as in "
            f"{paths[0].name}, got {image.shape[1:]}; all images of a folder need one size",
        )
    return np.concatenate(images)


def read(path: Path) -> np.ndarray:
    """Reads a picture of 8 bits a channel, or a grey one of 16; returns uint8 `[1, h, w]`.

    Raises:
      InputError: it is damaged, transparent, of other depths, too large or a film.
    """
    pillow = import_extra("PIL.Image")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pillow.DecompressionBombWarning)
        try:
            with _open(pillow, path) as image:
                image.verify()  # loading alone ignores the check sums of the pixels
            with _open(pillow, path) as image:
                return _pixels(path, image)
        except InputError:
            raise
        # On damage Pillow raises nearly any type: SyntaxError, IndexError, DecompressionBombError.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"{path}: expected a whole PNG or other picture, cannot read it ({reason})"
            ) from error


def _open(pillow: Any, path: Path) -> Any:
    return pillow.open(path, formats=sorted(set(FORMATS.values())))


def _pixels(path: Path, image: Any) -> np.ndarray:
    mode, n_frames = image.mode, getattr(image, "n_frames", 1)
    require(
        image.width * image.height <= MOST_PIXELS,
        f"{path}: expected at most {MOST_PIXELS} pixels, got {image.width} x {image.height}; "
        "resize it first",
    )
    require(
        n_frames == 1, f"{path}: expected one image, got {n_frames} in one file; save each alone"
    )
    upright = import_extra("PIL.ImageOps").exif_transpose(image)
    if mode in SIXTEEN_BITS or (mode == "I" and image.format == "PNG"):
        return np.rint(np.asarray(upright, np.float32) / 257).astype(np.uint8)[None]
    require(
        mode in EIGHT_BITS,
        f"{path}: expected 8 bits a channel, or 16 of grey, got mode {mode}; save it with 8 bits",
    )
    require(
        np.asarray(image.convert("RGBA"))[..., 3].min() == 255,
        f"{path}: expected an opaque image, got transparent pixels; flatten it on its background",
    )
    if mode == "L":
        return np.asarray(upright)[None]
    return to_grey(np.asarray(upright.convert("RGB")))[None]
