"""What `python -m experiments.three_ideas` runs."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from dbnjax.data import preparation, sources
from dbnjax.training import metrics
from experiments.common import cases, resumable, workdir
from experiments.three_ideas import report, train
from experiments.three_ideas.config import NONE, RATES, Config, Pretraining
from experiments.three_ideas.report import Cell, Record
from experiments.three_ideas.train import Pretrained, Task

METRICS = "metrics.jsonl"


def run(config: Config) -> dict[str, Any]:
    """Compares the methods, or goes on with an unfinished run.

    Returns:
      What `result.json` holds.

    Raises:
      InputError: an option, the images or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite in pretraining.
    """
    config.check_options()
    task = prepare(config)

    def finish(folder: Path) -> tuple[Record, resumable.Makers]:
        return result(task, learn(task, folder / METRICS), folder), {}

    learned_from = {"data_dir": (task.data, task.held_out, task.test)}
    copies = {resumable.RESULT: config.output, report.FIGURE: config.figure}
    return resumable.run(config, report.REPORT, learned_from, finish, copies)


def prepare(config: Config) -> Task:
    """Reads and splits the images and puts them on the device."""
    source = sources.load(config.dataset, config.data_dir)
    splits = preparation.make_splits(
        source, config.n_train, config.n_validation, config.n_test or None, config.split_seed
    )
    return Task(
        config=config,
        n_classes=source.n_classes,
        data=cases.put(splits.train, source.n_classes, config.batch_size),
        held_out=cases.put(splits.validation, source.n_classes, 1),
        test=cases.put(splits.test, source.n_classes, 1),
    )


def learn(task: Task, records: Path) -> list[Cell]:
    """Learns the cells that are not recorded yet, and returns the records of all in order."""
    config = task.config
    known: dict[tuple[str, ...], Any] = {
        (cell["era"], cell["method"], cell["depth"]): cell for cell in metrics.read(records)
    }
    for which in config.pretrainings:
        missing = {name: n for name, n in config.depths.items() if (*which, name) not in known}
        pretrained = train.pretrain(task, which, max(missing.values())) if missing else []
        for name, n in missing.items():
            cell = judge(task, which, name, pretrained[:n])
            metrics.append(records, {"stage": "cell", **cell})
            known[(*which, name)] = cell
    for cell in known.values():
        cell.pop("stage", None)
    return [known[(*which, name)] for which in config.pretrainings for name in config.depths]


def judge(task: Task, which: Pretraining, depth: str, pretrained: Sequence[Pretrained]) -> Cell:
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
