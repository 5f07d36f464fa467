"""A stream of known cases that says how it was read, and an epoch that says what it saw."""

import jax
import numpy as np

from dbnjax.data.images import Images
from dbnjax.training import loop, streaming

N_CLASSES, BATCH = 5, 10
KEY = jax.random.key(3)


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


def seeing():
    """A learner that learns nothing, and an epoch's program that keeps what it has seen."""
    seen = []

    def program(key, hyper, state, context, data):
        rows = np.asarray(loop.minibatches(key, data, BATCH))
        seen.append(numbers(np.asarray(data.pixels)[rows]))
        np.testing.assert_array_equal(data.labels, numbers(data.pixels) % N_CLASSES)
        return state, loop.Report(info=np.float32(len(seen)), finite=np.bool_(True))

    return seen, program


def epoch_of(stream, size, key=KEY):
    """Goes once over a stream in chunks of a size and returns what was seen, and the report."""
    seen, program = seeing()
    epoch = streaming.epoch_over(program, streaming.cut(stream, size, BATCH))
    _, report = epoch(key, None, (), ())
    return seen, report
