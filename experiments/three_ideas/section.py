"""The three ideas in RESULTS.md, from the `result.json` of runs of `experiments.three_ideas`."""

from typing import Any

import numpy as np

from experiments.common.record_files import MADE
from experiments.common.records import NUMBER
from experiments.common.tables import NONE, duration, spread, table, wrap
from experiments.three_ideas import chart, report

IDEAS_FORM = MADE | {
    "config": {"tuning_epochs": int, "patience": int},
    "cases": {"training": int, "validation": int, "test": int},
    "cells": [
        {
            "era": set(chart.ERAS),
            "method": set(chart.METHODS),
            "depth": str,
            "layers": [int],
            "rate": NUMBER,
            "seeds": [int],
            "validation": [int],
            "test": [int],
            "epochs": [int],
            "tried": [{"rate": NUMBER}],
            "seconds": {str: NUMBER},
        }
    ],
}

ABOUT_IDEAS = """\
The lecture's three ideas on {training:,} training images: no pretraining, each layer supervised,
each layer unsupervised by auto-encoders or RBMs, then a softmax layer and backpropagation through
all of it. {validation:,} validation images chose {chosen}; pixels are intensities, the answer is
the softmax, errors are those of {test:,} test images. Means over seeds with 95 % t-intervals;
the gain over no pretraining is that of the same era and depth, with Welch's interval."""
ABOUT_VERDICTS = """\
Where the interval of the gain leaves out zero; it is over seeds alone, of one test set, and nothing
is corrected for the number of comparisons:"""


def ideas(record: dict[str, Any]) -> list[str]:
    """A row a cell, with what it gains over no pretraining."""
    n, gains = record["cases"], report.gains(record)
    rows = []
    for cell in record["cells"]:
        gained = gains.get((cell["era"], cell["depth"], cell["method"]))
        paper = report.ERRORS_OF_PAPER.get((cell["method"], cell["depth"]))
        row = [cell["era"], "-".join(map(str, cell["layers"])), cell["method"]]
        row += [f"{cell['rate']:g}", f"{np.mean(cell['epochs']):.0f}"]
        row += [spread(cell[split], n[split]) for split in ("validation", "test")]
        row.append(NONE if gained is None else "{:.2f} ({:.2f} to {:.2f})".format(*gained))
        row.append(NONE if paper is None else f"{paper:.1f}")
        rows.append([*row, duration(sum(cell["seconds"].values()))])
    header = ["era", "hidden units", "method", "rate", "epochs", "validation, %", "test, %"]
    header += ["gain over none, points", report.PAPER, "wall time"]
    seeds = dict.fromkeys(seed for cell in record["cells"] for seed in cell["seeds"])
    eras = "; ".join(f"{era}: {words}" for era, words in chart.ERAS.items())
    rates = max(len(cell["tried"]) for cell in record["cells"])
    chosen = f"one of {rates} rates and the epoch" if rates > 1 else "the epoch, at the era's rate"
    about = f"{ABOUT_IDEAS.format(**n, chosen=chosen)} Seeds {', '.join(map(str, seeds))}. "
    about += f"{capped(record)} Eras: {eras}."
    verdicts = [wrap(f"- {line}.") for line in report.verdicts(record)]
    says = wrap(ABOUT_VERDICTS.replace("\n", " "))
    return [wrap(about.replace("\n", " ")), table(header, rows), says, "\n".join(verdicts)]


def capped(record: dict[str, Any]) -> str:
    """In how many cells the best epoch lies close to the last that was given."""
    most, patience = record["config"]["tuning_epochs"], record["config"]["patience"]
    late = sum(max(cell["epochs"]) > most - patience for cell in record["cells"])
    return (
        f"Tuning had at most {most} epochs; in {late} of {len(record['cells'])} cells the best one "
        f"of some seed is among the last {patience}, and more might give fewer errors."
    )
