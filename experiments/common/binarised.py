"""The images that likelihoods are about: read, reduced, split, and binarised in a named way."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.data import binarisation, preparation, sources
from dbnjax.data.images import Images, Source
from dbnjax.types import Array
from experiments.common import cases as dbn_cases
from experiments.common.options import option
from experiments.mnist_dbn import config as dbn_config

JUDGED = ("test", "validation")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the images; each is a flag."""

    dataset: str = option(
        "", "mnist5k (embedded), mnist, a prepared tfds set, ...; empty: mnist with --data_dir."
    )
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    side: int = option(0, "Height and width that images are reduced to; 0: as they are.")
    n_test: int = option(0, "Test cases; 0: the official test set, or 1 in 10 with none.")
    split_seed: int = option(0, "Seed of the split into training, validation and test cases.")
    judged: str = option(
        "test", "Cases that are judged: test, or validation, to choose settings.", JUDGED
    )
    binarisation: str = option("fixed", "How intensities become binary pixels.", binarisation.WAYS)
    binarisation_seed: int = option(0, "Seed of the fixed binarisation.")
    seed: int = option(0, "Seed of every other random draw, the presented pixels included.")


def first(images: Images, n: int) -> Images:
    """Returns the first n images with their labels."""
    return Images(images.pixels[:n], images.known_labels()[:n])


class Cases(NamedTuple):
    """Images, binarised as stored: 0 and 255, or intensities.

    Attributes:
      train: what is learned from, and what the base rates are taken from.
      judged: cases that nothing is learned from.
      n_classes: the labels run from 0 to n_classes - 1.
    """

    train: Images
    judged: Images
    n_classes: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of an image."""
        height, width = self.judged.pixels.shape[1:]
        return height, width


def dataset(config: Config) -> str:
    """Returns the name of the image set."""
    return config.dataset or ("mnist5k" if config.data_dir is None else "mnist")


def read(config: Config) -> Cases:
    """Reads the images. With test cases judged, all others are there to learn from.

    Raises:
      InputError: there are none, or fewer than asked, they cannot be reduced so far, or a seed is
        negative.
    """
    checks.check_at_least("--n_test", config.n_test, 0)
    checks.check_at_least("--side", config.side, 0)
    checks.check_seed(config.seed)
    source = sources.load(dataset(config), config.data_dir)
    if config.side:
        source = dbn_cases.reduce(source, config.side)
    source = _stored(config, source)
    sizes = dbn_cases.sizes(dbn_config.Config(n_test=config.n_test), source)
    splits = preparation.make_splits(source, *sizes, config.split_seed)
    if config.judged == "test":
        return Cases(preparation.all_but_test(source, splits), splits.test, source.n_classes)
    return Cases(splits.train, splits.validation, source.n_classes)


def states(config: Config, images: Images, part: str) -> Array:
    """Returns visible states `[n, n_pixels]` of stored images as they are judged.

    Args:
      config: names the way, and the seed of a presentation.
      images: of some `Cases`.
      part: "train", or what is judged.
    """
    shown = binarisation.presented(images.pixels, config.binarisation, config.seed, part)
    return jnp.asarray(preparation.as_unit_interval(shown))


def labels(cases: Cases, images: Images) -> Array:
    """Returns the labels as one-of-K states, `[n, n_classes]`."""
    return jax.nn.one_hot(np.asarray(images.known_labels()), cases.n_classes)


def in_words(config: Config) -> str:
    """Names the binarisation as it must stand beside every number."""
    return {
        "threshold": "threshold at 1/2",
        "fixed": f"drawn once, seed {config.binarisation_seed}",
        "resampled": f"drawn anew, here with seed {config.seed}",
        "real": "intensities, not binarised",
    }[config.binarisation]


def _stored(config: Config, source: Source) -> Source:
    """Decides pixels before any split, so that a seed names one data set however it is split."""

    def of(images: Images, part: str) -> Images:
        pixels = images.pixels
        pixels = binarisation.stored(pixels, config.binarisation, config.binarisation_seed, part)
        return images._replace(pixels=pixels)

    test = None if source.test is None else of(source.test, "test")
    return source._replace(train=of(source.train, "train"), test=test)
