"""What `three_ideas` comes to: a record, a table, and where pretraining helps."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.common import provenance, workdir
from experiments.common.statistics import gain, half_width, per_cent
from experiments.three_ideas import config as ideas_config
from experiments.three_ideas.methods import NONE
from experiments.three_ideas.train import Task

PAPER = "Bengio et al. 2006, of 50,000 cases"
# Test errors in per cent of the lecture's chart, by method and depth.
ERRORS_OF_PAPER = {
    (NONE, "shallow"): 1.9,
    (NONE, "deep"): 2.4,
    ("supervised", "deep"): 2.0,
    ("cross_entropy", "deep"): 1.4,
    ("rbm", "deep"): 1.2,
}


def result(task: Task, cells: Sequence[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Returns all that RESULTS.md and the figure need of a finished run."""
    config = task.config
    named = (*workdir.PLACES, *ideas_config.FREE)  # places of the one who runs it
    splits = {"training": task.data, "validation": task.held_out, "test": task.test}
    return {
        "cases": {name: len(data.labels) for name, data in splits.items()},
        "cells": [{k: v for k, v in cell.items() if k != "stage"} for cell in cells],
        "command": provenance.command("experiments.three_ideas", config, {}, ideas_config.FREE),
        "config": {k: v for k, v in dataclasses.asdict(config).items() if k not in named},
        **workdir.origin(folder),
    }


def gains(record: dict[str, Any]) -> dict[tuple[str, str, str], tuple[float, float, float]]:
    """Returns by era, depth and method what it gains over no pretraining, in points of per cent."""
    errors = {
        (cell["era"], cell["depth"], cell["method"]): per_cent(
            cell["test"], record["cases"]["test"]
        )
        for cell in record["cells"]
    }
    return {
        (era, depth, method): gain(errors[era, depth, NONE], its_own)
        for (era, depth, method), its_own in errors.items()
        if method != NONE and (era, depth, NONE) in errors
    }


def verdicts(record: dict[str, Any]) -> list[str]:
    """Says for each era and depth which methods are ahead of no pretraining, or behind.

    That is, the 95 % interval of the difference, over seeds alone, leaves out zero.
    """
    gained, lines = gains(record), []
    for era, depth in dict.fromkeys(name[:2] for name in gained):
        of_these = {name: g for (*place, name), g in gained.items() if place == [era, depth]}
        ahead = [name for name, (_, low, _) in of_these.items() if low > 0]
        behind = [name for name, (_, _, high) in of_these.items() if high < 0]
        lines.append(
            f"{era}, {depth}: ahead of no pretraining: {', '.join(ahead) or 'no method'}; "
            f"behind: {', '.join(behind) or 'no method'}"
        )
    return lines


def table(record: dict[str, Any]) -> str:
    """Lays out the cells as text, then says where pretraining helps."""
    n = record["cases"]
    gained = gains(record)
    lines = [
        f"{'era':<11}{'depth':<9}{'method':<20}{'rate':>7}{'epochs':>8}{'training':>10}"
        f"{'validation':>12}{'test error (%), 95 %':>22}{'  gain over none (95 %)'}"
    ]
    for cell in sorted(record["cells"], key=lambda cell: (cell["era"], len(cell["layers"]))):
        errors = per_cent(cell["test"], n["test"])
        test = f"{np.mean(errors):.2f} +- {half_width(errors):.2f}"
        means = [np.mean(per_cent(cell[split], n[split])) for split in ("training", "validation")]
        found = gained.get((cell["era"], cell["depth"], cell["method"]))
        last = "" if found is None else "  {:.2f} ({:.2f} to {:.2f})".format(*found)
        lines.append(
            f"{cell['era']:<11}{cell['depth']:<9}{cell['method']:<20}{cell['rate']:>7g}"
            f"{np.mean(cell['epochs']):>8.0f}{means[0]:>10.2f}{means[1]:>12.2f}{test:>22}{last}"
        )
    says = "Where the 95 % interval over seeds, of one test set, leaves out zero:"
    return "\n".join([*lines, "", says, *verdicts(record)])
