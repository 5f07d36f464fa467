"""Translations against shifts written out pixel by pixel, edges included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.training import translations

SHAPE = (4, 6)
N_PIXELS = SHAPE[0] * SHAPE[1]
INK = np.random.default_rng(0).integers(1, 256, (1, *SHAPE), dtype=np.uint8)  # no pixel is blank


def shifted(image, down, right):
    """An image moved down and to the right; blank where nothing comes in."""
    height, width = image.shape
    found = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            if 0 <= i + down < height and 0 <= j + right < width:
                found[i + down, j + right] = image[i, j]
    return found


def brute_force(reach):
    """Every shift that so many steps of one pixel along an axis can make."""
    found = {(0, 0)}
    for _ in range(reach):
        found |= {(i + a, j + b) for i, j in found for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1))}
    return found


@pytest.mark.parametrize(("reach", "n"), [(0, 1), (1, 5), (2, 13), (3, 25)])
def test_shifts_are_all_that_lie_within_reach(reach, n):
    found = translations.shifts(reach)
    assert len(found) == n
    assert set(found) == brute_force(reach)
    assert found[0] == (0, 0)


def test_every_shift_is_the_one_written_out():
    """Up and down differ in the image's height and width, so that no axis stands for the other."""
    moved = translations.shifts(3)
    table = jnp.asarray(translations.sources(SHAPE, moved))
    pixels = jnp.tile(jnp.asarray(INK.reshape(1, -1)), (len(moved), 1))
    got = translations.translate(pixels, table, jnp.arange(len(moved)))
    assert got.dtype == jnp.uint8
    for image, (down, right) in zip(np.asarray(got).reshape(-1, *SHAPE), moved, strict=True):
        np.testing.assert_array_equal(image, shifted(INK[0], down, right))
    assert (np.asarray(got[1:]) == 0).any(1).all()  # an edge came in with every shift but none


def prepare(key, context, pixels, labels):
    return key, context, pixels, labels


def test_all_versions_of_an_image_are_equally_likely_and_each_image_has_its_own():
    moved = translations.shifts(2)
    n = 400 * len(moved)
    prepared = jax.jit(translations.translating(prepare, SHAPE))
    pixels, labels = jnp.tile(jnp.asarray(INK.reshape(1, -1)), (n, 1)), jnp.arange(n)
    key_rest, context, got, same_labels = prepared(jax.random.key(0), jnp.ones(3), pixels, labels)
    versions = np.stack([shifted(INK[0], *shift).ravel() for shift in moved])
    which = (np.asarray(got)[:, None] == versions).all(-1)
    assert (which.sum(1) == 1).all()
    # Each count is binomial; 5 deviations.
    p = 1 / len(moved)
    np.testing.assert_allclose(which.mean(0), p, atol=5 * np.sqrt(p * (1 - p) / n))
    np.testing.assert_array_equal(same_labels, labels)
    np.testing.assert_array_equal(context, np.ones(3))
    assert got.dtype == jnp.uint8
    # What comes after draws with another key than the shifts, and than what it was given.
    assert key_rest != jax.random.key(0)
    other = prepared(jax.random.key(1), jnp.ones(3), pixels, labels)
    assert (np.asarray(other[2]) != np.asarray(got)).any()
    assert other[0] != key_rest


def test_a_reach_of_nothing_is_the_image():
    prepared = translations.translating(prepare, SHAPE, reach=0)
    pixels = jnp.asarray(INK.reshape(1, -1))
    _, _, got, _ = prepared(jax.random.key(0), None, pixels, jnp.zeros(1, jnp.int32))
    np.testing.assert_array_equal(got, pixels)


@pytest.mark.parametrize("shape", [SHAPE, SHAPE[::-1]])
@pytest.mark.parametrize("reach", [-1, 4])
def test_a_shift_that_pushes_the_image_out_is_refused(shape, reach):
    expected = rf"translations: expected 0 to 3 pixels for images of {shape[0]} x {shape[1]}"
    with pytest.raises(InputError, match=rf"{expected}, got {reach}") as caught:
        translations.translating(prepare, shape, reach)
    assert "\n" not in str(caught.value)
    translations.translating(prepare, shape, 3)
