"""What `comparators` reports: a row for each line of Table 1 beside the paper's number, a chart."""

from pathlib import Path
from typing import Any, TypedDict

from matplotlib.figure import Figure

from dbnjax.scoring import statistics
from experiments.common import records, resumable
from experiments.common.records import Cases, MadeRun, Source
from experiments.common.tables import (
    NONE,
    Headline,
    Table,
    charted,
    count,
    duration,
    interval,
    table,
    wrap,
)
from experiments.comparators.config import LINES, Row

TITLE = "Comparators"  # of its page of results

SHOWS = "test errors of the comparators beside the paper's"  # the chart, for who does not see it


class Options(TypedDict):
    epochs: int
    svm_cost: float


class Record(MadeRun):
    """What `result.json` holds."""

    seed: int
    config: Options
    cases: Cases
    rows: list[Row]


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: a row has an unknown name, or the record contradicts itself.
    """
    for number, row in enumerate(record["rows"]):
        where, known = f"rows.{number}", f"one of {', '.join(LINES)}"
        records.require(row["name"] in LINES, path, f"{where}.name", known, row["name"])
        told = (f"{where}.test", row["test"])
        records.check_wrong(path, f"{where}.wrong", row["wrong"], told, record["cases"])


def title(name: str) -> str:
    """Returns what the table and the chart call a row."""
    by = ", scikit-learn" if name.startswith("sklearn") else ""
    return LINES[name].title + by


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out the rows beside Table 1 of the paper."""
    cases = record["cases"]
    rows = [
        [
            title(row["name"]),
            f"{row['cases']:,}",
            chosen(row["settings"]),
            count(row["validation"], cases["validation"]),
            count(row["test"], cases["test"]),
            interval(row["test"], cases["test"]),
            f"{LINES[row['name']].paper:.2f} %",
            duration(row["seconds"]),
        ]
        for row in record["rows"]
    ]
    counts = ["training cases", "chosen", "validation errors", "test errors", "test, 95 %"]
    return Table(["", *counts, "paper", "wall time"], rows)


def chosen(settings: dict[str, Any]) -> str:
    """What validation chose of a net."""
    if "epoch" not in settings:
        return NONE
    decay = f", decay {settings['decay']:g}" if settings["decay"] else ""
    return f"epoch {settings['epoch']}{decay}"


def chart(record: dict[str, Any]) -> Figure:
    """Draws test errors as bars with Wilson's 95 % intervals, the paper's numbers as marks."""
    rows, n = record["rows"], record["cases"]["test"]
    figure = Figure(figsize=(9.0, 1.4 + 0.42 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(rows))
    rates = statistics.per_cent([row["test"] for row in rows], n)
    ends = [[100 * end for end in statistics.wilson(row["test"], n)] for row in rows]
    below = [rate - low for rate, (low, _) in zip(rates, ends, strict=True)]
    above = [high - rate for rate, (_, high) in zip(rates, ends, strict=True)]
    axes.barh(places, rates, xerr=[below, above], color="0.75", ecolor="0.3", capsize=3)
    papers = [LINES[row["name"]].paper for row in rows]
    axes.plot(papers, places, "d", color="C3", label="2006 paper")
    axes.set_yticks(places, [f"{title(row['name'])} ({row['cases']:,})" for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="test errors (%)", title="Comparators of Table 1, with 95 % intervals")
    axes.grid(alpha=0.3, axis="x")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


REPORT = resumable.Report(
    Record,
    lay_out,
    draw=lambda record: {"figures/errors.png": lambda: chart(record)},
    leaves="rows and figure",
)

ABOUT = """\
Table 1 of the 2006 paper, permutation-invariant version, its numbers beside ours. Pixels are
intensities. The nets learned from the training cases for at most {epochs} epochs, and
{validation:,} validation cases chose their epoch and weight decay. Of the others nothing was chosen
here: the penalty C of the support vector machine, {cost:g}, was set beforehand. Seed {seed}."""


def headline(runs: list[Source]) -> list[Headline]:
    """The comparator with the fewest test errors beside the paper."""
    rows = []
    for run in runs:
        best = min(run.record["rows"], key=lambda row: row["test"])
        n = run.record["cases"]["test"]
        here = f"{100 * best['test'] / n:.2f} % ({interval(best['test'], n)})"
        paper = f"{LINES[best['name']].paper:.2f} % (2006 paper)"
        rows.append(Headline(f"test error, {title(best['name'])}", here, paper))
    return rows


def sections(runs: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md, nothing without a run."""
    return charted("comparators", SHOWS, runs, section)


def section(record: dict[str, Any]) -> list[str]:
    """What the rows are, and the rows beside the paper's."""
    config = record["config"]
    about = ABOUT.format(
        validation=record["cases"]["validation"],
        epochs=config["epochs"],
        cost=config["svm_cost"],
        seed=record["seed"],
    )
    return [wrap(about), table(*lay_out(record))]
