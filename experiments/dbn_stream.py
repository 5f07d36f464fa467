"""The main job's training cases as a stream (`--stream`), when they do not fit in memory.

Validation and test cases are those of the ordinary split. In the place of its training cases stands
a sample of the stream: first biases come from it, and training errors are counted on it.
"""

import jax

from dbnjax import checks
from dbnjax.data import folders, preparation, sources, streams
from dbnjax.training import streaming
from experiments import arithmetic
from experiments.dbn_config import Config

PREPARED = "tfds:"  # before the name of a set
SAMPLED = 10_000  # cases


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
    stream = open_stream(config.stream, source.n_classes)
    shape = splits.train.pixels.shape[1:]
    checks.require(
        (stream.shape, stream.n_classes) == (shape, source.n_classes),
        f"--stream={config.stream}: expected images of {shape} pixels in {source.n_classes} "
        f"classes, as --dataset={source.name} has, got {stream.shape} in {stream.n_classes}; "
        "validation would be of another kind",
    )
    chunks = streaming.cut(stream, config.chunk, config.batch_size)
    key = jax.random.fold_in(arithmetic.key(config.seed, config.draws), 400)
    sample = streaming.sample(key, stream, max(SAMPLED, config.batch_size))
    return splits._replace(train=sample), chunks


def open_stream(where: str, n_classes: int) -> streams.Stream:
    """Opens a folder, or the training cases of a set that tensorflow-datasets has prepared."""
    if where.startswith(PREPARED):
        return streams.prepared(where.removeprefix(PREPARED))
    return folders.read(where, n_classes)


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
        return
    told = folders.origin(config.stream)
    split = {"dataset": config.dataset, "n_train": n_train, "split_seed": config.split_seed}
    differing = [f"{k} {told[k]}, not {v}" for k, v in split.items() if told.get(k, v) != v]
    checks.require(
        not differing,
        f"--stream={config.stream}: expected images made from the training cases of this split, "
        f"got those of {'; '.join(differing)}; validation cases may be among them",
    )
