"""What `python -m experiments.few_labels` runs: net by net, setting by setting, draw by draw.

When all learning is over, the chosen nets are asked about the test cases.

Validation errors choose the round of every net, and the setting of a method for so many labels:
that whose net of the first draw has the fewest, the first of equals. Every net has a record, and
the chosen ones are saved; a run that was stopped goes on after its last record.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from dbnjax import checks
from dbnjax.data import sources
from dbnjax.training import evaluate, loop, metrics, partly_labelled
from dbnjax.weights import io
from experiments.common import cases, resumable, stacks, workdir
from experiments.few_labels import report, train
from experiments.few_labels.config import MISSING, Config, Setting
from experiments.few_labels.report import Record, Row
from experiments.few_labels.train import Cell, Task

FIT = "fit"  # the stage of a net's record
METRICS = "metrics.jsonl"


def run(config: Config) -> dict[str, Any]:
    """Learns, judges and saves the nets, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, the data, the stack or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    config.check_options()
    source = sources.load(config.dataset, config.data_dir)
    splits = stacks.divide(config, source)[0]
    below = stacks.prepare(config, source, splits, 0, "stack")
    partly_labelled.check("--labels", below.data.labels, source.n_classes, config.labels)
    n = len(below.data.labels)
    checks.require(
        MISSING not in config.methods or max(config.labels) < n,
        f"--labels: expected fewer than the {n} training cases, so that some are without a label, "
        f"got {max(config.labels)}",
    )
    given = stacks.read(config.stack, below) if config.stack else None

    def learn(folder: Path) -> tuple[Record, resumable.Makers]:
        stack = stacks.learn(below, stacks.plan(config), config) if given is None else given
        task = Task(**vars(below), stack=stack)
        learned = learn_all(task, folder)
        test = cases.put(splits.test, source.n_classes, 1, balanced=False)
        return result(task, learned, test, folder), {}

    learned_from = {"data_dir": splits, "stack": given}
    return resumable.run(config, report.REPORT, learned_from, learn)


def learn_all(task: Task, folder: Path) -> list[list[dict[str, Any]]]:
    """Learns all nets that have no record yet.

    Args:
      task: what they share.
      folder: for `metrics.jsonl`, and the chosen nets in `nets`.

    Returns:
      For every number of labels and method, in this order, the records of the chosen nets of all
      draws.
    """
    config = task.config
    found = [record for record in metrics.read(folder / METRICS) if record["stage"] == FIT]
    known = {str(cell_of(record)): record for record in found}
    asked = [(n_labels, method) for n_labels in config.labels for method in config.methods]
    total = sum(len(config.settings(method)) + config.draws - 1 for _, method in asked)
    with metrics.progress(total, "few labels", unit="net", done=len(known)) as advance:

        def obtain(cell: Cell, most: float) -> dict[str, Any]:
            if str(cell) not in known:
                known[str(cell)] = found = learn_one(task, cell, folder, most)
                advance({"labels": cell.labels, "validation errors": found["validation"]})
            return known[str(cell)]

        return [choose(config, n_labels, method, obtain) for n_labels, method in asked]


def choose(
    config: Config, n_labels: int, method: str, obtain: Callable[[Cell, float], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Tries a method's settings on the first draw, and takes the best for the others.

    Args:
      config: the experiment's options.
      n_labels: labelled cases.
      method: the method.
      obtain: `obtain(cell, most)` returns the record of a net, which is saved if it has fewer
        validation errors than `most`.

    Returns:
      The records of the best setting, one a draw.
    """
    best: dict[str, Any] = {"validation": math.inf}
    for setting in config.settings(method):
        found = obtain(Cell(n_labels, method, 0, setting), best["validation"])
        best = found if found["validation"] < best["validation"] else best
    chosen = Setting(**best["setting"])
    others = range(1, config.draws)
    return [best, *(obtain(Cell(n_labels, method, i, chosen), math.inf) for i in others)]


def learn_one(task: Task, cell: Cell, folder: Path, most: float) -> dict[str, Any]:
    """Learns a net, saves it if it has fewer validation errors than `most`, and records it."""
    began = time.perf_counter()
    seen, curve = train.fit(task, cell)
    record = {
        "stage": FIT,
        **cell._asdict(),
        "setting": cell.setting._asdict(),
        "validation": int(seen.errors),
        "round": int(seen.epoch),
        "curve": curve,
        "seconds": time.perf_counter() - began,
    }
    if record["validation"] < most:
        io.save(path(folder, cell), seen.best, {"few_labels": record, **task.about})
    metrics.append(folder / METRICS, record)
    return record


def result(task: Task, chosen: list[list[dict[str, Any]]], test: loop.Data, folder: Path) -> Record:
    """Asks every chosen net about the test cases.

    Args:
      task: what the nets share.
      chosen: records as `train.learn` returns them.
      test: test cases on the device.
      folder: of the run.
    """
    made, given = workdir.described(folder, task.config), task.config.stack
    # How a given stack was learned stands in its own record.
    config = {k: v for k, v in made["config"].items() if not (given and k.startswith("greedy"))}
    return {
        **made,
        "config": cast(Any, config),
        "seed": task.config.seed,
        "cases": {
            "train": len(task.data.labels),
            "validation": len(task.held_out.labels),
            "test": len(test.labels),
        },
        "rows": [row(task, records, test, folder) for records in chosen],
        "stack": stacks.record(given or stacks.path(task)),
    }


def row(task: Task, records: list[dict[str, Any]], test: loop.Data, folder: Path) -> Row:
    """Returns a point of the curve: a method's errors with so many labels, one a draw."""
    first, errors = records[0], []
    for record in records:
        net, _ = io.load(path(folder, cell_of(record)))
        asked = train.asked(task, first["method"], net)
        errors.append(len(evaluate.measure(asked, test).wrong))
    return {
        "labels": first["labels"],
        "method": first["method"],
        "setting": first["setting"],
        "draws": [record["draw"] for record in records],
        "chosen_by": len(task.choosing(first["labels"]).labels),
        "validation": [record["validation"] for record in records],
        "test": errors,
        "rounds": [record["round"] for record in records],
        "seconds": sum(record["seconds"] for record in records),
    }


def path(folder: Path, cell: Cell) -> Path:
    """Returns the file of the chosen net of a cell."""
    return folder / "nets" / f"{cell.name}.safetensors"


def cell_of(record: dict[str, Any]) -> Cell:
    """Returns which net a record is of."""
    setting = Setting(**record["setting"])
    return Cell(record["labels"], record["method"], record["draw"], setting)
