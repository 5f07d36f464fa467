"""IDX, the file format of MNIST: big-endian magic, dimensions, then the bytes, often gzipped.

The magic is two zero bytes, the type (8: uint8) and the number of dimensions; each dimension is
an unsigned 32-bit number. Format: http://yann.lecun.com/exdb/mnist, "The IDX file format".
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from dbnjax import files
from dbnjax.checks import InputError, require
from dbnjax.data.images import Images

PREFIXES = {"train": "train", "test": "t10k"}
DIMENSIONS = {"images": 3, "labels": 1}
GZIP_MAGIC = b"\x1f\x8b"
UINT8 = 8
DEPTHS = ("", "*/", "*/*/")
SHOWN = 3
STEMS = [
    f"{prefix}-{kind}{mark}idx{dims}-ubyte"
    for prefix in PREFIXES.values()
    for kind, dims in DIMENSIONS.items()
    for mark in "-."
]


def read_idx(path: str | Path) -> np.ndarray:
    """Reads one IDX file of uint8 with 1 or 3 dimensions.

    Args:
      path: the file; whether it is gzipped is seen from its first bytes, not from its name.

    Returns:
      uint8 `[n]` or `[n, h, w]`, read-only.

    Raises:
      InputError: the file is missing, empty, truncated, too long, corrupt or no such IDX file.
    """
    content = _read_bytes(Path(path))
    n_dims = content[3] if len(content) >= 4 else 0
    require(
        content[:3] == bytes([0, 0, UINT8]) and n_dims in (1, 3),
        f"{path}: expected an IDX file of uint8 with 1 or 3 dimensions (it begins 00 00 08 01 or "
        f"00 00 08 03), got {content[:4].hex(' ') or 'nothing'}; it is another kind of file",
    )
    header = 4 * (1 + n_dims)
    require(
        len(content) >= header,
        f"{path}: expected a header of {header} bytes, got {len(content)}; the file is truncated",
    )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", n_dims, offset=4))
    expected, got = math.prod(shape), len(content) - header
    cause = "truncated" if got < expected else "longer than its header says, or damaged"
    require(
        got == expected,
        f"{path}: expected {expected} bytes after the header for shape {shape}, got {got}; "
        f"the file is {cause}",
    )
    require(expected > 0, f"{path}: expected at least one value, got shape {shape}: an empty file")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def read_pair(images_path: str | Path, labels_path: str | Path | None) -> Images:
    """Reads an image file and the label file that belongs to it.

    Args:
      images_path: IDX of 3 dimensions.
      labels_path: IDX of 1 dimension, or None for images without labels.

    Raises:
      InputError: as `read_idx`; a file has the other's dimensions; or the counts differ.
    """
    pixels = _read_kind(images_path, "images")
    if labels_path is None:
        return Images(pixels, None)
    labels = _read_kind(labels_path, "labels")
    require(
        len(labels) == len(pixels),
        f"{labels_path}: expected {len(pixels)} labels, one for each image of {images_path}, got "
        f"{len(labels)}; the two files belong to different sets",
    )
    return Images(pixels, labels.astype(np.int32))


def read_folder(folder: str | Path, split: str, *, need_labels: bool = True) -> Images:
    """Reads one split of a folder of IDX files under their usual names, gzipped or not.

    Args:
      folder: holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` for the training
        set, `t10k-...` for the test set; `.gz` may follow, and `-images.idx3-ubyte` is known. They
        may lie up to two folders below, as Kaggle's (each in a folder of its own name) and
        torchvision's (`MNIST/raw`) do.
      split: "train" or "test".
      need_labels: whether a missing label file is an error.

    Raises:
      InputError: as `read_pair`; the split, the folder or a file does not exist; or there are
        several sets below.
    """
    require(split in PREFIXES, f"split: expected one of {', '.join(PREFIXES)}, got {split!r}")
    folder = files.expand(folder)
    images_path = _find(folder, split, "images")
    if images_path is None:
        raise _missing(folder, split, "images")
    home = _set_of(images_path)
    labels_path = _find(home, split, "labels")
    if labels_path is None or _set_of(labels_path) != home:  # of another set, further below
        if need_labels:
            raise _missing(home, split, "labels")
        labels_path = None
    return read_pair(images_path, labels_path)


def holds_idx(folder: str | Path) -> bool:
    """Says whether a folder holds any file of an IDX set."""
    folder = files.expand(folder)
    return any(_find(folder, split, kind) for split in PREFIXES for kind in DIMENSIONS)


def file_names() -> list[str]:
    """Returns the usual names of the four files of a set."""
    return [_names(split, kind)[0] for split in PREFIXES for kind in DIMENSIONS]


def _names(split: str, kind: str) -> list[str]:
    dims = DIMENSIONS[kind]
    stems = [f"{PREFIXES[split]}-{kind}{mark}idx{dims}-ubyte" for mark in "-."]
    return [stem + ending for stem in stems for ending in ("", ".gz")]


def _find(folder: Path, split: str, kind: str) -> Path | None:
    """Returns the file that lies highest, the first by its spelling in that folder."""
    for depth in DEPTHS:
        found: dict[Path, Path] = {}
        for name in _names(split, kind):
            for path in folder.glob(depth + name):
                if path.is_file():
                    found.setdefault(_set_of(path), path)
        require(
            len(found) <= 1,
            f"{folder}: expected one image set, found several ({', '.join(map(str, found))}); name "
            "the folder of one",
        )
        if found:
            return next(iter(found.values()))
    return None


def _set_of(path: Path) -> Path:
    """Returns the folder of a set; Kaggle's files lie in folders of their own names in it."""
    return path.parent.parent if path.parent.name in STEMS else path.parent


def _missing(folder: Path, split: str, kind: str) -> InputError:
    return InputError(
        f"{folder}: expected {_names(split, kind)[0]} or the same with .gz in this folder, found "
        f"{seen(folder)}; check the path"
    )


def seen(folder: Path) -> str:
    """Says in a few words what a folder holds."""
    if not folder.is_dir():
        return "no such folder"
    held = [entry.name for entry in files.visible(folder)]
    tables = [name for name in held if name.lower().endswith((".csv", ".csv.gz", ".csv.zip"))]
    if tables:
        return f"{tables[0]}, a table, which is not read: convert it to IDX files or NPY"
    more = f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
    return f"neither, but {', '.join(held[:SHOWN])}{more}" if held else "neither"


def _read_kind(path: str | Path, kind: str) -> np.ndarray:
    array = read_idx(path)
    require(
        array.ndim == DIMENSIONS[kind],
        f"{path}: expected {kind} in {DIMENSIONS[kind]} dimensions, got shape {array.shape}; the "
        "image and the label file may be exchanged",
    )
    return array


def _read_bytes(path: Path) -> bytes:
    try:
        content = files.expand(path).read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content
    except EOFError as error:
        raise InputError(f"{path}: expected a whole gzip file, got a truncated one") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: expected a gzip file, got a corrupt one ({error})") from error
    except OSError as error:
        raise InputError(
            f"{path}: expected an IDX file, cannot read it ({error.strerror})"
        ) from error
