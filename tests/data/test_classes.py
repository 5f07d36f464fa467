"""Classes by the data's own numbers and names."""

import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.data import classes
from dbnjax.data.classes import Classes

LETTERS = Classes((1, 2, 5), ("a", "b", "e"))


def test_numbers_of_the_data_and_counts_from_zero():  # F6
    assert classes.renumber("x", LETTERS, np.array([5, 1, 2, 5])).tolist() == [2, 0, 1, 2]
    plain = np.array([2, 0, 1], np.int32)
    assert classes.renumber("x", classes.numbered(3), plain) is plain
    for labels in ([0], [1, 3], [6]):
        with pytest.raises(InputError, match=r"x: expected labels among 1, 2, 5, .*another data"):
            classes.renumber("x", LETTERS, np.array(labels))
    for labels in (np.array([], int), np.array([1.0])):
        with pytest.raises(InputError, match="x: expected integer labels"):
            classes.renumber("x", LETTERS, labels)


def test_names_of_unused_classes_are_left_out():  # F6
    declared = Classes((0, 1, 2), ("none", "a", "b"))
    assert classes.used(declared, np.array([2, 7, 1, 2])) == Classes((1, 2, 7), ("a", "b", "7"))


def test_metadata_give_the_classes_back_and_other_metadata_their_numbers():
    assert classes.read({"classes": classes.stored(LETTERS)}, 3) == LETTERS
    bad = [None, 3, {}, {"labels": [1, 2, 5]}, {"labels": [2, 1, 5], "names": ["a", "b", "e"]}]
    for found in [*bad, {"labels": [1, 2, 5], "names": ["a", "a", "e"]}]:
        assert classes.read({"classes": found}, 3) == classes.numbered(3)
    assert classes.read({"classes": classes.stored(LETTERS)}, 4) == classes.numbered(4)


def test_classes_are_asked_for_by_name_or_number():
    assert classes.find("--digits", LETTERS, ("e", "1", 2)).tolist() == [2, 0, 1]
    with pytest.raises(InputError, match=r"--digits: expected some of a, b, e, got z"):
        classes.find("--digits", LETTERS, ("z",))
