"""Writes a folder of images that need not fit in memory, in the format of `folders`."""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dbnjax import files
from dbnjax.checks import check_count, require
from dbnjax.data.folders import IMAGES, LABELS, ORIGIN
from dbnjax.data.images import Images


def write(
    path: str | Path,
    batches: Iterable[Images],
    n_cases: int,
    shape: tuple[int, int],
    origin: Mapping[str, Any],
) -> None:
    """Writes a folder whole or not at all, from batches of any source, one in memory at a time.

    It grows under a name with a dot, beside its place or in it if that is an empty folder, and
    takes its own name when all is on the disk. A killed run leaves what has grown and the next one
    overwrites it.

    Args:
      path: the folder, which must not exist or be empty.
      batches: labelled images; together `n_cases`.
      n_cases: images in all.
      shape: height and width of each in pixels.
      origin: JSON-able; where the images come from.

    Raises:
      InputError: the folder is not empty or cannot be written, the disk has too little space (the
        message says how much it takes), or the batches are of another type, shape or number.
    """
    path = files.expand(path)
    check_count("images to write", n_cases, 1)
    # A folder that is there may be a disk of its own, or where somebody works.
    exists = path.exists()
    growing = path / ".new.tmp" if exists else path.with_name(f".{path.name}.tmp")
    require(
        not exists or (path.is_dir() and all(entry == growing for entry in path.iterdir())),
        f"{path}: expected a new or empty folder, got one in use; delete it or choose another",
    )
    with files.writing(path):
        shutil.rmtree(growing, ignore_errors=True)
        needed = n_cases * (shape[0] * shape[1] + np.dtype(np.int32).itemsize)
        _check_space(path, growing.parent, needed)
        try:
            growing.mkdir()
            _write_arrays(growing, batches, n_cases, shape)
            files.write_json(growing / ORIGIN, origin)
            if exists:
                for name in (ORIGIN, LABELS, IMAGES):  # without its images it is no folder yet
                    os.replace(growing / name, path / name)
            else:
                os.replace(growing, path)
        finally:
            shutil.rmtree(growing, ignore_errors=True)


def _write_arrays(
    folder: Path, batches: Iterable[Images], n_cases: int, shape: tuple[int, int]
) -> None:
    """Appends to plain files: a full disk is then an error, where a mapped file would crash."""
    written = 0
    with open(folder / IMAGES, "wb") as images, open(folder / LABELS, "wb") as numbers:
        _write_header(images, np.uint8, (n_cases, *shape))
        _write_header(numbers, np.int32, (n_cases,))
        for batch in batches:
            pixels, labels = batch.pixels, batch.known_labels()
            require(
                pixels.dtype == np.uint8 and pixels.shape == (len(labels), *shape),
                f"images to write: expected uint8 of shape {(len(labels), *shape)}, one for each "
                f"label, got {pixels.dtype} {pixels.shape}",
            )
            images.write(pixels.tobytes())
            numbers.write(labels.astype(np.int32).tobytes())
            written += len(pixels)
        for file in (images, numbers):
            file.flush()
            os.fsync(file.fileno())
    require(written == n_cases, f"images to write: expected {n_cases} in all, got {written}")


def _write_header(file: BinaryIO, dtype: Any, shape: tuple[int, ...]) -> None:
    described = np.lib.format.dtype_to_descr(np.dtype(dtype))
    header = {"descr": described, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _check_space(path: Path, disk: Path, needed: int) -> None:
    free = shutil.disk_usage(disk).free
    require(
        needed <= free,
        f"{path}: expected {needed} free bytes on its disk, got {free}; write fewer images or "
        "choose a place on another disk",
    )
