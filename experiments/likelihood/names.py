"""How likelihoods are called and written, on a terminal and in RESULTS.md alike."""

from collections.abc import Sequence
from typing import Any

from experiments.common.statistics import interval

FORWARD, REVERSE, EXACT = "log Z forward", "log Z reverse", "log Z exact"
FREE = "no log Z"  # the column of what needs none
COLUMNS = (FORWARD, REVERSE, EXACT, FREE)
ERROR = "s.e. over images"
LOG_P, LOG_P_AND_LABEL = "log p(v)", "log p(v, label)"
PSEUDO = "pseudo-log-likelihood"


def bound_on(quantity: str) -> str:
    """What the bound of equation 4.2 is called."""
    return f"bound on {quantity}"


def weighted(quantity: str) -> str:
    """What the estimate by importance weights is called."""
    return f"importance-weighted {quantity}"


RAISE = f"RAISE {bound_on(LOG_P)}"


def cells(row: dict[str, Any], columns: Sequence[str], missing: str) -> list[str]:
    """The values of a row (`likelihood.report.row`), column by column."""
    values = row["values"]
    return [interval(values[column]) if column in values else missing for column in columns]


def of_samples(found: dict[str, Any]) -> str:
    """Tells of the samples behind a reverse estimate (`common.tempered_samples.describe`)."""
    told = (
        f"{found['temperatures']} temperatures, {found['steps']:,} steps after "
        f"{found['pilot_steps']} to space them, least probability of a swap "
        f"{found['least_acceptance']:.2f}, {found['round_trips']:.1f} round trips a chain"
    )
    if found["unknown"] is None:
        told += (
            "; free energies of the target's chains, in the second half every "
            f"{found['every']} steps: R-hat {number(found['r_hat'], 3, 'infinite')}, effective "
            f"sample size {number(found['effective_sample_size'], 0, 'unknown')}, integrated "
            "autocorrelation time in steps "
            f"{number(found['autocorrelation_time'], 0, 'too long to tell')}"
        )
    if found["classes"] is not None:
        told += (
            f"; classes {found['classes_by']}: another at {100 * found['class_switches']:.0f} % of "
            f"these looks, {found['classes']:.1f} a chain in all"
        )
    return told


def of_weights(rows: Sequence[dict[str, Any]]) -> str:
    """Tells how many of an image's weights count, by quantity; empty where none has weights."""
    told = (
        f"{row['quantity']} of {row['images']} images {row['effective_sample_size']:.1f} of "
        f"{row['weights']}"
        for row in rows
        if row["weights"] is not None
    )
    return "; ".join(told)


def of_net(net: dict[str, Any]) -> str:
    """Tells how a net was made (`likelihood.config.origin`), but for the command."""
    told = ", ".join(f"{name} {value}" for name, value in net.items() if name != "command")
    return told or "nothing is known of how it was made"


def number(value: float | None, digits: int, otherwise: str) -> str:
    """A number that may be missing."""
    return otherwise if value is None else f"{value:,.{digits}f}"


def of_seconds(seconds: dict[str, float]) -> str:
    """Tells how long each part of a run took."""
    parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    return f"Seconds, compilation included: {parts}"
