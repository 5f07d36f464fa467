"""A small folder of images, and the batches that it is written from."""

import numpy as np

from dbnjax.data import folder_writing
from dbnjax.data.images import Images

N, SHAPE = 23, (5, 4)


def cases(n=N):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (n, *SHAPE), dtype=np.uint8)
    return Images(pixels, (np.arange(n) % 3).astype(np.int32))


def batches(images, size=10):
    for start in range(0, len(images.pixels), size):
        yield Images(*(array[start : start + size] for array in images))


def write(path, given=None, n=N, origin=None):
    """Writes batches, by default the cases above."""
    given = batches(cases()) if given is None else given
    folder_writing.write(path, given, n, SHAPE, origin or {})
