"""Writes IDX sets for tests, independently of the reader."""

import gzip
import struct
from pathlib import Path

import numpy as np


def idx_bytes(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx(path, array):
    """Writes an IDX file, gzipped if the name says so."""
    content = idx_bytes(np.asarray(array))
    Path(path).write_bytes(gzip.compress(content) if Path(path).suffix == ".gz" else content)


def digits(n, seed):
    """Returns n balanced 28x28 images whose bright rows tell the label, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10)
    pixels = rng.integers(0, 60, (n, 28, 28), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[2 * label + 4 : 2 * label + 6, 6:22] = 255
    return pixels, labels


def write_set(folder, n_train=40, n_test=20):
    """Writes a gzipped IDX set of the MNIST family's file names."""
    for prefix, n, seed in [("train", n_train, 0), ("t10k", n_test, 1)]:
        pixels, labels = digits(n, seed)
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", pixels)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", labels)
