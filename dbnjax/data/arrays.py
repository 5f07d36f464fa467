"""Arrays of images that a user brings: NumPy files in the forms that their meaning is plain of."""

import math
from pathlib import Path

import numpy as np

from dbnjax.checks import InputError, check_finite, check_unit_interval, require
from dbnjax.data.grey import to_grey

CHANNELS = (1, 3, 4)
"""Grey, colour, colour with opacity."""

THIN = 4
"""Sides up to this are channels rather than pixels where both could be meant."""


def read(path: Path, shape: tuple[int, int] | None) -> np.ndarray:
    """Reads an NPY file, or an NPZ file of one array; returns uint8 `[n, h, w]`.

    Args:
      path: the file.
      shape: height and width that the images should have, where that is known. It tells flattened
        images and channels from pixels.

    Raises:
      InputError: the file is damaged or of another kind, or what its array means is not plain.
    """
    array = _as_bytes(str(path), _load(path))
    return _as_images(str(path), array, shape)


def _load(path: Path) -> np.ndarray:
    try:
        found = np.load(path, allow_pickle=False)
        names = getattr(found, "files", None)
        array = found[names[0]] if names is not None and len(names) == 1 else found
    # On damage NumPy's readers raise nearly any type: MemoryError, TokenError, BadZipFile...
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected an NPY file of numbers, cannot read it ({reason})"
        ) from error
    if not isinstance(array, np.ndarray):
        raise InputError(
            f"{path}: expected one array, got an archive of {len(names or ())} "
            f"({', '.join(names or ())}); save the images alone"
        )
    return array


def _as_bytes(name: str, array: np.ndarray) -> np.ndarray:
    """Returns intensities of any usual type as uint8, 0 to 255."""
    require(array.size > 0, f"{name}: expected images, got shape {array.shape}")
    kind = array.dtype.kind
    require(
        kind in "buif",
        f"{name}: expected whole numbers from 0 to 255 or floats in [0, 1], got {array.dtype}; "
        "convert it first",
    )
    if kind == "f":
        check_finite(name, array)
        whole = array.max() > 1 and bool((array == np.rint(array)).all())
        if not (whole and array.min() >= 0 and array.max() <= 255):
            check_unit_interval(name, array)
            return np.rint(255 * array).astype(np.uint8)
    low, high = int(array.min()), int(array.max())
    require(
        low >= 0 and high <= 255,
        f"{name}: expected whole numbers from 0 to 255, got {low} to {high}; scale them first",
    )
    return array.astype(np.uint8) * np.uint8(255 if high <= 1 else 1)  # 0 and 1 alone are off, on


def _as_images(name: str, array: np.ndarray, shape: tuple[int, int] | None) -> np.ndarray:
    """Finds the axes of images, height, width and channels."""
    if shape is not None:
        if array.ndim in (1, 2) and array.shape != shape and array.shape[-1] == math.prod(shape):
            return array.reshape(-1, *shape)
        if array.ndim == 4 and array.shape[2:] == shape != array.shape[1:3]:
            array = np.moveaxis(array, 1, -1)
    if array.ndim == 3 and array.shape[1:] != shape and _has_channels(array.shape, shape):
        array = array[None]
    if array.ndim == 4 and array.shape[-1] in CHANNELS:
        array = _without_channels(name, array)
    sides = "height, width" if shape is None else f"{shape[0]}, {shape[1]}"
    require(
        array.ndim in (2, 3),
        f"{name}: expected one image [{sides}] or many [n, {sides}], grey or with a last axis of "
        f"colours, got shape {array.shape}; flattened or other images must be reshaped first",
    )
    return array if array.ndim == 3 else array[None]


def _has_channels(found: tuple[int, ...], shape: tuple[int, int] | None) -> bool:
    """Says whether three axes are those of one image with channels last, not of many images."""
    return found[2] in CHANNELS and (found[:2] == shape or min(found[:2]) > THIN)


def _without_channels(name: str, array: np.ndarray) -> np.ndarray:
    if array.shape[-1] == 1:
        return array[..., 0]
    require(
        array.shape[-1] == 3 or bool((array[..., 3] == 255).all()),
        f"{name}: expected opaque images, got transparent pixels; flatten them on their background",
    )
    return to_grey(array[..., :3])
