import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.data import binarisation


@pytest.fixture
def grey():
    """Every intensity in a row of its own, 4,000 times."""
    return np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None], (40, 256, 100)).copy()


def test_a_threshold_cuts_at_one_half(grey):
    states = binarisation.stored(grey, "threshold", 0, "train")
    assert states.dtype == np.uint8
    np.testing.assert_array_equal(states, np.where(grey / 255 > 0.5, 255, 0))


def test_fixed_draws_have_the_intensities_as_probabilities(grey):
    states = binarisation.stored(grey, "fixed", 0, "train")
    assert set(np.unique(states)) == {0, 255}
    assert states.dtype == np.uint8
    p, n = np.arange(256) / 255, 40 * 100
    share = (states == 255).mean((0, 2))
    assert share[0] == 0
    assert share[255] == 1
    # Of 256 normal deviates, one beyond 5 has a probability of 1.5e-4.
    assert (np.abs(share - p) <= 5 * np.sqrt(p * (1 - p) / n)).all()


def test_fixed_draws_are_the_same_everywhere():
    grey = np.full((2, 2, 4), 128, np.uint8)
    states = binarisation.stored(grey, "fixed", 7, "test") // 255
    assert states.reshape(2, 8).tolist() == [[1, 1, 0, 0, 1, 1, 1, 1], [1, 0, 1, 1, 0, 0, 1, 0]]


def test_an_image_is_drawn_the_same_among_few_and_many_but_not_elsewhere(grey):
    first = binarisation.stored(grey, "fixed", 0, "train")
    np.testing.assert_array_equal(binarisation.stored(grey[:3], "fixed", 0, "train"), first[:3])
    for seed, part in [(1, "train"), (0, "test"), (0, "validation")]:
        assert (binarisation.stored(grey[:3], "fixed", seed, part) != first[:3]).mean() > 0.2
    assert (first[0] != first[1]).mean() > 0.2


@pytest.mark.parametrize("way", ["resampled", "real"])
def test_what_is_drawn_later_or_never_is_kept(grey, way):
    assert binarisation.stored(grey, way, 0, "train") is grey


def test_only_resampled_images_are_drawn_for_a_presentation(grey):
    once = binarisation.presented(grey[:2], "resampled", 3, "test")
    np.testing.assert_array_equal(once, binarisation.stored(grey[:2], "fixed", 3, "test"))
    for way in ("threshold", "fixed", "real"):
        assert binarisation.presented(grey, way, 3, "test") is grey


def test_what_does_not_fit_is_refused(grey):
    with pytest.raises(InputError, match="expected uint8 from 0 to 255, got float64"):
        binarisation.stored(grey / 255, "threshold", 0, "test")
    with pytest.raises(InputError, match=r"expected one of threshold, .*, got 'round'"):
        binarisation.stored(grey, "round", 0, "test")
    with pytest.raises(InputError, match=r"part: expected one of train, .*, got 'dev'"):
        binarisation.stored(grey, "fixed", 0, "dev")
    with pytest.raises(InputError, match="seed of the binarisation: expected 0 or more, got -1"):
        binarisation.stored(grey, "fixed", -1, "test")
