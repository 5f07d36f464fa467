"""How the benchmark's numbers are laid out: a row's cells, and tables of text."""

from collections.abc import Hashable, Mapping
from typing import Any

from experiments.benchmark.jobs import Job
from experiments.benchmark.parts import Part, Product

EPOCH = 44_000  # images of the 2006 paper's training set
COLUMNS = (
    "row",
    "unit",
    "ms a unit",
    "images a second",
    f"s for {EPOCH:,} images",
    "products, ms",
    "draws, ms",
    "time / products",
    "time / (products + draws)",
    "compiled in 2nd run",
)


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


def label(part: Part) -> str:
    """Names a part by what it does and its shapes."""
    if isinstance(part, Product):
        (a, b), (c, d) = part.left, part.right
        full = " in full float32" if part.full else ""
        return f"{part.multiply.__name__.strip('_')} {a}x{b}, {c}x{d}{full}"
    return f"draws {part.n_cases}x{part.n_units}"


def lay_out(result: Mapping[str, Any]) -> str:
    """Lays out the rows, the parts and the note as text."""
    parts = table(["part", "ms"], [list(item) for item in result["parts"].items()])
    return "\n\n".join([table(result["columns"], result["rows"]), parts, result["note"]])


def table(columns: list[str], rows: list[list[Any]]) -> str:
    """Lays out rows under their columns; text to the left, numbers to the right."""
    texts = [["" if cell is None else str(cell) for cell in cells] for cells in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    is_text = [any(isinstance(cells[i], str) for cells in rows) for i in range(len(columns))]

    def line(cells: list[str]) -> str:
        fitted = zip(cells, widths, is_text, strict=True)
        aligned = (f"{cell:{'<' if text else '>'}{width}}" for cell, width, text in fitted)
        return "  ".join(aligned).rstrip()

    return "\n".join([line(columns), *map(line, texts)])
