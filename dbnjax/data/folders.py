"""A folder of images that need not fit in memory, in a format that anybody can write.

    images.npy    uint8 [n, h, w]
    labels.npy    integers [n], from 0
    origin.json   optional: where the images come from

The two arrays are what `numpy.save` writes. Pixels are looked at through a map of the file and read
by plain reads: those take a quarter of the processor's time, nothing of the file counts as the
process's memory, and a file that was cut meanwhile is one clear line, not a fault of the memory.
n: images, h, w: height and width in pixels.
"""

import dataclasses
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dbnjax import files
from dbnjax.checks import InputError, check_count, check_labels, require
from dbnjax.data.images import Images
from dbnjax.data.streams import Ranges

IMAGES, LABELS, ORIGIN = "images.npy", "labels.npy", "origin.json"
CHECKED = 1_000_000  # labels that are looked at together


@dataclasses.dataclass(frozen=True)
class Folder:
    """A `dbnjax.data.streams.Stream` of the images in a folder; made by `read`.

    Attributes:
      path: the folder.
      n_cases: images.
      shape: height and width of each in pixels.
      n_classes: the labels run from 0 to n_classes - 1.
    """

    path: Path
    n_cases: int
    shape: tuple[int, int]
    n_classes: int

    def read(self, ranges: Ranges) -> Images:
        """Returns the cases of some ranges, in their order.

        Raises:
          InputError: a file cannot be read any more.
        """
        mapped, labels = (_mapped(self.path / name) for name in (IMAGES, LABELS))
        n_cases = sum(stop - start for start, stop in ranges)
        pixels = np.empty((n_cases, *self.shape), np.uint8)
        unfilled = pixels.data.cast("B")
        with open(self.path / IMAGES, "rb") as file:
            for start, stop in ranges:
                file.seek(mapped.offset + start * pixels[0].size)
                wanted = (stop - start) * pixels[0].size
                got = file.readinto(unfilled[:wanted])
                require(
                    got == wanted, f"{file.name}: expected {wanted} bytes, got {got}: it is cut"
                )
                unfilled = unfilled[wanted:]
        return Images(pixels, np.concatenate([labels[start:stop] for start, stop in ranges]))


def read(path: str | Path, n_classes: int) -> Folder:
    """Looks at a folder and checks all but its pixels.

    Args:
      path: the folder.
      n_classes: the labels run from 0 to n_classes - 1.

    Raises:
      InputError: the folder or a file of it is missing or damaged, of another type or shape or
        empty, the lengths differ, or a label is out of range.
    """
    path = Path(path).expanduser()
    pixels, labels = (_mapped(path / name) for name in (IMAGES, LABELS))
    require(
        pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.size > 0,
        f"{path / IMAGES}: expected uint8 [n, height, width], got {pixels.dtype} {pixels.shape}; "
        "scaled or flattened images must be written anew",
    )
    require(
        pixels.flags.c_contiguous,
        f"{path / IMAGES}: expected one image after the other (C order), got Fortran order; write "
        "numpy.ascontiguousarray of it",
    )
    require(
        labels.shape == (len(pixels),),
        f"{path / LABELS}: expected {len(pixels)} labels, one for each image of {IMAGES}, got "
        f"shape {labels.shape}; the two files belong to different sets",
    )
    for start in range(0, len(labels), CHECKED):
        check_labels(str(path / LABELS), labels[start : start + CHECKED], n_classes)
    height, width = pixels.shape[1:]
    return Folder(path, len(pixels), (height, width), n_classes)


def origin(path: str | Path) -> dict[str, Any]:
    """Returns what a folder tells of where its images come from, nothing if it does not.

    Raises:
      InputError: the file is damaged.
    """
    file = Path(path).expanduser() / ORIGIN
    if not file.exists():
        return {}
    found = files.read_json(file)
    require(
        isinstance(found, dict), f"{file}: expected a JSON object, got {found!r}; it is damaged"
    )
    return dict(found)


def write(
    path: str | Path,
    batches: Iterable[Images],
    n_cases: int,
    shape: tuple[int, int],
    origin: Mapping[str, Any],
) -> None:
    """Writes a folder whole or not at all, from batches of any source, one in memory at a time.

    It grows beside its place under a name with a dot, which a killed run leaves and the next one
    overwrites, and takes its name when all is on the disk.

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
    path = Path(path).expanduser()
    check_count("images to write", n_cases, 1)
    require(
        not path.exists() or (path.is_dir() and not any(path.iterdir())),
        f"{path}: expected a new or empty folder, got one in use; delete it or choose another",
    )
    growing = path.with_name(f".{path.name}.tmp")
    with files.writing(path):
        shutil.rmtree(growing, ignore_errors=True)
        _check_space(path, n_cases * (shape[0] * shape[1] + np.dtype(np.int32).itemsize))
        try:
            growing.mkdir()
            _write_arrays(growing, batches, n_cases, shape)
            files.write_json(growing / ORIGIN, origin)
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


def _check_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    require(
        needed <= free,
        f"{path}: expected {needed} free bytes on its disk, got {free}; write fewer images or "
        "choose a place on another disk",
    )


def _mapped(path: Path) -> np.memmap:
    require(
        path.is_file(),
        f"{path}: expected a folder with {IMAGES} (uint8, [n, height, width]) and {LABELS} "
        "(integers, [n]), found no such file; check the path",
    )
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    # On damage NumPy's readers raise nearly any type: ValueError, TokenError, BadZipFile...
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected an NPY file of numbers, cannot read it ({reason}); it is cut or "
            "damaged"
        ) from error
    require(
        isinstance(array, np.memmap),
        f"{path}: expected one array saved by numpy.save, got an archive; it may be an NPZ file",
    )
    return array
