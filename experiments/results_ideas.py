"""The three ideas in RESULTS.md, from the `result.json` of runs of `experiments.three_ideas`."""

from typing import Any

import numpy as np

from experiments import ideas_report, three_ideas_chart
from experiments.results_files import MADE
from experiments.results_forms import NUMBER
from experiments.results_markdown import NONE, duration, table, wrap

IDEAS_FORM = MADE | {
    "cases": {"training": int, "validation": int, "test": int},
    "cells": [
        {
            "era": set(three_ideas_chart.ERAS),
            "method": set(three_ideas_chart.METHODS),
            "depth": str,
            "layers": [int],
            "rate": NUMBER,
            "seeds": [int],
            "validation": [int],
            "test": [int],
            "epochs": [int],
            "seconds": {str: NUMBER},
        }
    ],
}

ABOUT_IDEAS = """\
The lecture's three ideas on {training:,} training images: no pretraining, each layer supervised,
each layer unsupervised by auto-encoders or RBMs, then a softmax layer and backpropagation through
all of it. {validation:,} validation images chose rate and epoch; pixels are intensities, the answer
is the softmax, errors are those of {test:,} test images. Means over seeds with 95 % t-intervals;
the gain over no pretraining is that of the same era and depth, with Welch's interval."""


def ideas(record: dict[str, Any]) -> list[str]:
    """A row a cell, with what it gains over no pretraining."""
    n, gains = record["cases"], ideas_report.gains(record)
    rows = []
    for cell in record["cells"]:
        gained = gains.get((cell["era"], cell["depth"], cell["method"]))
        paper = ideas_report.ERRORS_OF_PAPER.get((cell["method"], cell["depth"]))
        row = [cell["era"], "-".join(map(str, cell["layers"])), cell["method"]]
        row += [f"{cell['rate']:g}", f"{np.mean(cell['epochs']):.0f}"]
        row += [spread(cell[split], n[split]) for split in ("validation", "test")]
        row.append(NONE if gained is None else "{:.2f} ({:.2f} to {:.2f})".format(*gained))
        row.append(NONE if paper is None else f"{paper:.1f}")
        rows.append([*row, duration(sum(cell["seconds"].values()))])
    header = ["era", "hidden units", "method", "rate", "epochs", "validation, %", "test, %"]
    header += ["gain over none, points", ideas_report.PAPER, "wall time"]
    seeds = dict.fromkeys(seed for cell in record["cells"] for seed in cell["seeds"])
    eras = "; ".join(f"{era}: {words}" for era, words in three_ideas_chart.ERAS.items())
    about = f"{ABOUT_IDEAS.format(**n)} Seeds {', '.join(map(str, seeds))}. Eras: {eras}."
    verdicts = [wrap(f"- {line}.") for line in ideas_report.verdicts(record)]
    return [wrap(about.replace("\n", " ")), table(header, rows), "\n".join(verdicts)]


def spread(counts: list[int], n: int) -> str:
    """The mean of error counts in per cent, with its interval where there are several."""
    rates = ideas_report.per_cent(counts, n)
    half = ideas_report.half_width(rates)
    return f"{np.mean(rates):.2f}" + (f" ± {half:.2f}" if len(counts) > 1 else "")
