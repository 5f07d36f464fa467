"""The figures of `mnist_classifier`: learning curves, errors, hard digits that it gets right."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dbnjax import figures
from dbnjax.data import classes
from dbnjax.data.images import Images
from experiments.common import pictures, workdir
from experiments.mnist_classifier.judge import Learned, probabilities

N_HARD = 50


def draw(folder: Path, learned: list[Learned], test: Images, result: dict[str, Any]) -> None:
    """Writes all figures into `figures/` of the run's folder."""
    said = functools.cache(lambda: probabilities(learned, test))
    names = classes.read(learned[0].task.about, learned[0].task.n_classes).names
    makers: dict[str, Callable[[], Figure]] = {
        "cross_entropy": lambda: costs(result),
        "error": lambda: errors(result),
        "errors": lambda: pictures.errors(test, said(), names),
        "hard": lambda: hard(test, said(), names),
    }
    first = learned[0].chosen.hidden
    if first:
        weights, shape = np.asarray(first[0].weights), learned[0].task.shape
        makers["receptive_fields"] = lambda: figures.receptive_fields(weights, shape)
    workdir.draw({folder / "figures" / f"{name}.png": make for name, make in makers.items()})


def costs(result: dict[str, Any]) -> Figure:
    """Draws cross-entropy against epochs of tuning."""
    series: dict[str, Any] = {}
    for number, (x, records) in enumerate(tuning(result), start=1):
        series[f"net {number}, training"] = (x, [r["training_cost"] for r in records])
        series[f"net {number}, validation"] = (x, [r["validation_cost"] for r in records])
    return figures.curves(
        series,
        "epoch of tuning",
        "cross-entropy (nats a case)",
        "Cross-entropy of the training and the validation cases",
        log_y=True,
    )


def errors(result: dict[str, Any]) -> Figure:
    """Draws errors on the validation cases against epochs of tuning."""
    series: dict[str, Any] = {
        f"net {number}": (x, [record["validation_error"] for record in records])
        for number, (x, records) in enumerate(tuning(result), start=1)
    }
    title = "Errors on the validation cases"
    return figures.curves(series, "epoch of tuning", "validation error (%)", title)


def tuning(result: dict[str, Any]) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """Yields for each net the epochs of tuning and their records."""
    for net in result["nets"]:
        records = [record for record in net["epochs"] if record["stage"] == "tuning"]
        yield [record["epoch"] for record in records], records


def hard(test: Images, said: np.ndarray, names: Sequence[str]) -> Figure:
    """Draws the right guesses that the net is least sure of, by class (figure 2 of the TR)."""
    labels = test.known_labels()
    sure, right = said.max(-1), said.argmax(-1) == labels
    least = np.argsort(np.where(right, sure, np.inf), kind="stable")[: min(N_HARD, right.sum())]
    chosen = np.zeros(len(labels), bool)
    chosen[least] = True
    cases = pictures.in_scan_order(chosen, labels)
    return figures.gallery(
        test.pixels[cases] / 255.0,
        [f"{names[labels[i]]}: {100 * sure[i]:.0f} %" for i in cases],
        title=f"The {len(cases)} hardest test digits that it gets right, of {right.sum()}: class "
        "and the probability that it gives it",
        columns=10,
    )
