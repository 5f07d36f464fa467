"""Temperatures: spacing by hand, and pilots that cannot be."""

import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.checks import InputError
from dbnjax.sampling import ladder


@pytest.mark.parametrize(
    ("betas", "acceptance", "expected"),
    [
        # Rejections .75 and .25: the distances 0, .25, .5, .75 and 1 from the target.
        ([1.0, 0.5, 0.0], [0.25, 0.75], [1.0, 5 / 6, 2 / 3, 0.5, 0.0]),
        ([1.0, 0.6, 0.2], [0.0, 0.0], [1.0, 0.8, 0.6, 0.4, 0.2]),
        ([1.0, 0.9, 0.7, 0.2], [1.0, 1.0, 1.0], [1.0, 0.8, 0.6, 0.4, 0.2]),  # none: even
        # Pairs that always swap need no temperature between them.
        ([1.0, 0.8, 0.4, 0.1], [1.0, 0.5, 1.0], [1.0, 0.7, 0.6, 0.5, 0.1]),
    ],
)
def test_temperatures_are_spaced_evenly_in_the_rejection(betas, acceptance, expected):
    spaced = ladder.respaced(jnp.array(betas), jnp.array(acceptance), 5)
    np.testing.assert_allclose(spaced, expected, rtol=0, atol=1e-5)
    assert spaced.dtype == jnp.float32
    assert spaced[0] == 1.0
    assert spaced[-1] == np.float32(betas[-1])


@pytest.mark.parametrize(
    ("betas", "acceptance", "n", "message"),
    [
        ([1.0, 0.5], [0.5], 1, "n: expected 2 or more"),
        ([0.5, 0.2], [0.5], 3, "expected 1 first, the target's temperature"),
        ([1.0, 0.5], [0.5, 0.5], 3, r"acceptance: expected 1 means, .* got shape \(2,\)"),
        ([1.0, 0.5], [[0.5], [0.4]], 3, r"got shape \(2, 1\); it may not have been averaged"),
        ([1.0, 0.5], [1.5], 3, r"acceptance: expected probabilities in \[0, 1\], got \[1.5\]"),
        ([1.0, 0.5], [-0.1], 3, r"acceptance: expected probabilities in \[0, 1\], got \[-0.1\]"),
        ([1.0, 0.5], [np.nan], 3, r"got \[nan\]; a NaN comes from a machine that diverged"),
        ([1.0, 1.0 - 2**-23, 0.0], [0.0, 1.0], 9, "expected each below the one before it"),
    ],
)
def test_pilots_that_cannot_be_are_refused(betas, acceptance, n, message):
    with pytest.raises(InputError, match=message) as caught:
        ladder.respaced(betas, acceptance, n)
    assert "\n" not in str(caught.value)
