"""The sections of RESULTS.md that set methods side by side: three ideas, few labels, comparators.

They come from the `result.json` of runs of `experiments.three_ideas`, `few_labels` and
`comparators`, in folders of these names in `results/`; without a file its section is absent. The
charts beside them are drawn by `experiments.results_charts`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from experiments.common import record_files
from experiments.common.record_files import Source
from experiments.common.records import check_lengths
from experiments.common.tables import made
from experiments.comparators import report as comparators_report
from experiments.comparators.section import COMPARATORS_FORM, comparators
from experiments.few_labels import report as few_labels_report
from experiments.three_ideas import chart as three_ideas_chart
from experiments.three_ideas.section import IDEAS_FORM, ideas

DRAWN = "Drawn by `python -m experiments.results_charts`."


class Kind(NamedTuple):
    """A kind of comparison, from the result files of one folder.

    Attributes:
      heading: of its section.
      form: what a file must look like.
      rows: where its rows stand in it.
      lists: what holds one value a seed or a draw in each row.
      lay_out: makes the parts of the section, but for provenance and chart.
      draw: draws the chart.
      shows: what one sees in it, for those who do not.
    """

    heading: str
    form: Any
    rows: str
    lists: tuple[str, ...]
    lay_out: Callable[[dict[str, Any]], list[str]]
    draw: Callable[[dict[str, Any]], Figure]
    shows: str


KINDS = {
    "three_ideas": Kind(
        "Three ideas, side by side",
        IDEAS_FORM,
        "cells",
        ("seeds", "validation", "test", "epochs"),
        ideas,
        three_ideas_chart.draw,
        "test errors by method, depth and era",
    ),
    "few_labels": Kind(
        "Few labels",
        few_labels_report.Record,
        "rows",
        few_labels_report.LISTS,
        few_labels_report.section,
        few_labels_report.draw,
        few_labels_report.SHOWS,
    ),
    "comparators": Kind(
        "Comparators",
        COMPARATORS_FORM,
        "rows",
        (),
        comparators,
        comparators_report.draw,
        "test errors of the comparators beside the paper's",
    ),
}


def read(folder: Path) -> dict[str, list[Source]]:
    """Reads the comparisons of a results folder, by their own folders in it.

    Raises:
      InputError: a file is damaged.
    """
    found = {
        name: record_files.read_folder(folder / name, kind.form) for name, kind in KINDS.items()
    }
    for name, kind in KINDS.items():
        for run in found[name]:
            path = folder / name / f"{run.name}.json"
            if kind.lists:
                check_lengths(path, kind.rows, run.record[kind.rows], kind.lists)
    return found


def chart(name: str, run: Source) -> str:
    """Returns the file name of a run's chart."""
    return f"{name}_{run.name}.png"


def sections(folder: Path) -> list[str]:
    """Returns the sections of a results folder, none without their files.

    Raises:
      InputError: a file is damaged.
    """
    parts: list[str] = []
    for name, runs in read(folder).items():
        kind = KINDS[name]
        parts += [f"## {kind.heading}"] if runs else []
        for run in runs:
            about, *rest = kind.lay_out(run.record)
            picture = f"![{kind.shows}](docs/images/{chart(name, run)})"
            parts += [f"### {name}, {run.name}", *made(run.record), about, picture, DRAWN, *rest]
    return parts
