"""How likelihoods are called and written, on a terminal and in RESULTS.md alike."""

from collections.abc import Sequence
from typing import Any

FORWARD, REVERSE, EXACT = "log Z forward", "log Z reverse", "log Z exact"
FREE = "no log Z"  # the column of what needs none
COLUMNS = (FORWARD, REVERSE, EXACT, FREE)
ERROR = "s.e. over images"


def interval(values: Sequence[float]) -> str:
    """A value and, where it has one, its 95 % interval."""
    value, low, high = values
    return f"{value:.2f}" if low == high else f"{value:.2f} ({low:.2f} to {high:.2f})"


def cells(row: dict[str, Any], columns: Sequence[str], missing: str) -> list[str]:
    """The values of a row (`likelihood_report.row`), column by column."""
    values = row["values"]
    return [interval(values[column]) if column in values else missing for column in columns]


def of_samples(found: dict[str, Any]) -> str:
    """Tells of the samples behind a reverse estimate (`likelihood_samples.describe`)."""
    told = (
        f"{found['temperatures']} temperatures, {found['steps']:,} steps after "
        f"{found['pilot_steps']} to space them, least probability of a swap "
        f"{found['least_acceptance']:.2f}, {found['round_trips']:.1f} round trips a chain"
    )
    if found["unknown"] is None:
        told += (
            f"; free energies of the target's chains, every {found['every']} steps: R-hat "
            f"{_number(found['r_hat'], 3, 'infinite')}, effective sample size "
            f"{_number(found['effective_sample_size'], 0, 'unknown')}, integrated autocorrelation "
            f"time in steps {_number(found['autocorrelation_time'], 0, 'too long to tell')}"
        )
    if found["classes"] is not None:
        told += (
            f"; the label is another at {100 * found['class_switches']:.0f} % of these looks, "
            f"{found['classes']:.1f} labels a chain in all"
        )
    return told


def _number(value: float | None, digits: int, otherwise: str) -> str:
    return otherwise if value is None else f"{value:,.{digits}f}"


def of_seconds(seconds: dict[str, float]) -> str:
    """Tells how long each part of a run took."""
    parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    return f"Seconds, compilation included: {parts}"


def of_rules(record: dict[str, Any]) -> str:
    """Names what a comparison of learning rules judged."""
    bound = "bound on log p" if record["below"] else "log p"
    return f"{bound} of {record['judged']} images"
