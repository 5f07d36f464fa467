"""Data sets of tensorflow-datasets (tfds), read without TensorFlow.

The MNIST family is fetched and verified (size and SHA-256) by tfds' download manager and read
by our own IDX parser. Other sets must have been prepared in tfds' array_record format: its
default, TFRecord, cannot be read without TensorFlow, nor can anything be prepared without it.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dbnjax.checks import InputError, require
from dbnjax.data import idx
from dbnjax.data.images import Images, Source, to_grey
from dbnjax.data.optional import import_extra

MNIST_FAMILY = ("mnist", "fashion_mnist", "kmnist")

TFDS_NAME = re.compile(r"(\w+)(/[\w.-]+)?(:\d+\.\d+\.\d+)?")
"""Set, configuration, version. tfds would look for any other form of name on the network."""

PROBE_SECONDS = 10.0


def fetch(name: str, data_dir: str | Path | None) -> Source:
    """Loads a set of the MNIST family: files fetched before, a prepared set, or a download.

    Args:
      name: one of `MNIST_FAMILY`.
      data_dir: tfds' data folder, by default its usual one. Files that a user put into its
        `downloads/manual/<name>` are taken and verified as well.

    Raises:
      InputError: the set must be downloaded and cannot be, or a file is not the published one.
    """
    root = _root(data_dir)
    published = import_extra("tensorflow_datasets").builder_cls(name)
    urls = {Path(url).name: url for url in published.url_infos}
    downloads = root / "downloads"
    if not _is_downloaded(urls, downloads, downloads / "manual" / name):
        if _prepared_builder(name, root) is not None:
            return read_prepared(name, root)
        print(f"fetching {name} from {published.URL} into {downloads}", file=sys.stderr)
        _check_network(name, next(iter(urls.values())))
    files = _download(name, urls, published.url_infos, downloads)
    train, test = (
        idx.read_pair(
            files[f"{prefix}-images-idx3-ubyte.gz"], files[f"{prefix}-labels-idx1-ubyte.gz"]
        )
        for prefix in idx.PREFIXES.values()
    )
    return Source(name, train, test, n_classes=10)


def read_prepared(name: str, data_dir: str | Path | None) -> Source:
    """Reads a labelled image set that tfds has prepared as array_record.

    Args:
      name: a tfds name, `set`, `set/configuration` or `set/configuration:version`.
      data_dir: tfds' data folder, by default its usual one.

    Raises:
      InputError: the name is unknown, or the set is not prepared, is damaged, has no images with
        class labels or no training set, or its images differ in size.
    """
    builder, n_classes = open_prepared(name, data_dir, "train")
    train = read_split(name, builder, "train")
    test = read_split(name, builder, "test") if "test" in builder.info.splits else None
    return Source(name, train, test, n_classes)


def open_prepared(name: str, data_dir: str | Path | None, split: str) -> tuple[Any, int]:
    """Finds a labelled image set that tfds has prepared as array_record, and reads nothing of it.

    Args:
      name: as in `read_prepared`.
      data_dir: tfds' data folder, by default its usual one.
      split: one that the set must have.

    Returns:
      Its tfds builder and the number of its classes.

    Raises:
      InputError: the name is unknown, or the set is not prepared, or has no images with class
        labels or no such split.
    """
    root = _root(data_dir)
    builder = _prepared_builder(name, root)
    if builder is None:
        raise InputError(
            f"{name}: expected it in {root}, prepared as array_record, found no such set; prepare "
            f"it once where TensorFlow is installed: tfds.builder({name!r}, "
            f"data_dir={str(root)!r}).download_and_prepare(file_format='array_record')"
        )
    n_classes = _count_classes(name, builder.info.features)
    require(split in builder.info.splits, f"{name}: expected a split named {split}, found none")
    return builder, n_classes


def _root(data_dir: str | Path | None) -> Path:
    default = import_extra("tensorflow_datasets.core.constants").DATA_DIR
    return Path(data_dir or default).expanduser()


def _prepared_builder(name: str, root: Path) -> Any | None:
    """Returns the tfds builder of a set that can be read, None for one that is not prepared."""
    tfds = import_extra("tensorflow_datasets")
    match = TFDS_NAME.fullmatch(name)
    if match is None:
        raise _unknown(name, "not a name")
    try:
        if not (root / match[1]).is_dir():
            tfds.builder_cls(match[1])  # only to tell an unknown name from an unprepared set
            return None
        builder = tfds.builder(name, data_dir=str(root))
    # Unknown set or configuration; unknown version; a set whose code needs TensorFlow.
    except (ValueError, AssertionError, ImportError) as error:
        raise _unknown(name, str(error).splitlines()[0]) from error
    formats = {file_format.value for file_format in builder.info.available_file_formats()}
    return builder if builder.is_prepared() and "array_record" in formats else None


def _unknown(name: str, why: str) -> InputError:
    return InputError(
        f"data set {name!r}: expected mnist5k, {', '.join(MNIST_FAMILY)} or a prepared image set "
        f"of tensorflow-datasets such as cifar10, got an unknown one ({why}); check the spelling"
    )


def _count_classes(name: str, features: Any) -> int:
    kinds = import_extra("tensorflow_datasets").features
    image, label = (dict(features).get(key) for key in ("image", "label"))
    found = ", ".join(sorted(f"{key} {type(kind).__name__}" for key, kind in features.items()))
    require(
        isinstance(image, kinds.Image)
        and image.np_dtype == np.uint8
        and image.shape[-1] in (1, 3)
        and isinstance(label, kinds.ClassLabel),
        f"{name}: expected the features image (8-bit, grey or colour) and label (a class), got "
        f"{found}; this is another kind of data set",
    )
    return int(features["label"].num_classes)


def read_split(name: str, builder: Any, split: str, rows: Sequence[int] | None = None) -> Images:
    """Reads records of a prepared set as grey images.

    Args:
      name: of the set, for messages.
      builder: what `open_prepared` found.
      split: one of its splits.
      rows: which records, by default all of them.

    Raises:
      InputError: a file is damaged, or the images differ in size.
    """
    try:
        records = builder.as_data_source(split=split)
        records = list(records) if rows is None else records.__getitems__(rows)
    # array_record reports damage as RuntimeError, the decoding of a record as ValueError.
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{name}, {split}: expected whole array_record files in {builder.data_dir}, cannot "
            f"read them ({str(error).splitlines()[0]}); prepare the set again"
        ) from error
    shapes = {record["image"].shape for record in records}
    require(
        len(shapes) == 1,
        f"{name}, {split}: expected images of one size, got {len(shapes)} sizes; a net needs "
        "a fixed number of pixels",
    )
    pixels = np.stack([record["image"] for record in records])
    labels = np.array([record["label"] for record in records], np.int32)
    return Images(to_grey(pixels) if pixels.shape[-1] == 3 else pixels[..., 0], labels)


def _is_downloaded(urls: dict[str, str], downloads: Path, manual: Path) -> bool:
    """Says whether the download manager will need no network.

    It leaves a small INFO file with the address beside each file that it has fetched. If this
    guesses wrong, only the quick check of the network is lost or made in vain.
    """
    infos = "".join(path.read_text() for path in downloads.rglob("*.INFO"))
    return all(f'"{url}"' in infos or (manual / file).exists() for file, url in urls.items())


def _check_network(name: str, url: str) -> None:
    """Fails at once where there is no network: the download manager tries for 3 minutes."""
    requests = import_extra("requests")
    try:
        requests.head(url, timeout=PROBE_SECONDS)
    except requests.RequestException as error:
        raise _no_network(name, url, error) from error


def _no_network(name: str, url: str, error: Exception) -> InputError:
    return InputError(
        f"{name}: expected to download {url}, got no connection ({type(error).__name__}); check "
        "the network, or name a folder that holds the four IDX files with --data_dir"
    )


def _download(name: str, urls: dict[str, str], infos: Any, downloads: Path) -> dict[str, Path]:
    download = import_extra("tensorflow_datasets").download
    manager_module = import_extra("tensorflow_datasets.core.download.download_manager")
    requests = import_extra("requests")
    try:
        manager = download.DownloadManager(
            download_dir=downloads,
            manual_dir=downloads / "manual" / name,
            url_infos=infos,
            dataset_name=name,
        )
        return manager.download(urls)
    except (download.DownloadError, manager_module.NonMatchingChecksumError) as error:
        raise InputError(
            f"{name}: expected the published files, got others ({str(error).splitlines()[0]}); "
            "delete them or name a folder that holds the four IDX files with --data_dir"
        ) from error
    except requests.RequestException as error:
        raise _no_network(name, next(iter(urls.values())), error) from error
    except OSError as error:
        raise InputError(
            f"{downloads}: expected a folder to keep downloads in, cannot use it ({error}); name "
            "another one with --data_dir"
        ) from error
