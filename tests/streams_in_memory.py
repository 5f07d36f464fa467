"""A stream of known cases that says how it was read."""

import numpy as np

from dbnjax.data.images import Images

N_CLASSES = 5


class Counted:
    """Cases in memory: case i has the label i % 5, and its number in its first two pixels."""

    def __init__(self, n_cases, watch=lambda: None):
        self.n_cases, self.shape, self.n_classes = n_cases, (3, 4), N_CLASSES
        self.pixels = np.random.default_rng(0).integers(0, 256, (n_cases, 3, 4), dtype=np.uint8)
        self.pixels[:, 0, 0], self.pixels[:, 0, 1] = np.divmod(np.arange(n_cases), 256)
        self.labels = (np.arange(n_cases) % N_CLASSES).astype(np.int32)
        self.watch = watch

    def read(self, ranges):
        self.watch()
        rows = np.concatenate([np.arange(start, stop) for start, stop in ranges])
        return Images(self.pixels[rows], self.labels[rows])


def numbers(pixels):
    """The cases' numbers, from flat pixels."""
    return 256 * np.asarray(pixels[..., 0], int) + np.asarray(pixels[..., 1], int)
