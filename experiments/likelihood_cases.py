"""The images that likelihoods are about: read, reduced, split, and binarised in a named way."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.data import binarisation, preparation
from dbnjax.data.images import Images
from dbnjax.types import Array
from experiments import dbn_cases, dbn_config
from experiments.flags import option

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
    split = dbn_config.Config(
        dataset=dataset(config),
        data_dir=config.data_dir,
        side=config.side,
        n_test=config.n_test,
        split_seed=config.split_seed,
    )
    source, splits = dbn_cases.read(split)
    train, judged = splits.train, splits.validation
    if config.judged == "test":
        train, judged = preparation.all_but_test(source, splits), splits.test
    return Cases(
        _stored(config, train, "train"), _stored(config, judged, config.judged), source.n_classes
    )


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
        "real": "intensities as probabilities",
    }[config.binarisation]


def _stored(config: Config, images: Images, part: str) -> Images:
    seed = config.binarisation_seed
    return images._replace(
        pixels=binarisation.stored(images.pixels, config.binarisation, seed, part)
    )
