"""What the likelihood of a net comes to: rows of numbers with intervals, and their table."""

import math
from typing import Any, NamedTuple

import numpy as np

from dbnjax.evaluation import ais
from dbnjax.evaluation.importance import QUANTILE_95, LogMean, has_error
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from dbnjax.types import Array
from experiments.common import statistics, tempered_samples
from experiments.common.nets import count_pixels
from experiments.likelihood import names as words
from experiments.likelihood.config import Config
from experiments.likelihood.names import COLUMNS, FREE

Points = dict[str, tuple[float, float | None]]
"""By column a log Z to subtract, and half the width of its 95 % interval, None if not known."""

NOTHING: Points = {FREE: (0.0, 0.0)}


class LogZ(NamedTuple):
    """What is known of log Z of a top machine.

    Attributes:
      forward: from below.
      reverse: from above, as good as its samples.
      exact: in nats, None where the machine is too large.
      samples: of the samples behind `reverse`, `common.tempered_samples.describe`.
    """

    forward: ais.Estimate
    reverse: ais.Estimate
    exact: float | None
    samples: dict[str, Any]

    def points(self) -> Points:
        """Returns what is known."""
        found: Points = {
            name: (float(estimate.log_z), half_width(estimate))
            for name, estimate in ((words.FORWARD, self.forward), (words.REVERSE, self.reverse))
        }
        return found if self.exact is None else found | {words.EXACT: (self.exact, 0.0)}


def half_width(estimate: ais.Estimate) -> float | None:
    """Returns half the width of an estimate's interval, None where too few chains count."""
    if not has_error(float(estimate.effective_sample_size), len(estimate.log_weights)):
        return None
    return float(estimate.high - estimate.log_z)


def architecture(net: DBN) -> str:
    """Names a net by its layers, such as `RBM 784-500` or `DBN 784-500-500-2000, 10 labels`."""
    sizes = [count_pixels(net), *(layer.unit.size for layer in net.recognition)]
    sizes.append(net.memory.hidden.size)
    labels = stack_lib.label_group(net.memory)
    name = f"{'DBN' if net.generative else 'RBM'} {'-'.join(map(str, sizes))}"
    return name if labels is None else f"{name}, {labels.size} labels"


def row(
    quantity: str, images: str, values: np.ndarray, log_z: Points, error: float | None = 0.0
) -> dict[str, Any]:
    """Returns one quantity, averaged over images.

    Args:
      quantity: what it is.
      images: "train", "test" or "validation".
      values: `[n]` of each image, in nats, before log Z is subtracted.
      log_z: what is to be subtracted, such as `NOTHING`.
      error: standard error of the mean that the draws behind the values cause, None if not known.

    Returns:
      A JSON-able record; by column the value and its 95 % interval, which says how well the mean
      over these images is known; None stands for its ends where they are not known. The standard
      error says what other images might give; one image does not.
    """
    mean, n = float(values.mean()), len(values)
    found = {}
    for name, (value, half) in log_z.items():
        reach = None
        if half is not None and error is not None:
            reach = math.hypot(half, QUANTILE_95 * error)
        found[name] = _interval(mean - value, reach)
    return {
        "quantity": quantity,
        "images": images,
        "n": n,
        "values": found,
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


def mean_error(errors: Array) -> float:
    """Returns the standard error of a mean from those of what is averaged, `[n]`."""
    return float(np.linalg.norm(np.asarray(errors, np.float64))) / len(errors)


def _interval(value: float, half: float | None) -> list[float | None]:
    return [value, None, None] if half is None else [value, value - half, value + half]


def describe(log_z: LogZ, config: Config) -> dict[str, Any]:
    """Returns what is known of log Z as a JSON-able record; `exact` is null where it is not."""
    found: dict[str, Any] = {
        "chains": len(log_z.forward.log_weights),
        "temperatures": config.n_temperatures,
        "schedule": config.schedule,
        "exact": log_z.exact,
        "samples": log_z.samples,
    }
    for name, estimate in (("forward", log_z.forward), ("reverse", log_z.reverse)):
        ends = _interval(float(estimate.log_z), half_width(estimate))
        found[name] = dict(zip(("value", "low", "high"), ends, strict=True))
        found[name]["effective_sample_size"] = float(estimate.effective_sample_size)
    return found


def warnings(log_z: LogZ, rows: list[dict[str, Any]]) -> list[str]:
    """Says in words what speaks against the estimates of log Z and against rows of weights."""
    found = ais.warnings(log_z.forward, log_z.reverse)
    return [*found, *tempered_samples.warnings(log_z.samples), *map(_against, filter(_few, rows))]


def _few(row: dict[str, Any]) -> bool:
    n = row["weights"]
    return n is not None and n > 1 and not has_error(row["effective_sample_size"], n)


def _against(row: dict[str, Any]) -> str:
    return (
        f"{row['quantity']} of {row['images']} images rests on {row['effective_sample_size']:.1f} "
        f"of {row['weights']} weights an image, too few for an interval: on average it is still a "
        "lower bound, but one that may lie far below log p"
    )


def table(record: dict[str, Any]) -> str:
    """Lays out a record as text."""
    log_z, rows = record["log_z"], record["rows"]
    about = (record["model"], record["dataset"], f"pixels: {record['pixels']}", record["precision"])
    lines = ["; ".join(about), f"net: {words.of_net(record['net'])}"]
    lines += [f"learned by: {record['net']['command']}"] if "command" in record["net"] else []
    lines.append("")
    temperatures = f"{log_z['temperatures']:,} temperatures ({log_z['schedule']})"
    lines.append(f"log Z, {log_z['chains']} chains, {temperatures}")
    for name in ("forward", "reverse"):
        found = log_z[name]
        shown = statistics.interval([found[key] for key in ("value", "low", "high")])
        effective = found["effective_sample_size"]
        lines.append(f"  {name:<8} {shown:<30} effective sample size {effective:.1f}")
    if log_z["exact"] is not None:
        lines.append(f"  {'exact':<8} {log_z['exact']:.2f}")
    lines.append(f"samples: {words.of_samples(log_z['samples'])}")
    columns = [c for c in COLUMNS if any(c in row["values"] for row in rows)]
    names = [f"{row['quantity']}, {row['n']:,} {row['images']}" for row in rows]
    cells = [
        [name, *words.cells(row, columns, ""), words.number(row["standard_error"], 2, "")]
        for name, row in zip(names, rows, strict=True)
    ]
    cells.insert(0, ["nats an image", *columns, words.ERROR])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines.append("")
    for row in cells:
        padded = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append("   ".join(padded).rstrip())
    weights = words.of_weights(rows)
    lines += [f"weights of an image that count: {weights}"] if weights else []
    lines += ["", words.of_seconds(record["seconds"])]
    return "\n".join([*lines, *(f"warning: {text}" for text in record["warnings"])])
