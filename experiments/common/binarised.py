"""The images that likelihoods are about: read, reduced, split, and binarised in a named way."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.data import binarisation, preparation, sources
from dbnjax.data.images import Images, Source
from dbnjax.types import Array
from experiments.common import cases as dbn_cases
from experiments.common.groups import Binarised


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


def dataset(config: Binarised) -> str:
    """Returns the name of the image set."""
    return config.dataset or ("mnist5k" if config.data_dir is None else "mnist")


def read(config: Binarised) -> Cases:
    """Reads the images. With test cases judged, all others are there to learn from.

    Raises:
      InputError: there are none, or fewer than asked, or they cannot be reduced so far.
    """
    source = sources.load(dataset(config), config.data_dir)
    if config.side:
        source = dbn_cases.reduce(source, config.side)
    source = _stored(config, source)
    sizes = dbn_cases.sizes(source, n_test=config.n_test)
    splits = preparation.make_splits(source, *sizes, config.split_seed)
    if config.judged == "test":
        return Cases(preparation.all_but_test(source, splits), splits.test, source.n_classes)
    return Cases(splits.train, splits.validation, source.n_classes)


def states(config: Binarised, images: Images, part: str) -> Array:
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


def in_words(config: Binarised) -> str:
    """Names the binarisation as it must stand beside every number."""
    return {
        "threshold": "threshold at 1/2",
        "fixed": f"drawn once, seed {config.binarisation_seed}",
        "resampled": f"drawn anew, here with seed {config.seed}",
        "real": "intensities, not binarised",
    }[config.binarisation]


def _stored(config: Binarised, source: Source) -> Source:
    """Decides pixels before any split, so that a seed names one data set however it is split."""

    def of(images: Images, part: str) -> Images:
        pixels = images.pixels
        pixels = binarisation.stored(pixels, config.binarisation, config.binarisation_seed, part)
        return images._replace(pixels=pixels)

    test = None if source.test is None else of(source.test, "test")
    return source._replace(train=of(source.train, "train"), test=test)
