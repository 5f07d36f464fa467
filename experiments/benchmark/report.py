"""The benchmark's rows and columns, its record as text, and what is asked of its speed."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from experiments.benchmark.operations import Job, Part, Product
from experiments.common.records import Made, Source, require
from experiments.common.tables import (
    NONE,
    Headline,
    Table,
    Target,
    made,
    plain,
    render,
    table,
    wrap,
)

TITLE = "Speed"  # of its page of results

EPOCH = 44_000  # images of the 2006 paper's training set
TIME = "ms a unit"  # the column by which two rows are compared
COLUMNS = (
    "row",
    "unit",
    TIME,
    "images a second",
    f"s for {EPOCH:,} images",
    "products, ms",
    "draws, ms",
    "time / products",
    "time / (products + draws)",
    "compiled in 2nd run",
)
CD, BACKPROP = "CD-1 epoch, 784-500", "backprop epoch"
PEERS = {"PyTorch": 1.2, "scikit-learn": 2.2, "learnergy": 2.2, "rbms": 2.2}
# A row, the column that has the ratio of times or the row that it is compared with, and the largest
# ratio that is good enough, or the least number of times as fast that the row must be.
SPEED = (
    (CD, "time / products", Target("ratio", 1.0)),
    *(
        (CD, f"CD-1 epoch in {peer}", Target("speed", n, at_least=True))
        for peer, n in PEERS.items()
    ),
    *(
        (f"up-down epoch, {n} iterations", "time / products", Target("ratio", 1.2))
        for n in (3, 6, 10)
    ),
    (f"{CD}, streamed from a folder", f"{CD}, in memory", Target("ratio", 1.1)),
    (BACKPROP, "time / products", Target("ratio", 1.3)),
    (BACKPROP, f"{BACKPROP} in PyTorch", Target("speed", 1.0, at_least=True)),
)
ABOUT_SPEED = """\
Bars that this project set itself for two CPU cores: a row's time over that of what stands beside
it, or how many times as fast it is."""


class Record(Made):
    """What the benchmark measures, and scaling: a table as it is."""

    columns: list[str]
    rows: list[list[Any]]
    note: str


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks that there is a cell in every column.

    Raises:
      InputError: a row has fewer or more.
    """
    n = len(record["columns"])
    for number, cells in enumerate(record["rows"]):
        require(len(cells) == n, path, f"rows.{number}", f"{n} cells, one a column", len(cells))


def row(
    job: Job,
    seconds: Mapping[Hashable, float],
    compiled: Mapping[Hashable, int],
    ms_of_part: Mapping[Part, float],
) -> list[Any]:
    """Returns a row's cells, numbers rounded to four digits; None where there is nothing."""
    if job.call is None:
        return [job.name, "not installed", *[None] * (len(COLUMNS) - 2)]
    ms = 1000 * seconds[job.name] / job.n_units
    spent = {part: count * ms_of_part[part] for part, count in job.parts.items()}
    products = sum(time for part, time in spent.items() if isinstance(part, Product))
    draws = sum(spent.values()) - products
    rate = job.images and 1000 * job.images / ms
    numbers = (ms, rate, rate and EPOCH / rate, products, draws)
    ratios = [ms / bare if bare else None for bare in (products, products + draws)]
    anew = compiled[job.name] if job.compiled else None
    return [job.name, job.unit, *map(number, (*numbers, *ratios)), anew]


def number(value: float | None) -> float | None:
    """Rounds to four significant digits; None stays None."""
    return None if value is None else float(f"{value:.4g}")


def lay_out(record: Mapping[str, Any]) -> str:
    """Lays out a record's table, the milliseconds of its parts if it has them, and its note."""
    tables = [Table(record["columns"], [list(map(plain, row)) for row in record["rows"]])]
    if "parts" in record:
        tables.append(Table(["part", "ms"], [[k, plain(v)] for k, v in record["parts"].items()]))
    return "\n\n".join([*map(render, tables), wrap(record["note"])])


def headline(runs: list[Source]) -> list[Headline]:
    """CD-1 beside the peers that were timed."""
    rows = []
    for run in runs:
        at = run.record["columns"].index(TIME) if TIME in run.record["columns"] else 0
        times = {row[0]: row[at] for row in run.record["rows"] if isinstance(row[at], int | float)}
        peers = {peer: times.get(f"CD-1 epoch in {peer}") for peer in PEERS}
        others = ", ".join(f"{ms:.2f} {peer}" for peer, ms in peers.items() if ms)
        if CD in times:
            what = "ms a minibatch of CD-1, 784-500, two CPU cores"
            rows.append(Headline(what, f"{times[CD]:.2f}", others or NONE))
    return rows


def sections(runs: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md, nothing without a record."""
    found = [(*measured(run.record), *speed(run.record)) for run in runs]
    return [part for parts in found for part in parts]


def measured(record: dict[str, Any]) -> list[str]:
    """The table as it is, with how it was made."""
    rows = [list(map(plain, row)) for row in record["rows"]]
    return [*made(record), table(record["columns"], rows), wrap(record["note"])]


def speed(benchmark: dict[str, Any]) -> list[str]:
    """The bars of speed beside what a benchmark measured."""
    numbers = {
        (str(row[0]), column): cell
        for row in benchmark["rows"]
        for column, cell in zip(benchmark["columns"], row, strict=True)
        if isinstance(cell, int | float)
    }
    rows = [[row, beside, *_compare(row, beside, target, numbers)] for row, beside, target in SPEED]
    return [ABOUT_SPEED, table(["row", "beside", "bar", "measured", "verdict"], rows)]


def _compare(
    row: str, beside: str, target: Target, numbers: Mapping[tuple[str, str], float]
) -> tuple[str, str, str]:
    """Returns what is asked, what was measured and the verdict."""
    own, other = numbers.get((row, TIME)), numbers.get((beside, TIME))
    ratio = own / other if own and other else numbers.get((row, beside))
    form, unit = (".1f", "times as fast") if target.at_least else (".2f", "")
    found = 1 / ratio if ratio and target.at_least else ratio
    shown = NONE if found is None else f"{found:.3f} {unit}".rstrip()
    return target.asked(form, unit), shown, target.verdict(found)
