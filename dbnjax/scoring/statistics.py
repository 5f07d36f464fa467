"""How far an error rate, or the difference of two, can be trusted."""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from dbnjax.data.optional import import_extra


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


class Spread(NamedTuple):
    """Error counts of several runs of one kind.

    Attributes:
      counts: of each run.
      n: cases.
    """

    counts: list[int]
    n: int

    @property
    def mean(self) -> float:
        """The mean error rate in per cent."""
        return 100.0 * float(np.mean(self.counts)) / self.n

    @property
    def deviation(self) -> float:
        """The standard deviation over runs in points, of a sample; needs two of them."""
        return 100.0 * float(np.std(self.counts, ddof=1)) / self.n


def mcnemar(first: Collection[int], second: Collection[int]) -> McNemar:
    """Compares two nets by the indices of the cases that they get wrong in one test set."""
    only_first = len(set(first) - set(second))
    only_second = len(set(second) - set(first))
    n = only_first + only_second
    p = float(import_extra("scipy.stats").binomtest(only_first, n).pvalue) if n else 1.0
    return McNemar(only_first, only_second, p)


def wilson(errors: int, n: int) -> tuple[float, float]:
    """Returns Wilson's 95 % interval of an error rate, a fraction, from a count of `n` cases."""
    interval = import_extra("scipy.stats").binomtest(errors, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def half_width(values: Sequence[float]) -> float:
    """Returns half the 95 % t-interval of the mean of some values; none of one value."""
    if len(values) < 2:
        return 0.0
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return float(import_extra("scipy.stats").t.ppf(0.975, len(values) - 1)) * error


def gain(baseline: Sequence[float], values: Sequence[float]) -> tuple[float, float, float]:
    """Returns how much smaller values are than a baseline's, with its 95 % interval (Welch)."""
    difference = float(np.mean(baseline) - np.mean(values))
    if min(len(baseline), len(values)) < 2:
        return difference, -math.inf, math.inf
    parts = [float(np.var(x, ddof=1)) / len(x) for x in (baseline, values)]
    if sum(parts) == 0.0:
        return difference, difference, difference
    weights = [p**2 / (len(x) - 1) for p, x in zip(parts, (baseline, values), strict=True)]
    freedom = sum(parts) ** 2 / sum(weights)
    half = float(import_extra("scipy.stats").t.ppf(0.975, freedom)) * math.sqrt(sum(parts))
    return difference, difference - half, difference + half


def per_cent(counts: Sequence[int], n: int) -> list[float]:
    """Returns counts of errors among n cases in per cent."""
    return [100.0 * count / n for count in counts]
