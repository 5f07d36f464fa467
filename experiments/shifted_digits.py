"""Millions of digits in a folder, to learn from as a stream: training images, shifted.

    python -m experiments.shifted_digits --data_dir=FOLDER --output=SHIFTED
    python -m experiments.mnist_dbn --dataset=mnist --data_dir=FOLDER --stream=SHIFTED

Case i is training image i modulo their number, shifted along either axis by a real number of pixels
drawn evenly between -2 and 2, with bilinear interpolation and zeros from outside. The training
images are those of `mnist_dbn`'s split, so that no validation or test image, shifted, is learned
from. Eight million images of 28 x 28 take 6.3 GB of the disk, a few minutes and 300 MB of memory.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from dbnjax import checks
from dbnjax.data import folder_writing, folders, preparation
from dbnjax.data.images import Images
from dbnjax.training import metrics
from experiments.common import cases, groups, program
from experiments.common.options import PLACE, option

FARTHEST = 2  # pixels
BATCH = 250  # images at a time, which stay in the cache: five times as fast as 5,000
SHOWN = 100_000  # images between two steps of the progress bar


@dataclasses.dataclass(frozen=True)
class Config(groups.Seed, groups.Images):
    """Options of the run; each is a flag."""

    dataset: str = option("mnist", "Digits to shift, as in `mnist_dbn`.")
    output: str | None = option(None, "Folder to write, new or empty.", role=PLACE)
    n: int = option(8_000_000, "Images to write.", least=1)
    n_train: int = option(0, "Training cases to shift; 0: as many as `mnist_dbn` takes.", least=0)
    split_seed: int = option(0, "Seed of the split, as in `mnist_dbn`.", least=0)
    seed: int = option(0, "Seed of the shifts.", least=0, below=groups.SEEDS)


def run(config: Config) -> folders.Folder:
    """Writes the folder.

    Raises:
      InputError: an option or the data cannot be used, or the folder cannot be written.
    """
    config.check_options()
    if config.output is None:
        raise checks.InputError("--output: expected a folder to write, got none; name one")
    split = {name: getattr(config, name) for name in ("dataset", "n_train", "split_seed")}
    source, splits = cases.read(groups.Split(**split, data_dir=config.data_dir))
    train = splits.train
    origin = {
        "images": "training images shifted by up to two pixels, bilinear",
        "dataset": config.dataset,
        "n_train": len(train.pixels),
        "split_seed": config.split_seed,
        "seed": config.seed,
    }
    height, width = train.pixels.shape[1:]
    with metrics.progress(-(-config.n // SHOWN), "shifted digits", unit="100k") as advance:
        numbers = np.asarray(source.classes.labels, np.int32)
        as_published = Images(train.pixels, numbers[train.known_labels()])
        batches = shifted(as_published, config.n, config.seed, advance)
        folder_writing.write(config.output, batches, config.n, (height, width), origin)
    folder = folders.read(config.output, source.classes)
    print(f"{folder.n_cases} images of {height} x {width}: {folder.path}")
    return folder


def shifted(
    images: Images, n: int, seed: int, advance: Callable[[Mapping[str, float]], None]
) -> Iterator[Images]:
    """Yields n shifted images in batches; each batch has draws of its own."""
    for number, start in enumerate(range(0, n, BATCH)):
        rows = np.arange(start, min(start + BATCH, n)) % len(images.pixels)
        generator = np.random.default_rng([seed, number])
        by = generator.uniform(-FARTHEST, FARTHEST, (len(rows), 2)).astype(np.float32)
        moved = preparation.shift(images.pixels[rows], by, FARTHEST)
        yield Images(moved, images.known_labels()[rows])
        if start % SHOWN == 0:
            advance({})


if __name__ == "__main__":
    program.launch(run, Config)
