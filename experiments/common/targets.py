"""What a result is asked for, and whether it is met."""

from typing import NamedTuple

MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"


class Target(NamedTuple):
    """A number that a result must reach.

    Attributes:
      what: is asked for.
      limit: the largest value that is good enough, or the least.
      at_least: whether it is the least.
    """

    what: str
    limit: float
    at_least: bool = False

    def verdict(self, found: float | None) -> str:
        """Says whether a number is good enough; None is none."""
        if found is None:
            return NOT_MEASURED
        good = found >= self.limit if self.at_least else found <= self.limit
        return MET if good else MISSED

    def asked(self, form: str = "g", unit: str = "") -> str:
        """Says in words what is asked for, such as "at most 1.25 %"."""
        side = "at least" if self.at_least else "at most"
        return f"{side} {self.limit:{form}} {unit}".rstrip()


def judge(value: float, at_most: float) -> str:
    """Says whether a number is as small as is asked for."""
    return Target("", at_most).verdict(value)
