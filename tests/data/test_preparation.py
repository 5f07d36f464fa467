import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.data import classes
from dbnjax.data.images import Images, Source
from dbnjax.data.preparation import all_but_test, as_unit_interval, downsample, make_splits, shift

N_CLASSES = 3


def numbered(n, first):
    """Images whose single row spells their number; sorted by label, as embedded digits are."""
    numbers = np.arange(first, first + n)
    pixels = np.stack([numbers // 256, numbers % 256], -1).astype(np.uint8)[:, None]
    return Images(pixels, (np.arange(n) * N_CLASSES // n).astype(np.int32))


def numbers_of(images):
    return images.pixels[:, 0, 0].astype(int) * 256 + images.pixels[:, 0, 1]


TRAIN, TEST = numbered(300, 0), numbered(60, 300)
OFFICIAL = Source("numbers", TRAIN, TEST, classes.numbered(N_CLASSES))
EMBEDDED = OFFICIAL._replace(test=None)


def assert_labels_kept(images, original):
    rows = numbers_of(images) - numbers_of(original)[0]
    np.testing.assert_array_equal(images.labels, original.labels[rows])


def test_three_balanced_parts_use_every_image_once():
    splits = make_splits(EMBEDDED, 240, 30, 30, seed=0)
    everything = np.concatenate([numbers_of(part) for part in splits])
    np.testing.assert_array_equal(np.sort(everything), np.arange(300))
    for part, each in zip(splits, [80, 10, 10], strict=True):
        assert np.bincount(part.labels).tolist() == [each] * N_CLASSES
        assert_labels_kept(part, TRAIN)


def test_validation_comes_from_what_the_training_set_leaves():
    splits = make_splits(OFFICIAL, 210, 70, None, seed=0)
    drawn = np.concatenate([numbers_of(splits.train), numbers_of(splits.validation)])
    assert len(np.unique(drawn)) == 280
    assert drawn.max() < 300
    assert np.bincount(splits.train.labels).tolist() == [70] * N_CLASSES
    assert_labels_kept(splits.validation, TRAIN)
    np.testing.assert_array_equal(splits.test.pixels, TEST.pixels)
    np.testing.assert_array_equal(splits.test.labels, TEST.labels)


def test_all_but_test_is_the_official_training_set_or_both_other_parts():
    splits = make_splits(OFFICIAL, 210, 70, None, seed=0)
    np.testing.assert_array_equal(all_but_test(OFFICIAL, splits).pixels, TRAIN.pixels)
    splits = make_splits(EMBEDDED, 240, 30, 30, seed=0)
    both = all_but_test(EMBEDDED, splits)
    found = np.concatenate([numbers_of(both), numbers_of(splits.test)])
    np.testing.assert_array_equal(np.sort(found), np.arange(300))
    assert_labels_kept(both, TRAIN)


def test_a_smaller_official_test_set_is_its_beginning():
    splits = make_splits(OFFICIAL, 30, 0, 7, seed=0)
    np.testing.assert_array_equal(numbers_of(splits.test), np.arange(300, 307))
    assert splits.validation.pixels.shape == (0, 1, 2)


def test_the_seed_decides():
    one, same, other = (make_splits(EMBEDDED, 240, 30, 30, seed) for seed in (1, 1, 2))
    for part, again in zip(one, same, strict=True):
        np.testing.assert_array_equal(numbers_of(part), numbers_of(again))
    assert set(numbers_of(one.train)) != set(numbers_of(other.train))


def test_training_images_come_in_random_order():
    labels = make_splits(EMBEDDED, 240, 30, 30, seed=0).train.labels
    changes = (labels[1:] != labels[:-1]).sum()
    # A random order changes its label at 2/3 of 239 places, standard deviation about 7.3.
    assert abs(changes - 239 * 2 / 3) < 4 * 7.3


@pytest.mark.parametrize(
    ("source", "counts", "message"),
    [
        (OFFICIAL, (0, 30, 30), "training images: expected a positive number, got 0"),
        (OFFICIAL, (-3, 30, 30), "training images: expected a positive number"),
        (OFFICIAL, (100, 30, 30), "training images: expected a multiple of 3.*got 100"),
        (OFFICIAL, (303, 0, 30), "training images: expected at most 100 of class 0.*got 101"),
        (OFFICIAL, (30, -1, 30), "validation images: expected 0 or more"),
        (OFFICIAL, (210, 91, 30), "validation images: expected at most 90.*got 91"),
        (OFFICIAL, (30, 30, 0), "test images: expected a positive number, got 0"),
        (OFFICIAL, (30, 30, 61), "test images: expected at most 60.*got 61"),
        (EMBEDDED, (30, 30, None), "test images: expected a number.*no official test set"),
        (EMBEDDED, (30, 31, 30), "validation images: expected a multiple of 3"),
        (EMBEDDED, (30, 30, 31), "test images: expected a multiple of 3"),
        (EMBEDDED, (240, 30, 33), "test images: expected at most 10 of class 0.*got 11"),
    ],
)
def test_impossible_counts_are_refused(source, counts, message):
    with pytest.raises(InputError, match=message):
        make_splits(source, *counts, seed=0)


def test_a_negative_seed_is_refused():
    with pytest.raises(InputError, match="seed"):
        make_splits(OFFICIAL, 30, 30, 30, seed=-1)


def test_unit_interval_is_exact_at_its_ends():
    pixels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    scaled = as_unit_interval(pixels)
    assert scaled.dtype == np.float32
    assert scaled.shape == (4, 64)
    np.testing.assert_allclose(scaled.ravel(), np.arange(256) / 255, rtol=1e-7)
    assert scaled.min() == 0
    assert scaled.max() == 1


def test_scaled_or_flattened_pixels_are_refused():
    for pixels in [np.zeros((2, 4, 4), np.float32), np.zeros((2, 16), np.uint8)]:
        for prepare in [as_unit_interval, lambda p: downsample(p, 2)]:
            with pytest.raises(InputError, match="scaled or flattened already"):
                prepare(pixels)


@pytest.mark.parametrize(("height", "width", "size"), [(28, 28, 16), (12, 20, 5), (7, 7, 7)])
def test_downsampling_is_the_mean_over_each_area(height, width, size):
    pixels = np.random.default_rng(0).integers(0, 256, (3, height, width), dtype=np.uint8)
    # The oracle: blow each axis up by `size`, then take whole blocks.
    fine = np.kron(pixels, np.ones((1, size, size)))
    blocks = fine.reshape(3, size, height, size, width)
    expected = blocks.mean((2, 4))
    # Half a level of rounding, and float32 products of values up to 255.
    assert np.abs(downsample(pixels, size) - expected).max() <= 0.5 + 255 * 1e-6


def test_downsampling_keeps_constants_and_orientation():
    assert (downsample(np.full((1, 28, 28), 255, np.uint8), 16) == 255).all()
    corner = np.zeros((1, 28, 28), np.uint8)
    corner[0, :2, 20:] = 200
    small = downsample(corner, 16)[0]
    assert small[0, 15] == 200
    assert small[15].max() == small[:, 0].max() == 0


@pytest.mark.parametrize("size", [0, -1, 29])
def test_sizes_that_do_not_fit_are_refused(size):
    with pytest.raises(InputError, match=f"expected 1 to 28.*got {size}"):
        downsample(np.zeros((1, 28, 30), np.uint8), size)


def bilinear(image, down, right):
    """The moved image by its definition, one pixel at a time."""
    height, width = image.shape

    def at(y, x):
        return float(image[y, x]) if 0 <= y < height and 0 <= x < width else 0.0

    moved = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            top, left = int(np.floor(y - down)), int(np.floor(x - right))
            dy, dx = y - down - top, x - right - left
            upper = (1 - dx) * at(top, left) + dx * at(top, left + 1)
            lower = (1 - dx) * at(top + 1, left) + dx * at(top + 1, left + 1)
            moved[y, x] = (1 - dy) * upper + dy * lower
    return moved


def test_an_image_is_moved_bilinearly():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 7, 8), dtype=np.uint8)
    by = np.array([[0, 0], [2, -2], [-2, 2], [0.5, -1.25], [-1.7, 0.3], [1.9, 1.1]], np.float32)
    moved = shift(images, by, 2)
    assert moved.dtype == np.uint8
    np.testing.assert_array_equal(moved[0], images[0])
    np.testing.assert_array_equal(moved[1, 2:, :-2], images[1, :-2, 2:])
    for image, vector, result in zip(images, by, moved, strict=True):
        # Half a grey level for rounding, and float32.
        assert np.abs(bilinear(image, *vector) - result).max() <= 0.5 + 1e-3
    for wrong in (by[:2], 2 * by):
        with pytest.raises(InputError, match=r"by: expected \[6, 2\] numbers from -2 to 2, got"):
            shift(images, wrong, 2)
