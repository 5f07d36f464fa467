"""Reports of experiments that have no `Record`, `check` and `sections` in their `report` yet.

An entry goes when its experiment has; none is added.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmark import report as benchmark_report
from experiments.common import record_files, resumable
from experiments.common.record_files import Measured, Shipped, Source
from experiments.common.records import check_lengths
from experiments.common.sections import charted
from experiments.common.tables import Table
from experiments.few_labels import report as few_labels_report
from experiments.few_labels.section import FEW_FORM, few
from experiments.results.shipped import speed
from experiments.sweep import report as sweep_report

FEW_LISTS = ("draws", "rounds", "validation", "test")
FEW_SHOWS = "test error against the number of labels"
FEW_REPORT = resumable.Report(
    FEW_FORM,
    lambda record: Table([], []),
    draw=lambda record: {"few_labels.png": lambda: few_labels_report.draw(record)},
)
Check = Callable[[Path, dict[str, Any]], None]


class Part(NamedTuple):
    """What stands in the place of an experiment's `report`, names as there."""

    Record: Any
    sections: Callable[[list[Source]], list[str]]
    check: Check = lambda path, record: None
    SHOWS: str = ""
    REPORT: Any = None


def sweeps(runs: list[Source]) -> list[str]:
    """The sections of the sweeps."""
    parts = ["## Sweeps, on validation cases"] if runs else []
    for run in runs:
        parts += sweep_report.one_sweep(run)
    return parts


def measured(runs: list[Source]) -> list[str]:
    """What the benchmark measured, and whether it meets the targets."""
    return [
        part for run in runs for part in (*speed(run.record), *benchmark_report.speed(run.record))
    ]


def scaled(runs: list[Source]) -> list[str]:
    """The table of scaling."""
    return [part for run in runs for part in ("### Weak scaling", *speed(run.record))]


STILL = {
    "ship": Part(Shipped, lambda runs: []),  # it stands in other parts
    "sweep": Part(sweep_report.Record, sweeps),
    "few_labels": Part(
        FEW_FORM,
        lambda runs: charted("few_labels", "Few labels", FEW_SHOWS, runs, few),
        lambda path, record: check_lengths(path, "rows", record["rows"], FEW_LISTS),
        FEW_SHOWS,
        FEW_REPORT,
    ),
    "benchmark": Part(Measured, measured, record_files.check_cells),
    "scaling": Part(Measured, scaled, record_files.check_cells),
}
