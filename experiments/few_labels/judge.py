"""What `few_labels` measures when all learning is over: the chosen nets on the test cases."""

from pathlib import Path
from typing import Any, cast

from dbnjax.training import evaluate, loop
from dbnjax.weights import io
from experiments.common import stacks, workdir
from experiments.few_labels import train
from experiments.few_labels.config import Setting
from experiments.few_labels.report import Record, Row
from experiments.few_labels.train import Cell, Task


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
        log_p = train.log_probabilities(task, first["method"], net, test)
        errors.append(len(evaluate.judge(log_p, test).wrong))
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
