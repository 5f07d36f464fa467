"""The figures of `mnist_classifier`: learning curves, errors, hard digits that it gets right."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dbnjax import figures
from dbnjax.data.images import Images
from experiments import dbn_figures
from experiments.classifier_report import Learned, probabilities

N_HARD = 50


def draw(folder: Path, learned: list[Learned], test: Images, result: dict[str, Any]) -> None:
    """Writes all figures into `figures/` of the run's folder."""
    said = probabilities(learned, test)
    drawn = curves(result) | {"errors": dbn_figures.errors(test, said), "hard": hard(test, said)}
    first = learned[0].chosen.hidden
    if first:
        drawn["receptive_fields"] = figures.receptive_fields(
            np.asarray(first[0].weights), learned[0].task.shape
        )
    for name, figure in drawn.items():
        figures.save(figure, folder / "figures" / f"{name}.png")


def curves(result: dict[str, Any]) -> dict[str, Figure]:
    """Draws cross-entropy and errors on the validation cases against epochs of tuning."""
    costs: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for number, net in enumerate(result["nets"], start=1):
        tuned = [record for record in net["epochs"] if record["stage"] == "tuning"]
        x = [record["epoch"] for record in tuned]
        costs[f"net {number}, training"] = (x, [record["training_cost"] for record in tuned])
        costs[f"net {number}, validation"] = (x, [record["validation_cost"] for record in tuned])
        errors[f"net {number}"] = (x, [record["validation_error"] for record in tuned])
    return {
        "cross_entropy": figures.curves(
            costs,
            "epoch of tuning",
            "cross-entropy (nats a case)",
            "Cross-entropy of the training and the validation cases",
            log_y=True,
        ),
        "error": figures.curves(
            errors, "epoch of tuning", "validation error (%)", "Errors on the validation cases"
        ),
    }


def hard(test: Images, said: np.ndarray) -> Figure:
    """Draws the right guesses that the net is least sure of, by class (figure 2 of the TR)."""
    labels = test.known_labels()
    sure, right = said.max(-1), said.argmax(-1) == labels
    least = np.argsort(np.where(right, sure, np.inf), kind="stable")[: min(N_HARD, right.sum())]
    chosen = np.zeros(len(labels), bool)
    chosen[least] = True
    cases = dbn_figures.in_scan_order(chosen, labels)
    return figures.gallery(
        test.pixels[cases] / 255.0,
        [f"{labels[i]}: {100 * sure[i]:.0f} %" for i in cases],
        title=f"The {len(cases)} hardest test digits that it gets right, of {right.sum()}: class "
        "and the probability that it gives it",
        columns=10,
    )
