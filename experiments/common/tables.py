"""Tables of results and what stands in them: numbers, intervals, times, verdicts, provenance."""

import collections
import html
import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from dbnjax.scoring import statistics
from experiments.common.records import Source

TESTS = ("b", "c", "p")  # of McNemar's test

NONE = "-"
WIDTH = 100
DRAWN = "Drawn by `python -m experiments.results_charts`."
MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"
SPLITS = {"train": "training", "validation": "validation", "all": "all", "test": "test"}


class Table(NamedTuple):
    """A table as data.

    Attributes:
      header: a title for each column; the first column names the rows.
      rows: as many cells as columns.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class Headline(NamedTuple):
    """The row of an experiment on the page of all results.

    Attributes:
      what: was measured.
      here: what this repository found.
      others: what papers and peers have.
    """

    what: str
    here: str
    others: str = NONE


class Target(NamedTuple):
    """A number that a result must reach.

    Attributes:
      what: is asked for.
      limit: the largest value that is good enough, or the least.
      at_least: whether it is the least.
    """

    what: str
    limit: float
    at_least: bool = False

    def verdict(self, found: float | None) -> str:
        """Says whether a number is good enough; None is none."""
        if found is None:
            return NOT_MEASURED
        good = found >= self.limit if self.at_least else found <= self.limit
        return MET if good else MISSED

    def asked(self, form: str = "g", unit: str = "") -> str:
        """Says in words what is asked for, such as "at most 1.25 %"."""
        side = "at least" if self.at_least else "at most"
        return f"{side} {self.limit:{form}} {unit}".rstrip()


def render(table: Table, form: Literal["text", "markdown", "html"] = "text") -> str:
    """Lays out a table: as text or Markdown with columns of even width, or as HTML."""
    if form == "html":
        head, *body = ([html.escape(cell) for cell in row] for row in (table.header, *table.rows))
        lines = ["".join(f"<th>{cell}</th>" for cell in head)]
        lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in body]
        return "\n".join(["<table>", *(f"<tr>{line}</tr>" for line in lines), "</table>"])
    bar = r"\|" if form == "markdown" else "|"
    cells = [[cell.replace("|", bar) for cell in row] for row in (table.header, *table.rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    if form == "text":
        lines = [
            "  ".join(f"{c:>{w}}" if i else f"{c:<{w}}" for i, (c, w) in enumerate(columns))
            for columns in (list(zip(row, widths, strict=True)) for row in cells)
        ]
        return "\n".join(line.rstrip() for line in lines)
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)) + " |"
        for row in (cells[0], rule, *cells[1:])
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lays out a table as Markdown."""
    return render(Table(header, rows), "markdown")


def wrap(text: str) -> str:
    """Breaks prose, or an item of a list, into lines of the page's width."""
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def plain(value: Any) -> str:
    """A value as a flag or a cell shows it."""
    if isinstance(value, list):
        return ",".join(map(plain, value))
    return NONE if value is None else str(value)


def count(errors: int | None, n: int) -> str:
    """An error count and its rate."""
    return NONE if errors is None else f"{errors} ({100 * errors / n:.2f} %)"


def interval(errors: int, n: int) -> str:
    """Wilson's 95 % interval of an error rate, in per cent."""
    low, high = statistics.wilson(errors, n)
    return f"{100 * low:.2f} to {100 * high:.2f}"


def duration(seconds: float) -> str:
    """A time in the units that people use for it."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, of_hour = divmod(minutes, 60)
    return f"{hours} h {of_hour:02d} min" if hours else f"{minutes} min {rest:02d} s"


def several(n: int, what: str) -> str:
    """A number of things, in the singular or the plural."""
    return f"{n} {what}" if n == 1 else f"{n:,} {what}s"


def devices(machine: Mapping[str, Any]) -> str:
    """The devices of a machine, those of one kind together."""
    kinds = collections.Counter(machine["devices"]).items()
    return ", ".join(kind if n == 1 else f"{n} x {kind}" for kind, n in kinds)


def made(record: dict[str, Any]) -> list[str]:
    """By what command, from which commits, when and where a result was made."""
    machine = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    commits = (record["commit"], *record.get("later_commits", ()))
    first, *later = (commit or "unknown" for commit in commits)
    on = f" on {record['date']}" if "date" in record else ""
    code = f"Commit {first}" + (f", begun{on}" if on else "")
    if later:
        code = f"Begun{on} at commit {first}, resumed at {', '.join(later)}"
    cores = several(machine["cores"], "core")
    where = f"{machine['processor']}, {cores}, {machine['system']}; JAX on {devices(machine)}"
    return [
        f"```sh\n{record['command']}\n```",
        wrap(f"{code}. Machine: {where}. Versions: {versions}."),
    ]


def chart_file(name: str, run: Source) -> str:
    """Names the file of the chart of an experiment's run, in the folder of the page's pictures."""
    return f"{name}_{run.name}.png"


def charted(
    name: str,
    shows: str,
    runs: Sequence[Source],
    lay_out: Callable[[dict[str, Any]], list[str]],
) -> list[str]:
    """The part of RESULTS.md on an experiment whose runs each have a chart; nothing without runs.

    Args:
      name: of the experiment.
      shows: what one sees in a chart, for those who do not.
      runs: of it.
      lay_out: makes what a run's section says from its record; the chart stands below the first.
    """
    parts: list[str] = []
    for run in runs:
        about, *rest = lay_out(run.record)
        picture = f"![{shows}](../images/{chart_file(name, run)})"
        parts += [f"## {name}, {run.name}", *made(run.record), about, picture, DRAWN, *rest]
    return parts


def flags(values: dict[str, Any]) -> str:
    """Values as flags of a command line."""
    return " ".join(f"--{name}={shlex.quote(plain(value))}" for name, value in values.items())


def spread(counts: list[int], n: int) -> str:
    """The mean of error counts in per cent, with its interval where there are several."""
    rates = statistics.per_cent(counts, n)
    half = statistics.half_width(rates)
    return f"{np.mean(rates):.2f}" + (f" ± {half:.2f}" if len(counts) > 1 else "")


def mcnemar(first: list[int], second: list[int]) -> list[str]:
    """The cells of a test between two nets, from the test cases that they get wrong."""
    test = statistics.mcnemar(first, second)
    return [str(test.only_first), str(test.only_second), f"{test.p:.2g}"]


def estimate(values: Sequence[float | None]) -> str:
    """A value and its 95 % interval, none if it is exact; the ends are None if nothing is known."""
    value, low, high = values
    if low is None:
        return f"{value:.2f} (no interval)"
    return f"{value:.2f}" if low == high else f"{value:.2f} ({low:.2f} to {high:.2f})"
