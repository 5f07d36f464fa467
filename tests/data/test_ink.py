"""Images unlike those that a net learned from are told, and the others are not."""

import os

import numpy as np
import pytest
from idx_files import digits

from dbnjax.data import idx, ink


@pytest.fixture(scope="module")
def official():
    if "DBNJAX_DATA_DIR" not in os.environ:
        pytest.skip("DBNJAX_DATA_DIR, a folder of MNIST's IDX files, is not set")
    train, test = (idx.read_folder(os.environ["DBNJAX_DATA_DIR"], s) for s in ("train", "test"))
    return {"ink": ink.record(train.pixels)}, test.pixels


@pytest.mark.parametrize("n", [1, 10, 100, 1000])
def test_normal_digits_raise_no_alarm(official, n):  # F15
    metadata, pixels = official
    generator = np.random.default_rng(n)
    for _ in range(100):
        chosen = generator.choice(len(pixels), n, replace=False)
        assert ink.doubt(metadata, pixels[chosen]) is None


def test_inverted_and_transposed_digits_do(official):  # F15
    metadata, pixels = official
    assert "they look inverted" in ink.doubt(metadata, 255 - pixels[:1])
    assert "they look inverted" in ink.doubt(metadata, 255 - pixels[:1000])
    transposed = pixels[:1000].swapaxes(1, 2)
    assert "nearer to the net's images transposed, as EMNIST" in ink.doubt(metadata, transposed)
    chosen = pixels[np.random.default_rng(0).choice(len(pixels), 1000, replace=False)]
    for name, turn in (ink.TURNS | ink.TURNS_OF_SQUARES).items():
        assert f"images {name}, as" in ink.doubt(metadata, turn(chosen))
        assert ink.doubt(metadata, turn(pixels[:1])) is None  # one image shows too little


def test_black_images_are_doubted_and_strange_metadata_are_not_read():
    pixels = digits(40, 0)[0]
    metadata = {"ink": ink.record(pixels)}
    assert ink.doubt(metadata, pixels) is None
    assert "mean intensity 0.000" in ink.doubt(metadata, np.zeros_like(pixels))
    for other in ({}, {"ink": 3}, {"ink": {}}, {"ink": {"mean": "x", "range": [0, 1]}}):
        assert ink.doubt(other, 255 - pixels) is None
    assert ink.doubt({"ink": {"mean": [[1.0]], "range": [0, 1]}}, 255 - pixels) is None
