"""How likelihoods are called and written, on a terminal and in RESULTS.md alike."""

from collections.abc import Sequence
from typing import Any

FREE = "no log Z"  # the column of what needs none
ERROR = "s.e. over images"
COLUMNS = ("forward", "reverse", "exact", FREE)


def interval(values: Sequence[float]) -> str:
    """A value and, where it has one, its 95 % interval."""
    value, low, high = values
    return f"{value:.2f}" if low == high else f"{value:.2f} ({low:.2f} to {high:.2f})"


def cells(row: dict[str, Any], columns: Sequence[str], missing: str) -> list[str]:
    """The values of a row (`likelihood_report.row`), column by column."""
    values = row["values"]
    return [interval(values[column]) if column in values else missing for column in columns]


def of_rules(record: dict[str, Any]) -> str:
    """Names what a comparison of learning rules judged."""
    bound = "bound on log p" if record["below"] else "log p"
    return f"{bound} of {record['judged']} images"
