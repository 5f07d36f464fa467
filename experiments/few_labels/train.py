"""Learning the nets of `few_labels`: round by round, setting by setting, draw by draw.

Validation errors choose the round of every net, and the setting of a method for so many labels:
that whose net of the first draw has the fewest, the first of equals. Every net has a record, and
the chosen ones are saved; a run that was stopped goes on after its last record.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from dbnjax.training import early_stopping, evaluate, metrics, stages
from dbnjax.weights import io
from experiments.few_labels import config as few_labels_config
from experiments.few_labels import methods
from experiments.few_labels import task as few_labels_task
from experiments.few_labels.config import Config, Setting
from experiments.few_labels.task import Cell, Task

FIT = "fit"  # the stage of a net's record
METRICS = "metrics.jsonl"
Record = dict[str, Any]


def fit(task: Task, cell: Cell) -> tuple[early_stopping.Watch, list[int]]:
    """Learns one net until the two-condition rule holds or its rounds are over.

    Returns:
      What has been seen of it, the best parameters included, and the validation errors after each
      round.

    Raises:
      DivergenceError: a parameter stopped being finite.
    """
    config = task.config
    way = methods.way(task, cell.method, cell.setting)
    rounds, held_out = few_labels_task.rounds(task, cell), task.choosing(cell.labels)
    key_start, key_rounds = jax.random.split(few_labels_task.key_of(task, cell))
    begin = methods.start(task, key_start, cell.method, cell.setting)
    seen, curve = early_stopping.watch(way.learner.init(key_start, begin)), []
    for i in range(config.rounds):
        key, data = jax.random.fold_in(key_rounds, i), rounds.data(cell.draw, i)
        state, report = way.program(key, way.hyper, seen.learner, way.below, data)
        if not report.finite:
            raise stages.DivergenceError(
                f"diverged: a parameter of {cell.name} is not finite after round {i + 1}; expected "
                "finite numbers, so the learning rate is probably too large"
            )
        log_p = methods.log_probabilities(task, cell.method, state.params, held_out)
        found = evaluate.judge(log_p, held_out)
        curve.append(len(found.wrong))
        seen = early_stopping.look(seen, state, curve[-1], found.cost)
        if early_stopping.done(seen, config.patience):
            break
    return seen, curve


def learn(task: Task, folder: Path) -> list[list[Record]]:
    """Learns all nets that have no record yet.

    Args:
      task: what they share.
      folder: for `metrics.jsonl`, and the chosen nets in `nets`.

    Returns:
      For every number of labels and method, in this order, the records of the chosen nets of all
      draws.
    """
    config = task.config
    known = {
        identity(cell_of(record)): record
        for record in metrics.read(folder / METRICS)
        if record["stage"] == FIT
    }
    asked = [(n_labels, method) for n_labels in config.labels for method in config.methods]
    total = sum(n_nets(config, method) for _, method in asked)
    with metrics.progress(total, "few labels", unit="net", done=len(known)) as advance:

        def obtain(cell: Cell, most: float) -> Record:
            if identity(cell) not in known:
                known[identity(cell)] = found = learn_one(task, cell, folder, most)
                advance({"labels": cell.labels, "validation errors": found["validation"]})
            return known[identity(cell)]

        return [choose(config, n_labels, method, obtain) for n_labels, method in asked]


def n_nets(config: Config, method: str) -> int:
    """Returns how many nets a method learns for each number of labels."""
    return len(few_labels_config.settings(config, method)) + config.draws - 1


def choose(
    config: Config, n_labels: int, method: str, obtain: Callable[[Cell, float], Record]
) -> list[Record]:
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
    best: Record = {"validation": float("inf")}
    for setting in few_labels_config.settings(config, method):
        found = obtain(Cell(n_labels, method, 0, setting), best["validation"])
        best = found if found["validation"] < best["validation"] else best
    chosen = Setting(**best["setting"])
    others = range(1, config.draws)
    return [best, *(obtain(Cell(n_labels, method, i, chosen), float("inf")) for i in others)]


def learn_one(task: Task, cell: Cell, folder: Path, most: float) -> Record:
    """Learns a net, saves it if it has fewer validation errors than `most`, and records it."""
    began = time.perf_counter()
    seen, curve = fit(task, cell)
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
        io.save(path(folder, cell.name), seen.best, {"few_labels": record, **task.about})
    metrics.append(folder / METRICS, record)
    return record


def path(folder: Path, name: str) -> Path:
    """Returns the file of the chosen net of a cell."""
    return folder / "nets" / f"{name}.safetensors"


def cell_of(record: Record) -> Cell:
    """Returns which net a record is of."""
    setting = Setting(**record["setting"])
    return Cell(record["labels"], record["method"], record["draw"], setting)


def identity(cell: Cell) -> str:
    """Returns what tells a net from all others of a run, the same before and after JSON."""
    return f"{cell.name} {cell.setting}"
