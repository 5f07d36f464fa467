"""What `few_labels` reports: the record of a run, its table and curve, its part of RESULTS.md.

Two intervals of 95 %, since two things are small samples: over the draws of labelled cases, a
t-interval of the mean; over the test cases, Wilson's of the mean number of errors. What a method
gains over the net without pretraining is compared draw by draw: both have the same labelled cases.
"""

import math
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
from matplotlib.figure import Figure

from dbnjax import figures
from dbnjax.scoring.statistics import half_width, per_cent
from experiments.common import records, resumable
from experiments.common.records import Cases, Made, Pretrained, Source
from experiments.common.tables import (
    NONE,
    Headline,
    Table,
    charted,
    duration,
    interval,
    render,
    spread,
    wrap,
)
from experiments.few_labels.config import METHODS, UNPRETRAINED

TITLE = "Few labels"  # of its page of results

LISTS = ("draws", "rounds", "validation", "test")  # of a row, an entry for each draw
SHOWS = "test error against the number of labels"


class Options(TypedDict):
    choose_by: Literal["all", "few"]
    rounds: int
    patience: int


class Chosen(TypedDict):
    hidden: list[int]
    decay: float
    dropout: float


class Row(TypedDict):
    labels: int
    method: Literal["pretrained", "unpretrained", "joint", "joint_labelled"]
    setting: Chosen
    draws: list[int]
    rounds: list[int]
    chosen_by: int  # validation cases
    validation: list[int]
    test: list[int]
    seconds: float


class Record(Made):
    """What `result.json` holds; errors are counts."""

    seed: int
    config: Options
    cases: Cases
    rows: list[Row]
    stack: Pretrained


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks that there is a number for each draw, as many in all rows.

    Raises:
      InputError: there is not.
    """
    records.check_lengths(path, "rows", record["rows"], LISTS)


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out a row for each method and number of labels."""
    n, rows = record["cases"]["test"], []
    for one in record["rows"]:
        gained = gain(record, one)
        cells = [f"{one['labels']:,}", METHODS[one["method"]], words(one["setting"])]
        cells += [str(len(one["draws"])), f"{one['chosen_by']:,}", f"{np.mean(one['rounds']):.0f}"]
        cells += [spread(one["validation"], one["chosen_by"]), spread(one["test"], n)]
        cells += [NONE if gained is None else "{:.2f} ± {:.2f}".format(*gained)]
        over_cases = interval(round(float(np.mean(one["test"]))), n)
        rows.append([*cells, duration(one["seconds"]), over_cases])
    header = ["labels", "method", "hidden units", "draws", "chosen by", "round"]
    header += ["validation, %", "test, %", "gain, points", "wall time", "over test cases"]
    return Table(header, rows)


def gain(record: dict[str, Any], of: dict[str, Any]) -> tuple[float, float] | None:
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


def words(setting: dict[str, Any]) -> str:
    """Returns a setting as a table shows it."""
    parts = ["-".join(map(str, setting["hidden"])) or "none"]
    parts += [f"{name} {setting[name]:g}" for name in ("decay", "dropout") if setting[name]]
    return ", ".join(parts)


def draw(record: dict[str, Any]) -> Figure:
    """Draws test error against the number of labels, both axes logarithmic."""
    series: dict[str, dict[int, figures.Values]] = {}
    for one in record["rows"]:
        errors = per_cent(one["test"], record["cases"]["test"])
        series.setdefault(METHODS[one["method"]], {})[one["labels"]] = errors, half_width(errors)
    return figures.means(
        series,
        "labelled cases",
        "test error (%)",
        f"Few labels among {record['cases']['train']:,} images",
        f"Means over {len(record['rows'][0]['draws'])} draws of the labelled cases with the 95 % "
        "t-interval; small dots: single draws.",
    )


REPORT = resumable.Report(
    Record,
    lay_out,
    lambda record: "(means over draws of the labelled cases, 95 % intervals)",
    lambda record: {"few_labels.png": lambda: draw(record)},
    "nets, figure and numbers",
)

ABOUT = """\
Few labels among {train:,} training images; the others are there without a label. Pixels are
intensities; a classifier answers by its softmax, a joint DBN by the free energy of each label.
Means over draws of the labelled cases with 95 % t-intervals; so many validation labels chose the
setting and the round, a look at the validation cases after some updates, which is given as a mean.
The gain over the net without pretraining, in points, is that draw by draw. {chosen}"""
CHOSEN_BY = {
    "all": "Whoever has a hundred labels has no 10,000 to choose by, so errors of few labels are "
    "lower than they would be, for every method.",
    "few": "As many validation labels choose as there are labels, as whoever has few would do.",
}


def headline(runs: list[Source]) -> list[Headline]:
    """The pretrained classifier at each number of labels, beside the one without pretraining."""
    rows = []
    for run in runs:
        n = run.record["cases"]["test"]
        own, other = (
            [
                f"{spread(row['test'], n)} % of {row['labels']:,}"
                for row in run.record["rows"]
                if row["method"] == method
            ]
            for method in ("pretrained", UNPRETRAINED)
        )
        what = f"test error by labels, pretrained, {run.name}"
        rows.append(Headline(what, "; ".join(own), f"not pretrained: {'; '.join(other)}"))
    return rows


def sections(runs: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md, nothing without a run."""
    return charted("few_labels", SHOWS, runs, section)


def section(record: dict[str, Any]) -> list[str]:
    """A row for each method and number of labels, and which are clearly ahead."""
    config, stack, rows = record["config"], record["stack"], record["rows"]
    about = ABOUT.format(**record["cases"], chosen=CHOSEN_BY[config["choose_by"]])
    late = sum(max(one["rounds"]) > config["rounds"] - config["patience"] for one in rows)
    about += f" At most {config['rounds']} rounds were learned; in {late} of {len(rows)} "
    about += f"rows the best one of some draw is among the last {config['patience']}."
    about += f" Seed {record['seed']}. The stack took "
    about += f"{duration(stack['seconds'])}, from commit {stack['commit'] or 'unknown'} by"
    header, cells = lay_out(record)
    gains = {f"{METHODS[one['method']]} at {one['labels']:,}": gain(record, one) for one in rows}
    clear = {
        name: found[0] > 0 for name, found in gains.items() if found and abs(found[0]) > found[1]
    }
    ahead, behind = (
        "; ".join(name for name in clear if clear[name] is side) for side in (True, False)
    )
    return [
        wrap(about) + f"\n\n```sh\n{stack['command']}\n```",
        render(Table(header[:-1], [row[:-1] for row in cells]), "markdown"),
        wrap(f"Clearly ahead of the net without pretraining: {ahead or 'no method'}."),
        wrap(f"Clearly behind it: {behind or 'no method'}."),
    ]
