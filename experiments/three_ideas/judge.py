"""What `three_ideas` measures: the errors of a cell's nets, and the record of all cells."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.common import workdir
from experiments.three_ideas import train
from experiments.three_ideas.config import NONE, RATES, Pretraining
from experiments.three_ideas.report import Cell, Record
from experiments.three_ideas.train import Pretrained, Task


def cell(task: Task, which: Pretraining, depth: str, pretrained: Sequence[Pretrained]) -> Cell:
    """Tunes nets of some depth and counts the errors of those that validation chooses.

    Args:
      task: what all cells share.
      which: how the layers were made.
      depth: its name.
      pretrained: as many layers as it has.

    Returns:
      The cell's record; lists have an entry a seed.
    """
    config, n = task.config, task.config.seeds
    began = time.perf_counter()
    layers = tuple(one.layer for one in pretrained)
    seen, curves = train.tune(task, which.era, f"{which.era}, {which.method}, {depth}", layers)
    tuning = time.perf_counter() - began
    validation = np.asarray(seen.errors).reshape(-1, n)
    rates = [RATES[which.era][NONE] * factor for factor in config.factors]
    chosen = int(validation.sum(1).argmin())
    members = slice(chosen * n, (chosen + 1) * n)
    nets = jax.tree.map(lambda x: x[members], seen.best)
    return {
        "era": which.era,
        "method": which.method,
        "depth": depth,
        "layers": list(config.layers[: len(layers)]),
        "seeds": list(range(config.seed, config.seed + n)),
        "rate": rates[chosen],
        "tried": [
            {"rate": rate, "validation": its_own}
            for rate, its_own in zip(rates, validation.tolist(), strict=True)
        ],
        "epochs": seen.epoch[members].tolist(),
        "training": train.count(nets, task.data).tolist(),
        "validation": validation[chosen].tolist(),
        "test": train.count(nets, task.test).tolist(),
        "curves": curves[members],
        "seconds": {"pretraining": sum(one.seconds for one in pretrained), "tuning": tuning},
    }


def result(task: Task, cells: Sequence[Cell], folder: Path) -> Record:
    """Returns all that RESULTS.md and the figure need of a finished run."""
    splits = {"training": task.data, "validation": task.held_out, "test": task.test}
    cases: Any = {name: len(data.labels) for name, data in splits.items()}
    return {**workdir.described(folder, task.config), "cases": cases, "cells": list(cells)}
