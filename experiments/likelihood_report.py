"""What the likelihood of a net comes to: rows of numbers with intervals, and their table."""

import math
from typing import Any, NamedTuple

import numpy as np

from dbnjax.evaluation import ais
from dbnjax.models import stack as stack_lib
from dbnjax.models.dbn import DBN
from experiments import likelihood_words as words
from experiments.inputs import count_pixels
from experiments.likelihood_words import COLUMNS, FREE

QUANTILE = 1.96  # of a 95 % interval
LEAST_ACCEPTANCE = 0.1  # of the swaps between two temperatures


class LogZ(NamedTuple):
    """What is known of log Z of a top machine.

    Attributes:
      forward: from below.
      reverse: from above, as good as its samples.
      exact: in nats, None where the machine is too large.
      acceptance: of the samples behind `reverse`, as in `likelihood_estimates.Sampled`.
      round_trips: likewise.
    """

    forward: ais.Estimate
    reverse: ais.Estimate
    exact: float | None
    acceptance: float
    round_trips: float

    def points(self) -> dict[str, tuple[float, float]]:
        """Returns each value with half the width of its interval."""
        found = {
            name: (float(estimate.log_z), float(estimate.high - estimate.log_z))
            for name, estimate in (("forward", self.forward), ("reverse", self.reverse))
        }
        return found if self.exact is None else found | {"exact": (self.exact, 0.0)}


def architecture(net: DBN) -> str:
    """Names a net by its layers, such as `RBM 784-500` or `DBN 784-500-500-2000, 10 labels`."""
    sizes = [count_pixels(net), *(layer.unit.size for layer in net.recognition)]
    sizes.append(net.memory.hidden.size)
    labels = stack_lib.label_group(net.memory)
    name = f"{'DBN' if net.generative else 'RBM'} {'-'.join(map(str, sizes))}"
    return name if labels is None else f"{name}, {labels.size} labels"


def row(
    quantity: str, images: str, values: np.ndarray, log_z: LogZ | None, error: float = 0.0
) -> dict[str, Any]:
    """Returns one quantity, averaged over images.

    Args:
      quantity: what it is.
      images: "train", "test" or "validation".
      values: `[n]` of each image, in nats, before log Z is subtracted.
      log_z: of the top machine, None where nothing is to be subtracted.
      error: standard error of the mean that the draws behind the values cause.

    Returns:
      A JSON-able record; by column the value and its 95 % interval, which says how well the mean
      over these images is known. The standard error says what other images might give.
    """
    mean, n = float(values.mean()), len(values)
    points = {FREE: (0.0, 0.0)} if log_z is None else log_z.points()
    found = {}
    for name, (value, half) in points.items():
        reach = math.hypot(half, QUANTILE * error)
        found[name] = [mean - value, mean - value - reach, mean - value + reach]
    return {
        "quantity": quantity,
        "images": images,
        "n": n,
        "values": found,
        "standard_error": float(values.std(ddof=1) / n**0.5) if n > 1 else 0.0,
    }


def describe(log_z: LogZ, n_temperatures: int) -> dict[str, Any]:
    """Returns what is known of log Z as a JSON-able record."""
    found: dict[str, Any] = {
        "chains": len(log_z.forward.log_weights),
        "temperatures": n_temperatures,
        "least_acceptance": log_z.acceptance,
        "round_trips": log_z.round_trips,
    }
    for name, estimate in (("forward", log_z.forward), ("reverse", log_z.reverse)):
        found[name] = {
            "value": float(estimate.log_z),
            "low": float(estimate.low),
            "high": float(estimate.high),
            "effective_sample_size": float(estimate.effective_sample_size),
        }
    return found if log_z.exact is None else found | {"exact": log_z.exact}


def warnings(log_z: LogZ) -> list[str]:
    """Says in words what speaks against the estimates of log Z."""
    found = list(ais.warnings(log_z.forward, log_z.reverse))
    if log_z.acceptance < LEAST_ACCEPTANCE:
        found.append(
            f"two temperatures of the samples swap with probability {log_z.acceptance:.3f} "
            "only: take more --temper_betas"
        )
    if log_z.round_trips < 1.0:
        found.append(
            f"the samples made {log_z.round_trips:.2f} round trips through the "
            "temperatures: take more --temper_steps, or the reverse estimate may be no upper one"
        )
    return found


def table(record: dict[str, Any]) -> str:
    """Lays out a record as text."""
    log_z, rows = record["log_z"], record["rows"]
    lines = [f"{record['model']}; pixels: {record['pixels']}; {record['precision']}", ""]
    lines.append(f"log Z, {log_z['chains']} chains, {log_z['temperatures']:,} temperatures")
    for name in ("forward", "reverse"):
        found = log_z[name]
        shown = words.interval([found[key] for key in ("value", "low", "high")])
        effective = found["effective_sample_size"]
        lines.append(f"  {name:<8} {shown:<30} effective sample size {effective:.1f}")
    if "exact" in log_z:
        lines.append(f"  {'exact':<8} {log_z['exact']:.2f}")
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
    return "\n".join([*lines, *(f"warning: {text}" for text in record["warnings"])])
