"""Section `protocols`: whole nets of many seeds in one program a stage, by the sweep."""

import dataclasses
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

from dbnjax.data import preparation
from dbnjax.models import dbn as dbn_lib
from dbnjax.training import metrics
from experiments import sweep
from experiments.accelerator.config import (
    Config,
    Found,
    at_least,
    at_most,
    folder,
    main_job,
    number,
)
from experiments.accelerator.speed import SHARE, TRAFFIC, traffic, triad_bandwidth
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import parts as benchmark_parts
from experiments.common import cases as dbn_cases

MINUTES = 8.0
UP_DOWN = "up-down"
NOTE = (
    "Nets of as many seeds, learned by `experiments.sweep` in one program a stage, each chosen by "
    "validation. A sweep leaves out the epochs on all cases and the read-outs of section 6.2: for "
    "{n_epochs} epochs on {n_cases:,} cases the median of the last phase's is reckoned, by their "
    "number of cases. Seconds of a stage are those of its epochs, counting validation errors and, "
    "in the first, compilation included; the rest is data, checkpoints and the last count. Least "
    f"traffic of a median epoch: {TRAFFIC}; its share is of {{bandwidth:.4g}} GB/s by the triad, "
    "just measured."
)


class Sweep(NamedTuple):
    """A sweep over seeds.

    Attributes:
      record: what its file holds.
      seconds: in all.
      epochs: seconds of every epoch, by stage.
    """

    record: dict[str, Any]
    seconds: float
    epochs: dict[str, list[float]]


class Cases(NamedTuple):
    """What the nets learn from.

    Attributes:
      n_pixels: of an image.
      n_classes: the labels run from 0 to n_classes - 1.
      n_train: training cases.
      n_all: all that are not test cases.
    """

    n_pixels: int
    n_classes: int
    n_train: int
    n_all: int


def protocols(config: Config) -> Found:
    """Learns the nets together."""
    with folder(config) as place:
        done = learn(config, place)
        source, splits = dbn_cases.read(main_job(config, place))
    n_all = len(preparation.all_but_test(source, splits).pixels)
    n_train, n_pixels = len(splits.train.pixels), splits.train.pixels[0].size
    cases = Cases(n_pixels, source.n_classes, n_train, n_all)
    more = reckoned(config, cases, done.epochs)
    rest = done.seconds - sum(map(sum, done.epochs.values()))
    measured = triad_bandwidth(config)
    shares = shares_of(measured, done.epochs, traffic_of_phases(config, cases))
    what = f"{config.n_protocols} nets together"
    return Found(
        columns=["", what],
        rows=[
            *([f"{stage}, {len(s)} epochs, s", number(sum(s))] for stage, s in done.epochs.items()),
            ["the rest, s", number(rest)],
            ["epochs on all cases, reckoned, s", number(more)],
            ["in all, s", number(done.seconds + more)],
            *([f"{phases}, % of the bandwidth", number(x)] for phases, x in shares.items()),
            *errors(done.record),
        ],
        note=NOTE.format(n_epochs=config.all_epochs, n_cases=n_all, bandwidth=measured / 1e9),
        bars=[
            at_most(f"{what}, the protocol", MINUTES, "minutes", (done.seconds + more) / 60),
            at_least(f"{what}, {UP_DOWN}", SHARE, "% of the bandwidth", shares[UP_DOWN]),
        ],
    )


def learn(config: Config, place: Path) -> Sweep:
    """Runs the sweep."""
    seeds = range(config.seed, config.seed + config.n_protocols)
    job = dataclasses.asdict(main_job(config, place / "sweep"))
    grid = f"seed={','.join(map(str, seeds))}"
    began = time.perf_counter()
    record = sweep.run(sweep.Config(**job, grid=grid, together="yes"))
    spent = time.perf_counter() - began
    epochs: dict[str, list[float]] = {}
    for path in sorted((place / "sweep" / "together").glob("*/metrics.jsonl")):
        for one in metrics.read(path):
            epochs.setdefault(one["stage"], []).append(one["seconds"])
    return Sweep(record, spent, epochs)


def reckoned(config: Config, cases: Cases, epochs: dict[str, list[float]]) -> float:
    """Returns the seconds that the epochs on all cases would take, which are like the last ones."""
    *_, last = epochs.values()
    return config.all_epochs * statistics.median(last) * cases.n_all / cases.n_train


def traffic_of_phases(config: Config, cases: Cases) -> dict[str, float]:
    """Returns the bytes that an epoch of each phase of up-down has to move at least."""
    sizes = benchmark_jobs.Sizes(n_labels=cases.n_classes)
    net = dbn_lib.untie(benchmark_jobs.first_stack(sizes, cases.n_pixels, config.layers))
    *lower, n_top = (cases.n_pixels, *config.layers)
    n_updates = config.n_protocols * (cases.n_train // config.batch_size)

    def an_epoch(n_steps: int) -> float:
        n, n_labels = config.batch_size, cases.n_classes
        parts = benchmark_parts.up_down(n, tuple(lower), n_labels, n_top, n_steps)
        return n_updates * traffic(parts, net)

    return {f"up_down_{i + 1}": an_epoch(n) for i, n in enumerate(config.up_down_steps)}


def shares_of(
    measured: float, epochs: dict[str, list[float]], n_bytes: dict[str, float]
) -> dict[str, float]:
    """Returns the per cent of a bandwidth that each phase of up-down makes, and all of them."""
    medians = {name: statistics.median(epochs[name]) for name in n_bytes if name in epochs}
    moved = sum(len(epochs[name]) * n_bytes[name] for name in medians)
    spent = sum(len(epochs[name]) * median for name, median in medians.items())
    rates = {name: n_bytes[name] / median for name, median in medians.items()}
    return {name: 100 * x / measured for name, x in (rates | {UP_DOWN: moved / spent}).items()}


def errors(record: dict[str, Any]) -> list[list[Any]]:
    """Returns the rows of the validation errors."""
    counts = [row["validation_errors"] for row in record["rows"]]
    sound = [n for n in counts if n is not None]
    spread = statistics.stdev(sound) if len(sound) > 1 else None
    return [
        ["validation errors, mean", number(statistics.mean(sound)) if sound else None],
        ["validation errors, standard deviation", spread and number(spread)],
        ["validation cases", record["cases"]["validation"]],
        ["nets that diverged", len(counts) - len(sound)],
    ]
