"""The main job's training cases as a stream (`--stream`), when they do not fit in memory.

Validation and test cases are those of the ordinary split. In the place of its training cases stands
a sample of the stream: first biases come from it, and training errors are counted on it.
"""

import jax

from dbnjax import checks, files
from dbnjax.data import folders, idx, preparation, sources, streams, tfds_sets
from dbnjax.data.classes import Classes
from dbnjax.training import keys, streaming
from experiments.common import devices
from experiments.mnist_dbn.config import PREPARED, Config, without_folders

SAMPLED = 10_000  # cases
PART_OF = {"mnist5k": "mnist"}  # sets whose images are another's training images


def take(
    config: Config, source: sources.Source, splits: preparation.Splits
) -> tuple[preparation.Splits, streaming.Chunks | None]:
    """Opens the stream, if there is one.

    Returns:
      The splits, whose training cases are a sample of the stream, and the stream in chunks; without
      a stream the splits as they are, and None.

    Raises:
      InputError: the stream cannot be read or does not fit the other cases or options.
    """
    if not config.stream:
        return splits, None
    check(config, len(splits.train.pixels))
    stream = open_stream(config, source.classes)
    shape = splits.train.pixels.shape[1:]
    checks.require(
        stream.shape == shape,
        f"--stream={config.stream}: expected images of {shape} pixels, as --dataset={source.name} "
        f"has, got {stream.shape}; validation would be of another kind",
    )
    chunks = streaming.cut(stream, config.chunk, config.batch_size)
    key = jax.random.fold_in(devices.key(config.seed, config.draws), keys.STREAM)
    sample = streaming.sample(key, stream, max(SAMPLED, config.batch_size))
    return splits._replace(train=sample), chunks


def open_stream(config: Config, classes: Classes) -> streams.Stream:
    """Opens a folder, or the training cases of a set that tensorflow-datasets has prepared."""
    if not config.stream.startswith(PREPARED):
        return folders.read(config.stream, classes)
    data_dir, name = config.data_dir, config.stream.removeprefix(PREPARED)
    if data_dir is not None and idx.holds_idx(data_dir):
        prepared = files.expand(data_dir) / tfds_sets.set_of(name)
        if not prepared.is_dir():  # a folder of --dataset's files, and of nothing that is prepared
            data_dir = None
    return streams.prepared(name, data_dir, classes=classes)


def check(config: Config, n_train: int) -> None:
    """Refuses options that a stream has no part in, and images that validation may know.

    Args:
      config: the options.
      n_train: training cases of the ordinary split.
    """
    checks.require(
        config.side == 0 and config.all_epochs == 0,
        "--stream: expected neither --side, since its images are read as they are, nor "
        f"--all_epochs, since it has no validation cases; got {config.side} and "
        f"{config.all_epochs}",
    )
    if config.stream.startswith(PREPARED):
        check_set(config)
        return
    told = folders.origin(config.stream)
    split = {"dataset": config.dataset, "n_train": n_train, "split_seed": config.split_seed}
    differing = [f"{k} {told[k]}, not {v}" for k, v in split.items() if told.get(k, v) != v]
    checks.require(
        not differing,
        f"--stream={config.stream}: expected images made from the training cases of this split, "
        f"got those of {'; '.join(differing)}; validation cases may be among them",
    )


def check_set(config: Config) -> None:
    """Refuses a prepared set whose training cases the run's validation cases are drawn from."""
    streamed, own = (
        tfds_sets.set_of(name) for name in (config.stream.removeprefix(PREPARED), config.dataset)
    )
    checks.require(
        streamed != PART_OF.get(own, own),
        f"--stream={config.stream}: expected another set than that of --dataset={config.dataset}, "
        "got the same one; its training cases hold this run's validation cases: learn from "
        f"--dataset={streamed} without --stream, or from a folder of its training cases",
    )


def named(stream: str) -> tuple[str, str]:
    """Returns what a result calls a stream, in its command and among its options.

    The name of a prepared set says all; a digest tells a folder from others.
    """
    place = without_folders(stream)
    return place, stream if place == stream else f"folder {folders.digest(stream)}"
