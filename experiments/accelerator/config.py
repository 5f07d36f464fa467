"""What the sections of `experiments.accelerator` share: options, whole runs, what they find."""

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dbnjax import files
from experiments import mnist_dbn
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark import main as benchmark
from experiments.benchmark.jobs import Setting, Sizes
from experiments.common.options import option
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import presets


@dataclasses.dataclass(frozen=True)
class Config(dbn_config.Config):
    """The main job's options, the paper's by default, and those of the sections' own."""

    preset: str = option(
        "paper", "Recipe of the nets: paper, best, 16x16.", tuple(filter(None, presets.PRESETS))
    )
    save_every: int = option(100, "Epochs between checkpoints: a whole run may take a minute.")
    workdir: str = option("", "Folder of the temporary work directories; empty: the system's.")
    steps: int = option(440, "Minibatches in an epoch of kernels, ensembles and draws.")
    rounds: int = option(5, "Timings of everything in bandwidth, ensembles and draws.")
    members: tuple[int, ...] = option((1, 8, 64), "Machines of ensembles that learn together.")
    triad_mb: int = option(1024, "Megabytes of each of the triad's three arrays.")
    n_protocols: int = option(64, "Nets of protocols that learn together.")


class Found(NamedTuple):
    """What a section found, JSON-able.

    Attributes:
      columns: of its table.
      rows: as many cells as columns.
      note: what the numbers are.
      bars: what is asked for, from `at_most` and `at_least`.
    """

    columns: list[str]
    rows: list[list[Any]]
    note: str
    bars: list[dict[str, Any]]


class Finished(NamedTuple):
    """A run of the main job.

    Attributes:
      result: what its `result.json` holds.
      seconds: from reading the images to the last figure.
    """

    result: dict[str, Any]
    seconds: float

    def errors(self, split: str) -> int | None:
        """Returns those of the deterministic read-out, by the last net judged on a split."""
        judged = [read_outs["deterministic"] for read_outs in self.result["errors"].values()]
        counts: list[int] = [found[split] for found in judged if split in found]
        return counts[-1] if counts else None


def at_most(what: str, limit: float, unit: str, found: float) -> dict[str, Any]:
    """Judges a number by the most that is asked for."""
    return bar(f"{what}: at most {limit:g} {unit}", found, found <= limit)


def at_least(what: str, limit: float, unit: str, found: float) -> dict[str, Any]:
    """Judges a number by the least that is asked for."""
    return bar(f"{what}: at least {limit:g} {unit}", found, found >= limit)


def bar(asked: str, found: float, met: bool) -> dict[str, Any]:
    """Makes the record of something that is asked for."""
    return {"bar": asked, "found": number(found), "met": met}


def number(value: float) -> float:
    """Rounds to four significant digits."""
    return float(f"{value:.4g}")


def setting(config: Config) -> Setting:
    """Makes random images and the net that the timed programs learn from."""
    sizes = Sizes(layers=config.layers, batch_size=config.batch_size)
    cases = benchmark.cases(benchmark.Config(steps=config.steps), sizes)
    return benchmark_jobs.setting(sizes, *cases)


def main_job(config: Config, workdir: Path, **changes: Any) -> dbn_config.Config:
    """Returns the options of a run of the main job."""
    names = [field.name for field in dataclasses.fields(dbn_config.Config)]
    values = {name: getattr(config, name) for name in names}
    return dbn_config.Config(**{**values, "workdir": str(workdir), **changes})


def finish(job: dbn_config.Config) -> Finished:
    """Runs the main job and times it."""
    began = time.perf_counter()
    mnist_dbn.run(job)
    seconds = time.perf_counter() - began
    return Finished(files.read_json(files.expand(job.workdir) / "result.json"), seconds)


@contextlib.contextmanager
def folder(config: Config) -> Iterator[Path]:
    """Makes a folder for work directories, and deletes it at the end.

    Raises:
      InputError: it cannot be made.
    """
    with contextlib.ExitStack() as stack:
        place = files.expand(config.workdir or tempfile.gettempdir())
        with files.writing(place / "accelerator"):
            made = tempfile.TemporaryDirectory(prefix="accelerator-", dir=place)
            name = stack.enter_context(made)
        yield Path(name)
