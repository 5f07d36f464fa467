"""Sets that tensorflow-datasets has prepared, read some cases at a time."""

import numpy as np
import pytest
from idx_files import digits
from prepared_sets import prepare

from dbnjax.checks import InputError
from dbnjax.data import sources, streams


@pytest.fixture
def prepared(tmp_path):
    prepare("fashion_mnist", tmp_path, *digits(20, 0))
    return tmp_path


def test_ranges_of_a_prepared_set_are_read_in_their_order(prepared):
    stream = streams.prepared("fashion_mnist", prepared)
    assert (stream.n_cases, stream.shape, stream.n_classes) == (20, (28, 28), 10)
    whole = sources.load("fashion_mnist", prepared).train
    rows = [*range(8, 20), *range(7), 7]
    for part, array in zip(stream.read([(8, 20), (0, 7), (7, 8)]), whole, strict=True):
        np.testing.assert_array_equal(part, array[rows])


def test_a_prepared_set_must_have_the_split(prepared):
    with pytest.raises(InputError, match="fashion_mnist: expected a split named other, found none"):
        streams.prepared("fashion_mnist", prepared, "other")


def test_a_set_that_is_damaged_meanwhile_is_one_line(prepared):
    stream = streams.prepared("fashion_mnist", prepared)
    for file in prepared.rglob("*train.array_record*"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match="fashion_mnist, train: expected whole array_rec") as said:
        stream.read([(0, 20)])
    assert "\n" not in str(said.value)
