"""Nearest neighbours against brute force in int64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.inference import neighbours

nearest = jax.jit(neighbours.nearest, static_argnames="power")
POWERS = [2, 3]


def brute_force(among, cases, power):
    """The first of the nearest, and the distances `[n_cases, n_training]`."""
    apart = np.abs(cases.astype(np.int64)[:, None] - among.astype(np.int64))
    distances = (apart**power).sum(-1)
    return distances.argmin(1), distances


def draw(seed, shape, highest=255):
    return np.random.default_rng(seed).integers(0, highest, shape, np.uint8, endpoint=True)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks and groups that a few cases of a few pixels fill several times."""
    monkeypatch.setattr(neighbours, "CASES", 4)
    monkeypatch.setattr(neighbours, "AMONG", 8)
    monkeypatch.setattr(neighbours, "SUMS", {2: (neighbours.squares, 4), 3: (neighbours.cubes, 4)})


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize(
    ("n_training", "n_cases", "n_pixels"),
    [(19, 9, 7), (16, 8, 8), (17, 1, 4), (1, 5, 3)],  # across borders, on them, one beyond, one
)
def test_the_nearest_is_that_of_brute_force(small_blocks, power, n_training, n_cases, n_pixels):
    among, cases = draw(0, (n_training, n_pixels)), draw(1, (n_cases, n_pixels))
    found = neighbours.nearest(jnp.asarray(among), jnp.asarray(cases), power)
    np.testing.assert_array_equal(found, brute_force(among, cases, power)[0])
    assert found.dtype == jnp.int32


@pytest.mark.parametrize("power", POWERS)
def test_of_equals_the_first_is_taken_within_blocks_and_across_them(small_blocks, power):
    among, cases = draw(0, (37, 5), highest=1), draw(1, (13, 5), highest=1)
    first, distances = brute_force(among, cases, power)
    equals = (distances == distances.min(1, keepdims=True)).sum(1)
    assert equals.min() > 1 or len(set(first.tolist())) > 5
    found = neighbours.nearest(jnp.asarray(among), jnp.asarray(cases), power)
    np.testing.assert_array_equal(found, first)


@pytest.mark.parametrize("power", POWERS)
def test_full_size_images_at_the_largest_distances_differ_by_one(power):
    among = np.full((1030, 784), 255, np.uint8)  # beyond a block
    among[:, 0] = 254  # nearer to black by 509 of 5.1e7, or 193,801 of 1.3e10
    among[[700, 1027], 1] = 254
    among[[500, 1028], 2] = 253
    cases = np.zeros((3, 784), np.uint8)
    cases[1] = 255
    found = nearest(jnp.asarray(among), jnp.asarray(cases), power=power)
    np.testing.assert_array_equal(found, brute_force(among[:, :4], cases[:, :4], power)[0])
    assert found.tolist() == [500, 0, 500]


@pytest.mark.parametrize("power", POWERS)
def test_sums_are_exact_to_the_last_bit(power):
    among, cases = draw(0, (3, 784)), draw(1, (2, 784))
    among[0], cases[0] = 0, 255  # the largest of all
    power_sum, group = neighbours.SUMS[power]
    group = min(group, 784)
    parts = [
        power_sum(jnp.asarray(cases[:, i : i + group].T), jnp.asarray(among[:, i : i + group].T))
        for i in range(0, 784, group)
    ]
    assert all(part.dtype == jnp.int32 for part in parts)
    total = np.sum([np.asarray(part, np.int64) for part in parts], axis=0)
    np.testing.assert_array_equal(total, brute_force(among, cases, power)[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"power": 4}, "power: expected 2 or 3, got 4"),
        ({"cases": jnp.zeros((2, 3))}, "cases: expected uint8"),
        ({"among": jnp.zeros((2, 3, 1), jnp.uint8)}, "training cases: expected uint8"),
        ({"among": jnp.zeros((0, 3), jnp.uint8)}, "training cases: expected at least one"),
        ({"cases": jnp.zeros((2, 4), jnp.uint8)}, "cases: expected 3 units"),
    ],
)
def test_bad_input_is_refused(changes, message):
    good = {"among": jnp.zeros((2, 3), jnp.uint8), "cases": jnp.zeros((2, 3), jnp.uint8)}
    with pytest.raises(InputError, match=message):
        neighbours.nearest(**(good | {"power": 2} | changes))


def test_no_cases_have_no_neighbours():
    found = neighbours.nearest(jnp.zeros((2, 3), jnp.uint8), jnp.zeros((0, 3), jnp.uint8), 2)
    assert found.shape == (0,)
