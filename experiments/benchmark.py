"""Times the library beside the bare work inside it and beside its peers, in one table.

    python -m experiments.benchmark --output=results/benchmark.json

Rows: an epoch of CD-1 (784-500), of CD-1 in the memory (510-2000, with labels) and of up-down at
3, 6 and 10 Gibbs iterations, minibatches of 100; classification; clamped generation; and the first
of them in scikit-learn and PyTorch, if installed. Beside each, the matrix products of the same
shapes one by one and the random draws alone (see `benchmark_parts`). Everything is compiled first
and then timed in rounds, each timing once a round, so that a slow moment of the machine meets all
of them; the medians are shown. --data_dir takes real images in the place of random ones.

784-500-500-2000 on two CPU cores with nothing beside it: about five minutes.
"""

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np

from dbnjax import checks, files
from dbnjax.data import idx
from experiments import (
    benchmark_parts,
    benchmark_peers,
    benchmark_rows,
    benchmark_timing,
    flags,
    provenance,
)
from experiments.benchmark_parts import Part, Product
from experiments.benchmark_rows import Job, Sizes
from experiments.flags import option

PAPER = Sizes()
N_PIXELS = 784  # of random images
COLUMNS = (
    "row",
    "unit",
    "ms a unit",
    "units a second",
    "products, ms",
    "draws, ms",
    "time / products",
    "time / (products + draws)",
    "compiled in 2nd run",
)
NOTE = (
    "Median of {rounds} rounds; an epoch has {steps} minibatches of {size} {images} images. "
    "Products and draws: the matrix products of a unit one by one and its Bernoulli draws alone, "
    "each in a compiled loop of its own, times its number in a unit. The first layer learns from "
    "intensities, the others from binary samples. scikit-learn does persistent CD with sampled "
    "pixels, from float32 intensities and without momentum, decay or shuffling."
)


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the run; each is a flag."""

    steps: int = option(440, "Minibatches in an epoch, and how often a timed part is repeated.")
    rounds: int = option(5, "Timings of everything; the median counts.")
    data_dir: str | None = option(None, "Folder of IDX files; random images without one.")
    output: str | None = option(None, "JSON file to write the table to.")


def run(config: Config, sizes: Sizes = PAPER) -> dict[str, Any]:
    """Times every row and prints the table.

    Returns:
      What `--output` holds: command, commit, machine, versions, columns, rows, note and the
      milliseconds of every part.

    Raises:
      InputError: an option or the images cannot be used, or the file cannot be written.
    """
    checks.check_count("--steps", config.steps, 2)
    checks.check_count("--rounds", config.rounds, 1)
    pixels, labels = cases(config, sizes)
    jobs = benchmark_rows.jobs(sizes, pixels, labels) + benchmark_peers.jobs(sizes, pixels)
    parts = {part: None for job in jobs for part in job.parts}
    calls: dict[Hashable, Callable[[], Any]] = {
        part: benchmark_parts.runner(part, config.steps) for part in parts
    }
    calls |= {job.name: job.call for job in jobs if job.call is not None}
    seconds, compiled = benchmark_timing.measure(calls, config.rounds)
    ms = {part: 1000 * seconds[part] / config.steps for part in parts}
    result = {
        "command": provenance.command("experiments.benchmark", config, {}, hidden=("output",)),
        "commit": provenance.commit(),
        "machine": provenance.machine(),
        "versions": provenance.versions() | benchmark_peers.versions(),
        "columns": list(COLUMNS),
        "rows": [row(job, seconds, compiled, ms) for job in jobs],
        "note": NOTE.format(
            rounds=config.rounds,
            steps=config.steps,
            size=sizes.batch_size,
            images="real" if config.data_dir else "random",
        ),
        "parts": {label(part): number(ms[part]) for part in parts},
    }
    if config.output is not None:
        files.write_json(config.output, result)
    print(report(result))
    return result


def cases(config: Config, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Returns an epoch's images, `[n, n_pixels]` uint8, and labels.

    Raises:
      InputError: the folder cannot be read or holds fewer images.
    """
    n = config.steps * sizes.batch_size
    if config.data_dir is None:
        rng = np.random.default_rng(0)
        return (
            rng.integers(0, 256, (n, N_PIXELS), dtype=np.uint8),
            rng.integers(0, sizes.n_labels, n),
        )
    images = idx.read_folder(config.data_dir, "train", need_labels=True)
    found = len(images.pixels)
    checks.require(
        found >= n,
        f"{config.data_dir}: expected {n} images for {config.steps} minibatches, got {found}; "
        "use fewer --steps or another folder",
    )
    return images.pixels[:n].reshape(n, -1), images.known_labels()[:n]


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
    numbers = (ms, 1000 / ms, products, draws, ms / products, ms / (products + draws))
    anew = compiled[job.name] if job.compiled else None
    return [job.name, job.unit, *map(number, numbers), anew]


def number(value: float) -> float:
    """Rounds to four significant digits."""
    return float(f"{value:.4g}")


def label(part: Part) -> str:
    """Names a part by what it does and its shapes."""
    if isinstance(part, Product):
        (a, b), (c, d) = part.left, part.right
        return f"{part.multiply.__name__.strip('_')} {a}x{b}, {c}x{d}"
    return f"draws {part.n_cases}x{part.n_units}"


def report(result: Mapping[str, Any]) -> str:
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


if __name__ == "__main__":
    flags.launch(run, Config)
