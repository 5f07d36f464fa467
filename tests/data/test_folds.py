"""Several divisions of one image set: what each part holds, what is refused."""

import itertools

import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.data import classes, folds
from dbnjax.data.images import Images, Source

N_CLASSES, N_TRAIN, N_TEST = 3, 60, 12


def numbered(n, first):
    """Images whose two pixels spell their number, sorted by label, as embedded digits are."""
    numbers = np.arange(first, first + n)
    pixels = np.stack([numbers // 256, numbers % 256], -1).astype(np.uint8)[:, None]
    return Images(pixels, (np.arange(n) * N_CLASSES // n).astype(np.int32))


def numbers_of(images):
    return (images.pixels[:, 0, 0].astype(int) * 256 + images.pixels[:, 0, 1]).tolist()


TRAIN, TEST = numbered(N_TRAIN, 0), numbered(N_TEST, N_TRAIN)
OFFICIAL = Source("numbers", TRAIN, TEST, classes.numbered(N_CLASSES))
EMBEDDED = OFFICIAL._replace(test=None)


def assert_labels_kept(images, original):
    rows = np.array(numbers_of(images)) - numbers_of(original)[0]
    np.testing.assert_array_equal(images.labels, original.labels[rows])


@pytest.mark.parametrize(("source", "n_test", "n_left"), [(OFFICIAL, None, 60), (EMBEDDED, 6, 54)])
@pytest.mark.parametrize(("n_folds", "n_validation"), [(3, 10), (1, 20), (2, 27)])
def test_validation_sets_are_disjoint_and_training_sets_are_the_rest(
    source, n_test, n_left, n_folds, n_validation
):
    parts = folds.make(source, n_folds, n_validation, n_test, seed=0)
    assert len(parts) == n_folds
    tests = {tuple(numbers_of(part.test)) for part in parts}
    assert len(tests) == 1
    held_out = [set(numbers_of(part.validation)) for part in parts]
    for one, other in itertools.combinations(held_out, 2):
        assert not one & other
    everything = set(range(N_TRAIN)) - (set(*tests) if source.test is None else set())
    assert len(everything) == n_left
    for part, validation in zip(parts, held_out, strict=True):
        train = numbers_of(part.train)
        assert len(validation) == n_validation
        assert len(train) == n_left - n_validation
        assert set(train) == everything - validation
        for images in (part.train, part.validation):
            assert_labels_kept(images, TRAIN)


def test_an_official_test_set_is_kept_or_its_beginning():
    whole, beginning = (folds.make(OFFICIAL, 2, 10, n, seed=0)[1].test for n in (None, 5))
    assert numbers_of(whole) == numbers_of(TEST)
    assert numbers_of(beginning) == numbers_of(TEST)[:5]
    assert_labels_kept(beginning, TEST)


def test_test_cases_put_aside_are_cases_of_no_division():
    parts = folds.make(EMBEDDED, 2, 10, 6, seed=0)
    aside = set(numbers_of(parts[0].test))
    assert len(aside) == 6
    assert_labels_kept(parts[0].test, TRAIN)
    for part in parts:
        assert not aside & set(numbers_of(part.train) + numbers_of(part.validation))


def test_the_seed_decides_and_the_order_is_random():
    one, same, other = (folds.make(EMBEDDED, 2, 10, 6, seed) for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        assert [numbers_of(part) for part in a] == [numbers_of(part) for part in b]
    assert set(numbers_of(one[0].validation)) != set(numbers_of(other[0].validation))
    for part in one:
        assert part.train.pixels.dtype == np.uint8
        labels = part.train.labels
        # A random order changes its label at 2/3 of 43 places, standard deviation about 3.1.
        assert abs((labels[1:] != labels[:-1]).sum() - 43 * 2 / 3) < 4 * 3.1


def test_a_division_does_not_depend_on_how_many_there_are():
    few, many = (folds.make(OFFICIAL, n, 10, None, seed=0) for n in (1, 3))
    assert [numbers_of(part) for part in few[0]] == [numbers_of(part) for part in many[0]]


RARE = Images(TRAIN.pixels, np.where(np.arange(N_TRAIN) == 7, 2, TRAIN.labels % 2))
REFUSED = [
    (OFFICIAL, (0, 10, None, 0), "folds: expected 1 or more, got 0"),
    (OFFICIAL, (3, 0, None, 0), "validation images: expected 1 or more, got 0"),
    (OFFICIAL, (3, 10, 0, 0), "test images: expected a positive number, got 0"),
    (OFFICIAL, (3, 10, None, -1), "seed: expected 0 or more, got -1"),
    (OFFICIAL, (3, 21, None, 0), "validation images: expected at most 60 for 3 .*got 3 x 21"),
    (OFFICIAL, (1, 60, None, 0), "validation images: expected at most 60 .*some left to train on"),
    (OFFICIAL, (3, 10, 13, 0), "test images: expected at most 12, which numbers has .*got 13"),
    (EMBEDDED, (3, 10, None, 0), "test images: expected a number for numbers, got none"),
    (EMBEDDED, (3, 10, 61, 0), "test images: expected at most 60.*got 61"),
    (EMBEDDED, (3, 10, 31, 0), "validation images: expected at most 29 for 3.*got 3 x 10"),
    (EMBEDDED, (1, 1, 60, 0), "validation images: expected at most 0 for 1.*got 1 x 1"),
    (
        OFFICIAL._replace(classes=classes.numbered(4)),
        (3, 10, None, 0),
        "expected all classes, got none of .?3",
    ),
    # The only case of a class is a validation case of one division.
    (OFFICIAL._replace(train=RARE), (6, 10, None, 0), "expected all classes, got none of .?2"),
]


@pytest.mark.parametrize(("source", "arguments", "message"), REFUSED)
def test_impossible_divisions_are_refused_in_one_line(source, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        folds.make(source, *arguments)
    assert "\n" not in str(caught.value)
    assert len(folds.make(OFFICIAL, 3, 20, 12, seed=0)) == 3
