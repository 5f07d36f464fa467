"""The MNIST family, fetched by tensorflow-datasets (tfds) without TensorFlow.

The files are fetched and verified (size and SHA-256) by tfds' download manager and read by our own
IDX parser.
"""

import sys
from pathlib import Path
from typing import Any

from dbnjax import files
from dbnjax.checks import InputError
from dbnjax.data import classes, idx, tfds_sets
from dbnjax.data.images import Source
from dbnjax.data.optional import import_extra

PROBE_SECONDS = 10.0


def fetch(name: str, data_dir: str | Path | None) -> Source:
    """Loads a set of the MNIST family: files fetched before, a prepared set, or a download.

    Args:
      name: one of `tfds_sets.MNIST_FAMILY`.
      data_dir: tfds' data folder, by default its usual one. Files that a user put into its
        `downloads/manual/<name>` are taken and verified as well.

    Raises:
      InputError: the set must be downloaded and cannot be, or a file is not the published one.
    """
    root = tfds_sets.data_folder(data_dir)
    published = import_extra("tensorflow_datasets").builder_cls(name)
    urls = {Path(url).name: url for url in published.url_infos}
    downloads = root / "downloads"
    if not _is_downloaded(urls, downloads, downloads / "manual" / name):
        if tfds_sets.builder_of(name, root) is not None:
            return tfds_sets.read(name, root)
        print(f"fetching {name} from {published.URL} into {downloads}", file=sys.stderr)
        _check_network(name, next(iter(urls.values())))
    fetched = _download(name, urls, published.url_infos, downloads)
    train, test = (
        idx.read_pair(
            fetched[f"{prefix}-images-idx3-ubyte.gz"], fetched[f"{prefix}-labels-idx1-ubyte.gz"]
        )
        for prefix in idx.PREFIXES.values()
    )
    return Source(name, train, test, classes.numbered(10))


def may_fetch_into(folder: Path) -> bool:
    """Says whether a folder is empty, or one in which tfds has kept data."""
    held = {entry.name for entry in files.visible(folder)}
    downloads = folder / "downloads"
    return (
        held <= {downloads.name}
        or any((downloads / name).is_dir() for name in ("manual", "extracted"))
        or next(downloads.rglob("*.INFO"), None) is not None
        or any(next(folder.glob(f"{depth}/dataset_info.json"), None) for depth in ("*/*", "*/*/*"))
    )


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
