"""Intervals of error rates and tests of their differences, against numbers by hand."""

import numpy as np
import pytest
from scipy import stats

from dbnjax.scoring import statistics


def test_the_interval_is_wilsons():
    # By hand from (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
    p, n, z = 0.0125, 10_000, 1.959963984540054
    middle, reach = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = (np.array([-reach, reach]) + middle) / (1 + z**2 / n)
    np.testing.assert_allclose(statistics.wilson(125, n), expected, rtol=1e-12)
    low, high = statistics.wilson(0, 100)
    assert low == 0
    assert high == pytest.approx(z**2 / (100 + z**2))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((), (), (0, 0, 1.0)),
        ((3, 4), (4, 3), (0, 0, 1.0)),
        ((1, 2, 3, 9), (9,), (3, 0, 2 / 8)),
        ((1, 9), (9, 5), (1, 1, 1.0)),
        # Two-sided binomial tail, twice (1 + 10 + 45) / 1024.
        (range(100, 110), (109, *range(8)), (9, 8, 1.0)),
        (range(2), range(20, 28), (2, 8, 112 / 1024)),
        # Agresti's approval ratings, which R and statsmodels use: exactly 3.716e-05.
        (range(86), range(100, 250), (86, 150, 3.7160213e-05)),
    ],
)
def test_mcnemar_counts_what_one_net_alone_gets_wrong(first, second, expected):
    found = statistics.mcnemar(first, second)
    assert found[:2] == expected[:2]
    assert found.p == pytest.approx(expected[2], rel=1e-4)


def test_intervals_are_those_of_student_and_welch():
    a, b = [2.0, 2.5, 2.3], [1.0, 1.4, 1.1, 1.3]
    low, high = stats.t.interval(0.95, 2, np.mean(a), stats.sem(a))
    assert statistics.half_width(a) == pytest.approx((high - low) / 2)
    found = statistics.gain(a, b)
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    np.testing.assert_allclose(found, [np.mean(a) - np.mean(b), interval.low, interval.high])
    assert statistics.half_width([2.0]) == 0.0
    assert statistics.gain([2.0], [1.0]) == (1.0, -np.inf, np.inf)
    assert statistics.gain([2.0, 2.0], [1.0, 1.0]) == (1.0, 1.0, 1.0)
