"""Means over images with what is known of their errors, as JSON-able records.

An interval of 95 % says how well a mean over these images is known: from the error of log Z and
from that of the draws behind each image's value, as independent normal errors. The standard error
over images says what other images might give. Where too few weights count for an error
(`evaluation.importance.has_error`), there is no interval.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dbnjax.evaluation import ais
from dbnjax.evaluation.importance import QUANTILE_95, LogMean, has_error
from dbnjax.types import Array

Points = Mapping[str, tuple[float, float | None]]
"""By name a log Z to subtract, and half the width of its 95 % interval, None if not known."""


def half_width(estimate: ais.Estimate) -> float | None:
    """Returns half the width of an estimate's 95 % interval, None where too few chains count."""
    if not has_error(float(estimate.effective_sample_size), len(estimate.log_weights)):
        return None
    return float(estimate.high - estimate.log_z)


def mean_error(errors: Array) -> float:
    """Returns the standard error of a mean from those of what is averaged, `[n]`."""
    return float(np.linalg.norm(np.asarray(errors, np.float64))) / len(errors)


def interval(value: float, half: float | None, error: float | None = 0.0) -> list[float | None]:
    """Returns a value and the ends of its 95 % interval, None where they are not known.

    Args:
      value: a mean less log Z, or log Z.
      half: half the width of the interval of log Z, None if not known.
      error: standard error of the mean, None if not known.
    """
    if half is None or error is None:
        return [value, None, None]
    reach = math.hypot(half, QUANTILE_95 * error)
    return [value, value - reach, value + reach]


def of_estimate(estimate: ais.Estimate) -> dict[str, float | None]:
    """Returns an estimate of log Z with its interval, and how many of its chains count."""
    ends = interval(float(estimate.log_z), half_width(estimate))
    effective = float(estimate.effective_sample_size)
    return dict(zip(("value", "low", "high"), ends, strict=True)) | {
        "effective_sample_size": effective
    }


def row(
    quantity: str, images: str, values: np.ndarray, log_z: Points, error: float | None = 0.0
) -> dict[str, Any]:
    """Returns one quantity, averaged over images.

    Args:
      quantity: what it is.
      images: which they are.
      values: `[n]` of each image, in nats, before log Z is subtracted.
      log_z: what is to be subtracted, by name.
      error: standard error of the mean that the draws behind the values cause, None if not known.

    Returns:
      `values` holds the mean and the ends of its interval by name of log Z; one image has no
      standard error over images.
    """
    mean, n = float(values.mean()), len(values)
    return {
        "quantity": quantity,
        "images": images,
        "n": n,
        "values": {
            name: interval(mean - value, half, error) for name, (value, half) in log_z.items()
        },
        "standard_error": float(values.std(ddof=1) / n**0.5) if n > 1 else None,
        "weights": None,
        "effective_sample_size": None,
    }


def weighted_row(
    quantity: str, images: str, means: LogMean, n_weights: int, log_z: Points
) -> dict[str, Any]:
    """Returns one quantity of which each image has a mean of so many weights; otherwise as `row`.

    The effective sample size is the mean over images. The interval is that of the estimator's own
    mean, a lower bound; what this lacks of log p it does not say.
    """
    values = np.asarray(means.value, np.float64)
    effective = float(np.asarray(means.effective_sample_size, np.float64).mean())
    error = mean_error(means.standard_error) if has_error(effective, n_weights) else None
    counted = {"weights": n_weights, "effective_sample_size": effective}
    return row(quantity, images, values, log_z, error) | counted


def warnings(rows: list[dict[str, Any]]) -> list[str]:
    """Says in words which rows rest on too few weights."""
    return [
        f"{row['quantity']} of {row['images']} images rests on {row['effective_sample_size']:.1f} "
        f"of {row['weights']} weights an image, too few for an interval: on average it is still a "
        "lower bound, but one that may lie far below log p"
        for row in rows
        if (row["weights"] or 0) > 1 and not has_error(row["effective_sample_size"], row["weights"])
    ]
