"""The nets tuned for discrimination: their files, a short table for README, and their bars.

A preset's run stands in the file of its name, such as `results/classifiers/tr.json`, and is what
the short table and the bars speak of; further runs stand there by other names.
"""

from typing import Any, NamedTuple

import numpy as np

from experiments.common.records import ALL, CHOSEN, Source
from experiments.common.tables import NONE, Target, table
from experiments.hybrid.config import CONTRASTIVE, PRETRAINING
from experiments.mnist_classifier.config import TABLE, UNPRETRAINED


class Row(NamedTuple):
    """A line of the short table: what the report has, what is found, what is asked of it.

    Attributes:
      title: what it is.
      paper: test errors in per cent as they stand there.
      found: ours, of each net.
      bar: the largest that this project asks of the mean, or of each where `each`.
      each: whether every net must reach the bar.
    """

    title: str
    paper: str
    found: list[float]
    bar: float | None = None
    each: bool = False


def summary(runs: list[Source], hybrids: list[Source]) -> list[Row]:
    """Returns the lines of the short table, those without a result left out."""
    records = {run.name: run.record for run in runs if run.name == run.record["preset"]}

    def errors(preset: str, stage: str = CHOSEN) -> list[float]:
        found = records.get(preset, {"nets": []})
        return [rate(net[stage], found["cases"]) for net in found["nets"] if stage in net]

    def product(preset: str, stage: str) -> list[float]:
        found = records.get(preset, {"products": {}})
        return [rate(x, found["cases"]) for name, x in found["products"].items() if name == stage]

    def hybrid(form: str) -> list[float]:
        found = [run.record for run in hybrids if run.record["config"]["form"] == form]
        return [100 * run["errors"][ALL]["test"] / run["cases"]["test"] for run in found]

    rows = [
        Row("three nets, 50,000 cases", "1.22, 1.16, 1.24", errors(TABLE), 1.25, each=True),
        Row("their product", "1.10", product(TABLE, CHOSEN), 1.10),
        Row("three nets, all 60,000", "1.13, 1.06, 1.18", errors(TABLE, ALL), 1.12),
        Row("their product", "1.06", product(TABLE, ALL), 1.05),
        Row("not pretrained, logistic units, 50,000 cases", NONE, errors(UNPRETRAINED)),
        Row("not pretrained, logistic units, all 60,000", "2.27", errors(UNPRETRAINED, ALL)),
        Row("not pretrained, rectified units, 50,000 cases", NONE, errors("rectified")),
        Row("with dropout, 50,000 cases", NONE, errors("dropout")),
        Row("their product", NONE, product("dropout", CHOSEN)),
        Row("with dropout, all 60,000", "0.92 elsewhere", errors("dropout", ALL), 1.0),
        Row("their product", NONE, product("dropout", ALL)),
        Row("images shifted by up to 2 pixels, 50,000 cases", NONE, errors("translations")),
        Row(
            "images shifted by up to 2 pixels, all 60,000",
            "0.65, a mean",
            errors("translations", ALL),
            0.65,
        ),
        Row("hybrid gradient, all 60,000", "0.97", hybrid(CONTRASTIVE), 0.97, each=True),
        Row("its cheaper form, all 60,000", "worse", hybrid(PRETRAINING)),
    ]
    return [row for row in rows if row.found]


def rate(asked: dict[str, Any], cases: dict[str, int]) -> float:
    """Returns the test error of what a net said, in per cent."""
    errors: int = asked["test"]["errors"]
    return 100 * errors / cases["test"]


def bars(runs: list[Source], hybrids: list[Source]) -> list[str]:
    """Says of every bar of this project for these nets whether it is met."""
    rows = []
    for row in summary(runs, hybrids):
        if row.bar is not None:
            found = max(row.found) if row.each else float(np.mean(row.found))
            several = len(row.found) > 1
            what = ("largest " if row.each else "mean ") if several else ""
            verdict = Target(row.title, row.bar).verdict(round(found, 6))
            rows.append([row.title, f"{row.bar:.2f} %", f"{what}{found:.2f} %", verdict])
    about = "Bars that this project set itself, for test errors:"
    return [about, table(["", "at most", "here", "verdict"], rows)] if rows else []


def headline(runs: list[Source], hybrids: list[Source]) -> str | None:
    """Returns the short table, for README; None without any run."""
    rows = [
        [row.title, row.paper, ", ".join(f"{x:.2f}" for x in row.found)]
        for row in summary(runs, hybrids)
    ]
    return table(["test error, %", "TR 2006-004", "here"], rows) if rows else None
