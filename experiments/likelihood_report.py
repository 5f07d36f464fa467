"""What the likelihood of a net comes to: rows of numbers with intervals, and their table."""

import math
from typing import Any, NamedTuple

import numpy as np

from dbnjax.evaluation import ais
from dbnjax.evaluation.importance import QUANTILE_95
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from experiments import likelihood_samples
from experiments import likelihood_words as words
from experiments.inputs import count_pixels
from experiments.likelihood_config import Config
from experiments.likelihood_words import COLUMNS, FREE

Points = dict[str, tuple[float, float]]
"""By column a log Z to subtract, and half the width of its 95 % interval."""

NOTHING: Points = {FREE: (0.0, 0.0)}


class LogZ(NamedTuple):
    """What is known of log Z of a top machine.

    Attributes:
      forward: from below.
      reverse: from above, as good as its samples.
      exact: in nats, None where the machine is too large.
      samples: of the samples behind `reverse`, `likelihood_samples.describe`.
    """

    forward: ais.Estimate
    reverse: ais.Estimate
    exact: float | None
    samples: dict[str, Any]

    def points(self) -> Points:
        """Returns what is known."""
        found = {
            name: (float(estimate.log_z), float(estimate.high - estimate.log_z))
            for name, estimate in ((words.FORWARD, self.forward), (words.REVERSE, self.reverse))
        }
        return found if self.exact is None else found | {words.EXACT: (self.exact, 0.0)}


def architecture(net: DBN) -> str:
    """Names a net by its layers, such as `RBM 784-500` or `DBN 784-500-500-2000, 10 labels`."""
    sizes = [count_pixels(net), *(layer.unit.size for layer in net.recognition)]
    sizes.append(net.memory.hidden.size)
    labels = stack_lib.label_group(net.memory)
    name = f"{'DBN' if net.generative else 'RBM'} {'-'.join(map(str, sizes))}"
    return name if labels is None else f"{name}, {labels.size} labels"


def row(
    quantity: str, images: str, values: np.ndarray, log_z: Points, error: float = 0.0
) -> dict[str, Any]:
    """Returns one quantity, averaged over images.

    Args:
      quantity: what it is.
      images: "train", "test" or "validation".
      values: `[n]` of each image, in nats, before log Z is subtracted.
      log_z: what is to be subtracted, such as `NOTHING`.
      error: standard error of the mean that the draws behind the values cause.

    Returns:
      A JSON-able record; by column the value and its 95 % interval, which says how well the mean
      over these images is known. The standard error says what other images might give.
    """
    mean, n = float(values.mean()), len(values)
    found = {}
    for name, (value, half) in log_z.items():
        reach = math.hypot(half, QUANTILE_95 * error)
        found[name] = [mean - value, mean - value - reach, mean - value + reach]
    return {
        "quantity": quantity,
        "images": images,
        "n": n,
        "values": found,
        "standard_error": float(values.std(ddof=1) / n**0.5) if n > 1 else 0.0,
    }


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
        found[name] = {
            "value": float(estimate.log_z),
            "low": float(estimate.low),
            "high": float(estimate.high),
            "effective_sample_size": float(estimate.effective_sample_size),
        }
    return found


def warnings(log_z: LogZ) -> list[str]:
    """Says in words what speaks against the estimates of log Z."""
    found = ais.warnings(log_z.forward, log_z.reverse)
    return [*found, *likelihood_samples.warnings(log_z.samples)]


def table(record: dict[str, Any]) -> str:
    """Lays out a record as text."""
    log_z, rows = record["log_z"], record["rows"]
    lines = [f"{record['model']}; pixels: {record['pixels']}; {record['precision']}", ""]
    temperatures = f"{log_z['temperatures']:,} temperatures ({log_z['schedule']})"
    lines.append(f"log Z, {log_z['chains']} chains, {temperatures}")
    for name in ("forward", "reverse"):
        found = log_z[name]
        shown = words.interval([found[key] for key in ("value", "low", "high")])
        effective = found["effective_sample_size"]
        lines.append(f"  {name:<8} {shown:<30} effective sample size {effective:.1f}")
    if log_z["exact"] is not None:
        lines.append(f"  {'exact':<8} {log_z['exact']:.2f}")
    lines.append(f"samples: {words.of_samples(log_z['samples'])}")
    columns = [c for c in COLUMNS if any(c in row["values"] for row in rows)]
    names = [f"{row['quantity']}, {row['n']:,} {row['images']}" for row in rows]
    cells = [
        [name, *words.cells(row, columns, ""), f"{row['standard_error']:.2f}"]
        for name, row in zip(names, rows, strict=True)
    ]
    cells.insert(0, ["nats an image", *columns, words.ERROR])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines.append("")
    for row in cells:
        padded = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append("   ".join(padded).rstrip())
    lines += ["", words.of_seconds(record["seconds"])]
    return "\n".join([*lines, *(f"warning: {text}" for text in record["warnings"])])
