"""What `python -m experiments.benchmark` runs: every row, timed in rounds beside its parts."""

import contextlib
import statistics
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from dbnjax import checks, files
from dbnjax.data import idx
from dbnjax.training import metrics
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import operations, peers, report, rows
from experiments.benchmark.config import PAPER, Config, Sizes
from experiments.benchmark.jobs import Setting
from experiments.benchmark.operations import Job
from experiments.common import devices, options, provenance
from experiments.common.groups import GENERATORS

N_PIXELS = 784  # of random images
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
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (n, N_PIXELS), dtype=np.uint8)
        return pixels, rng.integers(0, sizes.n_labels, n)
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
    seconds, compiled = time_calls(calls, n_rounds)
    ms = {part: 1000 * seconds[part] / n for part, n in times.items()}
    measured = [report.row(job, seconds, compiled, ms) for job in jobs]
    return measured, {str(part): report.number(value) for part, value in ms.items()}


def time_calls(
    calls: Mapping[Hashable, Callable[[], Any]], n_rounds: int
) -> tuple[dict[Hashable, float], dict[Hashable, int]]:
    """Times calls in rounds, after a first call that compiles and a second one that should not.

    Returns:
      Median seconds of each call, and how many programs its second call compiled.
    """
    seconds: dict[Hashable, list[float]] = {name: [] for name in calls}
    compiled = {}
    with metrics.progress(len(calls) * (n_rounds + 1), "benchmark", unit="timing") as advance:
        for name, call in calls.items():
            jax.block_until_ready(call())
            with counted_compilations() as events:
                jax.block_until_ready(call())
            compiled[name] = len(events)
            advance({})
        for _ in range(n_rounds):
            for name, call in calls.items():
                begin = time.perf_counter()
                jax.block_until_ready(call())
                seconds[name].append(time.perf_counter() - begin)
                advance({"seconds": seconds[name][-1]})
    return {name: statistics.median(times) for name, times in seconds.items()}, compiled


@contextlib.contextmanager
def counted_compilations() -> Iterator[list[str]]:
    """Yields a list that grows with every program that XLA compiles inside."""
    events: list[str] = []
    counting = True

    def record(event: str, duration_secs: float, **_: Any) -> None:
        del duration_secs
        if counting and "backend_compile" in event:
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(record)
    try:
        yield events
    finally:
        counting = False
        if hasattr(jax.monitoring, "unregister_event_duration_listener"):  # not in JAX 0.7
            jax.monitoring.unregister_event_duration_listener(record)
