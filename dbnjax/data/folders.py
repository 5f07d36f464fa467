"""A folder of images that need not fit in memory, in a format that anybody can write.

    images.npy    uint8 [n, h, w]
    labels.npy    integers [n], from 0 or as the data set numbers its classes
    origin.json   optional: where the images come from

The two arrays are what `numpy.save` writes; `folder_writing` writes such a folder too. Pixels are
looked at through a map of the file and read by plain reads: those take a quarter of the processor's
time, nothing of the file counts as the process's memory, and a file that was cut meanwhile is one
clear line, not a fault of the memory. n: images, h, w: height and width in pixels.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from dbnjax import files
from dbnjax.checks import InputError, require
from dbnjax.data.classes import Classes, numbered, renumber
from dbnjax.data.images import Images
from dbnjax.data.streams import Ranges

IMAGES, LABELS, ORIGIN = "images.npy", "labels.npy", "origin.json"
SAMPLED = 1000  # images that are looked at in a digest
CHECKED = 1_000_000  # labels that are looked at together


@dataclasses.dataclass(frozen=True)
class Folder:
    """A `dbnjax.data.streams.Stream` of the images in a folder; made by `read`.

    Attributes:
      path: the folder.
      n_cases: images.
      shape: height and width of each in pixels.
      classes: the labels that are read run from 0 to n_classes - 1, in this order.
    """

    path: Path
    n_cases: int
    shape: tuple[int, int]
    classes: Classes

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes.labels)

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
        found = np.concatenate([labels[start:stop] for start, stop in ranges])
        return Images(pixels, renumber(str(self.path / LABELS), self.classes, found))


def read(path: str | Path, classes: int | Classes) -> Folder:
    """Looks at a folder and checks all but its pixels.

    Args:
      path: the folder.
      classes: of which numbers the labels are, or how many are counted from 0.

    Raises:
      InputError: the folder or a file of it is missing or damaged, of another type or shape or
        empty, the lengths differ, or a label is out of range.
    """
    path = files.expand(path)
    classes = numbered(classes) if isinstance(classes, int) else classes
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
        renumber(str(path / LABELS), classes, labels[start : start + CHECKED])
    height, width = pixels.shape[1:]
    return Folder(path, len(pixels), (height, width), classes)


def origin(path: str | Path) -> dict[str, Any]:
    """Returns what a folder tells of where its images come from, nothing if it does not.

    Raises:
      InputError: the file is damaged.
    """
    file = files.expand(path) / ORIGIN
    if not file.exists():
        return {}
    found = files.read_json(file)
    require(
        isinstance(found, dict), f"{file}: expected a JSON object, got {found!r}; it is damaged"
    )
    return dict(found)


def digest(path: str | Path) -> str:
    """Returns 12 hexadecimal digits that tell a folder from others, wherever it lies.

    They are made of its labels, the shape of its images, what it tells of their origin and the
    pixels of at most 1,000 images: of all there may be too many.

    Raises:
      InputError: a file is missing or damaged.
    """
    path = files.expand(path)
    pixels, labels = (_mapped(path / name) for name in (IMAGES, LABELS))
    found = hashlib.sha256(json.dumps([pixels.shape, origin(path)], sort_keys=True).encode())
    found.update(labels.tobytes())
    some = np.linspace(0, len(pixels) - 1, min(len(pixels), SAMPLED)).astype(int)
    found.update(np.ascontiguousarray(pixels[some]).tobytes())
    return found.hexdigest()[:12]


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
