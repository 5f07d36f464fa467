"""How far an error rate, or the difference of two, can be trusted."""

from collections.abc import Collection
from typing import NamedTuple

from scipy import stats


class McNemar(NamedTuple):
    """An exact test of whether two nets err equally often on the same cases.

    Attributes:
      only_first: cases that only the first net gets wrong, McNemar's b.
      only_second: cases that only the second gets wrong, his c.
      p: the probability, if a case of these two kinds is of either with even chances, of counts
        at least as uneven as these; two-sided.
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(first: Collection[int], second: Collection[int]) -> McNemar:
    """Compares two nets by the indices of the cases that they get wrong in one test set."""
    only_first = len(set(first) - set(second))
    only_second = len(set(second) - set(first))
    n = only_first + only_second
    p = float(stats.binomtest(only_first, n).pvalue) if n else 1.0
    return McNemar(only_first, only_second, p)


def wilson(errors: int, n: int) -> tuple[float, float]:
    """Returns Wilson's 95 % interval of an error rate, a fraction, from a count of `n` cases."""
    interval = stats.binomtest(errors, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
