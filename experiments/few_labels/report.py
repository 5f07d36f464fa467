"""What `few_labels` comes to: a record, a table and the curve.

Two intervals of 95 %, since two things are small samples: over the draws of labelled cases, a
t-interval of the mean; over the test cases, Wilson's of the mean number of errors. What a method
gains over the net without pretraining is compared draw by draw: both have the same labelled cases.
"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dbnjax.training import evaluate, loop
from dbnjax.weights import io
from experiments.common import provenance, stacks, workdir
from experiments.common.statistics import half_width, per_cent, wilson
from experiments.few_labels import methods as few_labels_methods
from experiments.few_labels import train
from experiments.few_labels.config import UNPRETRAINED
from experiments.few_labels.methods import WORDS
from experiments.few_labels.task import Task
from experiments.few_labels.train import Record

FREE = ("workdir", "save_every", "data_dir")  # what a resumed run may change


def result(
    task: Task, chosen: list[list[Record]], test: loop.Data, stack_file: str, folder: Path
) -> Record:
    """Asks every chosen net about the test cases, now that all learning is over.

    Args:
      task: what the nets share.
      chosen: records as `few_labels.train.learn` returns them.
      test: test cases on the device.
      stack_file: where the stack stands.
      folder: of the run.
    """
    config = dataclasses.replace(task.config, stack=provenance.numbered(task.config.stack))
    kept = ("command", "commit", "number", "seconds", "epochs")
    pretraining = stacks.record(stack_file)
    named: tuple[str, ...] = (*workdir.PLACES, *FREE)  # places of the one who runs it
    # How a given stack was learned stands in its own record.
    named += tuple(name for name in vars(config) if config.stack and name.startswith("greedy"))
    return {
        "cases": {
            "train": len(task.data.labels),
            "validation": len(task.held_out.labels),
            "test": len(test.labels),
        },
        "rows": [row(task, records, test, folder) for records in chosen],
        "stack": {name: pretraining[name] for name in kept},
        "seed": config.seed,
        "command": provenance.command("experiments.few_labels", config, {}, FREE[:2]),
        "config": {k: v for k, v in dataclasses.asdict(config).items() if k not in named},
        **workdir.origin(folder),
    }


def row(task: Task, records: list[Record], test: loop.Data, folder: Path) -> Record:
    """Returns a point of the curve: a method's errors with so many labels, one a draw."""
    first = records[0]
    errors = []
    for record in records:
        name = train.cell_of(record).name
        net, _ = io.load(train.path(folder, name))
        log_p = few_labels_methods.log_probabilities(task, first["method"], net, test)
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


def interval_over_cases(errors: Sequence[int], n: int) -> tuple[float, float]:
    """Returns Wilson's interval of the mean number of errors among n cases, in per cent."""
    low, high = wilson(round(float(np.mean(errors))), n)
    return 100.0 * low, 100.0 * high


def gain(record: Record, of: Record) -> tuple[float, float] | None:
    """Returns what a row gains over the net without pretraining, and half its 95 % interval.

    In points of per cent, draw by draw; None if there is no such row, or it is that row.
    """
    n = record["cases"]["test"]
    for other in record["rows"]:
        if other["labels"] == of["labels"] and other["method"] == UNPRETRAINED != of["method"]:
            pairs = zip(other["test"], of["test"], strict=True)
            fewer = per_cent([theirs - own for theirs, own in pairs], n)
            return float(np.mean(fewer)), half_width(fewer) if len(fewer) > 1 else math.inf
    return None


def words(setting: Record) -> str:
    """Returns a setting as a table shows it."""
    parts = ["-".join(map(str, setting["hidden"])) or "none"]
    parts += [f"{name} {setting[name]:g}" for name in ("decay", "dropout") if setting[name]]
    return ", ".join(parts)


def table(record: Record) -> str:
    """Lays out the rows as text."""
    n, lines = record["cases"]["test"], []
    lines.append(
        f"{'labels':>7}  {'method':<31}{'hidden units':<32}{'validation':>11}{'test error (%)':>17}"
        f"{'over test cases':>18}{'gain over no pretraining':>27}"
    )
    for one in record["rows"]:
        errors = per_cent(one["test"], n)
        low, high = interval_over_cases(one["test"], n)
        found = gain(record, one)
        test = f"{np.mean(errors):.2f} +- {half_width(errors):.2f}"
        chosen = f"{100.0 * np.mean(one['validation']) / one['chosen_by']:.2f}"
        last = "" if found is None else f"{found[0]:.2f} +- {found[1]:.2f}"
        lines.append(
            f"{one['labels']:>7}  {WORDS[one['method']]:<31}{words(one['setting']):<32}{chosen:>11}"
            f"{test:>17}{f'{low:.2f} to {high:.2f}':>18}{last:>27}".rstrip()
        )
    draws = len(record["rows"][0]["draws"])
    return "\n".join([*lines, f"(means over {draws} draws of the labelled cases, 95 % intervals)"])


def draw(record: Record) -> Figure:
    """Draws test error against the number of labels, both axes logarithmic."""
    n = record["cases"]["test"]
    figure = Figure(figsize=(8.0, 5.4), layout="constrained")
    axes = figure.add_subplot()
    methods = list(dict.fromkeys(one["method"] for one in record["rows"]))
    for i, method in enumerate(methods):
        rows = [one for one in record["rows"] if one["method"] == method]
        errors = [per_cent(one["test"], n) for one in rows]
        beside = 1.03 ** (i - (len(methods) - 1) / 2)  # so that intervals do not hide each other
        x = [one["labels"] * beside for one in rows]
        halves = [half_width(values) for values in errors]
        axes.errorbar(x, np.mean(errors, axis=1), halves, marker="o", markersize=4, capsize=3,
                      linewidth=1.4, color=f"C{i}", label=WORDS[method])  # fmt: skip
        for place, values in zip(x, errors, strict=True):
            axes.plot([place] * len(values), values, ".", color=f"C{i}", markersize=3, alpha=0.6)
    labels = sorted({one["labels"] for one in record["rows"]})
    axes.set(xscale="log", yscale="log", xlabel="labelled cases", ylabel="test error (%)")
    axes.set_xticks(labels, [f"{count:,}" for count in labels])
    axes.minorticks_off()
    axes.set_yticks(
        *_ticks([value for one in record["rows"] for value in per_cent(one["test"], n)])
    )
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    axes.set_title(f"Few labels among {record['cases']['train']:,} images")
    draws = len(record["rows"][0]["draws"])
    figure.supxlabel(
        f"Means over {draws} draws of the labelled cases with the 95 % t-interval; small dots: "
        "single draws.", fontsize="small"
    )  # fmt: skip
    return figure


def _ticks(values: Sequence[float]) -> tuple[list[float], list[str]]:
    """Returns round numbers that span values, and how they are written."""
    low, high = min(values), max(values)
    ladder = [m * 10.0**e for e in range(-2, 2) for m in (1, 2, 5)] + [100.0]
    chosen = [tick for tick in ladder if low / 2.5 <= tick <= high * 2.5]
    return chosen, [f"{tick:g}" for tick in chosen]
