"""What `python -m experiments.benchmark` runs: every row, timed in rounds beside its parts."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np

from dbnjax import checks, files
from dbnjax.data import idx
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import operations, peers, report, rows
from experiments.benchmark.config import Config
from experiments.benchmark.jobs import PAPER, Setting, Sizes
from experiments.benchmark.operations import Job
from experiments.common import devices, options, provenance
from experiments.common.groups import GENERATORS

MAKE: dict[str, Callable[[Setting], list[Job]]] = {
    "learning": benchmark_jobs.learning,
    "inference": rows.inference,
    "ensembles": benchmark_jobs.ensembles,
    "sizes": benchmark_jobs.sizes,
    "ablation": rows.ablation,
    "draws": rows.draws,
    "streams": rows.streams,
    "backprop": peers.backprop,
    "peers": peers.peers,
}
NOTE = (
    "Median of {rounds} rounds; an epoch has {steps} minibatches of {size} {images} images. "
    "Products and draws: the matrix products of a unit one by one and its Bernoulli draws alone, "
    "each in a compiled loop of its own over as many cases as an epoch has, times its number in a "
    "unit. The first layer learns from intensities, the others from binary samples; PCD has as "
    "many chains as a minibatch has cases. An ensemble's members share the data and their order, "
    "and learn from fewer minibatches, so that all machines together do the work of an epoch, and "
    "all nets that of a part of one. By parts: the library's CD-1, the same step made by hand, "
    "that step without one thing each, and its products alone in a scan, for which nothing is "
    "gathered. Streamed: from a folder that was just written, a chunk read while another trains. "
    "Backprop: of the net with a softmax layer on top, momentum and no decay. The peers: "
    "scikit-learn does persistent CD, learnergy counts a pseudo-likelihood in every step, rbms "
    "centres and normalises the gradient; all three sample pixels, start from float32 intensities, "
    "and scikit-learn and rbms have neither momentum nor decay."
)


def run(config: Config, sizes: Sizes = PAPER) -> dict[str, Any]:
    """Times every row and prints the table.

    Returns:
      What `--output` holds: command, commit, machine, versions, date, columns, rows, note and the
      milliseconds of every part.

    Raises:
      InputError: an option or the images cannot be used, or the file cannot be written.
    """
    config.check_options()
    pixels, labels = cases(config, sizes)
    with (
        devices.precision(config.precision),
        jax.default_prng_impl(GENERATORS[config.draws]),
    ):
        setting = benchmark_jobs.setting(sizes, pixels, labels)
        jobs = [job for name in config.sections for job in MAKE[name](setting)]
        measured, ms = measure(jobs, len(labels), config.rounds)
    made = provenance.made()
    result = made | {
        "command": options.command(config),
        "versions": made["versions"] | peers.versions(),
        "columns": list(report.COLUMNS),
        "rows": measured,
        "note": note(config, sizes),
        "parts": ms,
    }
    if config.output is not None:
        files.write_json(config.output, result)
    print(report.lay_out(result))
    return result


def note(config: Config, sizes: Sizes) -> str:
    """Says what the columns and rows are."""
    told = NOTE.format(
        rounds=config.rounds,
        steps=config.steps,
        size=sizes.batch_size,
        images="real" if config.data_dir else "random",
    )
    return f"{told} {rows.BIAS}" if "draws" in config.sections else told


def cases(config: Config, sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Returns an epoch's images, `[n, n_pixels]` uint8, and labels.

    Raises:
      InputError: the folder cannot be read or holds fewer images.
    """
    n = config.steps * sizes.batch_size
    if config.data_dir is None:
        return benchmark_jobs.random_cases(n, sizes)
    images = idx.read_folder(config.data_dir, "train", need_labels=True)
    found = len(images.pixels)
    checks.require(
        found >= n,
        f"{config.data_dir}: expected {n} images for {config.steps} minibatches, got {found}; "
        "use fewer --steps or another folder",
    )
    return images.pixels[:n].reshape(n, -1), images.known_labels()[:n]


def measure(
    jobs: list[Job], n_cases: int, n_rounds: int
) -> tuple[list[list[Any]], dict[str, float | None]]:
    """Times jobs and their parts, and returns the rows and the milliseconds of every part."""
    times = {part: max(2, n_cases // part.n_cases) for job in jobs for part in job.parts}
    calls: dict[Hashable, Callable[[], Any]] = {
        part: operations.runner(part, n) for part, n in times.items()
    }
    calls |= {job.name: job.call for job in jobs if job.call is not None}
    seconds, compiled = operations.time_calls(calls, n_rounds)
    ms = {part: 1000 * seconds[part] / n for part, n in times.items()}
    measured = [report.row(job, seconds, compiled, ms) for job in jobs]
    return measured, {str(part): report.number(value) for part, value in ms.items()}
