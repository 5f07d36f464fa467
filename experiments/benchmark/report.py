"""The benchmark's rows and columns, its record as text, and what is asked of its speed."""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from experiments.benchmark.operations import Job, Part, Product
from experiments.common.tables import NONE, plain, table, wrap
from experiments.common.targets import NOT_MEASURED, judge

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


class Bar(NamedTuple):
    """How a row of the benchmark must compare with something else.

    Attributes:
      row: of the benchmark.
      beside: the column that has the ratio of their times, or the other row.
      bar: the largest ratio that is good enough, or how many times as fast the row must be.
      faster: whether it is the latter.
    """

    row: str
    beside: str
    bar: float
    faster: bool = False


CD, BACKPROP = "CD-1 epoch, 784-500", "backprop epoch"
PEERS = {"PyTorch": 1.2, "scikit-learn": 2.2, "learnergy": 2.2, "rbms": 2.2}
SPEED = (
    Bar(CD, "time / products", 1.0),
    *(Bar(CD, f"CD-1 epoch in {peer}", bar, faster=True) for peer, bar in PEERS.items()),
    *(Bar(f"up-down epoch, {n} iterations", "time / products", 1.2) for n in (3, 6, 10)),
    Bar(f"{CD}, streamed from a folder", f"{CD}, in memory", 1.1),
    Bar(BACKPROP, "time / products", 1.3),
    Bar(BACKPROP, f"{BACKPROP} in PyTorch", 1.0, faster=True),
)
ABOUT_SPEED = """\
Bars that this project set itself for two CPU cores: a row's time over that of what stands beside
it, or how many times as fast it is."""


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
    tables = [(record["columns"], record["rows"])]
    if "parts" in record:
        tables.append((["part", "ms"], record["parts"].items()))
    texts = [table(header, [list(map(plain, row)) for row in rows]) for header, rows in tables]
    return "\n\n".join([*texts, wrap(record["note"])])


def speed(benchmark: dict[str, Any]) -> list[str]:
    """The bars of speed beside what a benchmark measured."""
    numbers = {
        (str(row[0]), column): cell
        for row in benchmark["rows"]
        for column, cell in zip(benchmark["columns"], row, strict=True)
        if isinstance(cell, int | float)
    }
    rows = [[bar.row, bar.beside, _told(bar), *_judge(bar, numbers)] for bar in SPEED]
    return [ABOUT_SPEED, table(["row", "beside", "bar", "measured", "verdict"], rows)]


def _told(bar: Bar) -> str:
    return f"at least {bar.bar:.1f} times as fast" if bar.faster else f"at most {bar.bar:.2f}"


def _judge(bar: Bar, numbers: dict[tuple[str, str], float]) -> tuple[str, str]:
    """Returns what was measured of what a bar is about, and whether it is met."""
    ratio = numbers.get((bar.row, bar.beside))
    own, other = numbers.get((bar.row, TIME)), numbers.get((bar.beside, TIME))
    if own and other:
        ratio = own / other
    if ratio is None:
        return NONE, NOT_MEASURED
    if bar.faster:
        return f"{1 / ratio:.3f} times as fast", judge(bar.bar, 1 / ratio)
    return f"{ratio:.3f}", judge(ratio, bar.bar)
