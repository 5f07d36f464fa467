"""What `python -m experiments.accelerator` runs: its sections, most of them whole main jobs.

A section returns its `columns`, `rows` and `note`, and what is `asked` of it: what, the number that
was found, the most that is asked for and its unit.
"""

import contextlib
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax

from dbnjax import checks, files
from dbnjax.data import preparation
from dbnjax.training import metrics
from experiments import likelihood, mnist_dbn, sweep
from experiments.accelerator.config import SECTIONS, Config, main_job
from experiments.accelerator.kernels import kernels
from experiments.benchmark import report as benchmark_report
from experiments.benchmark.report import number
from experiments.common import cases as dbn_cases
from experiments.common import devices, options, provenance, records, tables
from experiments.common.groups import GENERATORS
from experiments.likelihood.reported import FORWARD
from experiments.mnist_dbn import config as dbn_config

COLD, WARM, MINUTES = 90.0, 60.0, 8.0  # seconds of a run; minutes of all nets together
PROTOCOL_NOTE = (
    "Seconds of `experiments.mnist_dbn` in this process, from reading the images to the last "
    "figure, products in precision {precision} and draws by {draws}; Python, JAX and the device "
    "were started before. Cold: with an empty cache of compiled programs; warm: with those that "
    "the cold run left on the disk, all of them, none in memory. The seconds of a stage are those "
    "of its epochs, where its programs compile in the first; the rest is data, checkpoints, "
    "read-outs and figures. What XLA's tuning of products remembers of earlier sections of the "
    "same call is kept, so that this one goes first."
)
PROTOCOLS_NOTE = (
    "Nets of as many seeds, learned by `experiments.sweep` in one program a stage, each chosen by "
    "validation. A sweep leaves out the epochs on all cases and the read-outs of section 6.2: for "
    "{n_epochs} epochs on {n_cases:,} cases the median of the last phase's is reckoned, by their "
    "number of cases. Seconds of a stage are those of its epochs, counting validation errors and, "
    "in the first, compilation included; the rest is data, checkpoints and the last count."
)
PRECISIONS = ("default", "highest", "bfloat16")
SCORING = {"n_chains": 100, "n_temperatures": 5000, "n_samples": 10, "n_subset": 0}
PRECISION_NOTE = (
    "`mnist_dbn` without the epochs on all cases, so that validation cases are held out. Log p: "
    "by `experiments.likelihood`, mean over the test images, drawn once as binary pixels, in nats, "
    "of an RBM or of the bound of equation 4.2 of a deep net; log Z by {n_chains} chains of AIS "
    "from below over {n_temperatures:,} temperatures, {n_samples} recognition passes an image; "
    "beside it half the 95 % interval, None where too few chains count. Errors are the "
    "deterministic read-out's; all that is reported is in full float32."
)


class Section(benchmark_report.Record):
    """What the file holds of a section."""

    seconds: float
    asked: list[tuple[str, float, float, str]]


def run(config: Config) -> dict[str, Section]:
    """Measures the sections, each written when it is done, and prints all of the file.

    Returns:
      What the file holds, by section.

    Raises:
      InputError: an option, the device, the data or a folder cannot be used, or the device has too
        little memory for a section.
    """
    config.check_options()
    record = read(files.expand(config.output))
    with (
        devices.taken(config.platform, "", ()),
        devices.precision(config.precision),
        jax.default_prng_impl(GENERATORS[config.draws]),
    ):
        for name in (name for name in SECTIONS if name in config.sections):
            record[name] = measure(config, name)
            files.write_json(config.output, record)
            print(f"{name}: written to {config.output}", flush=True)
    print("\n\n".join(section(name, found) for name, found in record.items()))
    return record


def read(path: Path) -> dict[str, Section]:
    """Reads the sections that were measured before; none without a file.

    Raises:
      InputError: the file is damaged, or of a version whose sections held less.
    """
    found: dict[str, Section] = files.read_json(path) if path.exists() else {}
    records.conform(path, records.TOP, found, dict[str, Section])
    for one in found.values():
        benchmark_report.check(path, dict(one))
    return found


def measure(config: Config, name: str) -> Section:
    """Measures a section; returns what the file holds of it."""
    own = dataclasses.replace(config, sections=(name,))
    began = time.perf_counter()
    try:
        found = MEASURE[name](config)
    except devices.FAILURE as error:
        line = devices.explain(error)
        if line is None:
            raise
        raise checks.InputError(
            f"section {name}: {line}; here the members are --n_protocols; what was measured before "
            "is in --output"
        ) from error
    made = {**provenance.made(), "command": options.command(own)}
    return cast(Section, {**made, "seconds": time.perf_counter() - began, **found})


def section(name: str, found: Section) -> str:
    """Lays out a section: what it is of, its table, its note, and whether it is what is asked."""
    on, date = tables.devices(found["machine"]), found.get("date", "no date")
    about = f"{name}: {on}; {date}; {found['seconds']:.0f} s\n{found['command']}"
    verdicts = [
        f"{what}: {number(value)} {unit}, at most {number(most)}: "
        f"{tables.Target(what, most).verdict(value)}"
        for what, value, most, unit in found["asked"]
    ]
    return "\n\n".join([about, benchmark_report.lay_out(found), *verdicts])


class Finished(NamedTuple):
    """A run of `mnist_dbn`: what its `result.json` holds, and its seconds to the last figure."""

    result: dict[str, Any]
    seconds: float

    def errors(self, split: str) -> int | None:
        """Returns those of the deterministic read-out, by the last net judged on a split."""
        judged = [read_outs["deterministic"] for read_outs in self.result["errors"].values()]
        counts: list[int] = [found[split] for found in judged if split in found]
        return counts[-1] if counts else None


def finish(job: dbn_config.Config) -> Finished:
    """Runs `mnist_dbn` and times it."""
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
    place = files.expand(config.workdir or tempfile.gettempdir())
    with files.writing(place / "accelerator"):
        made = tempfile.TemporaryDirectory(prefix="accelerator-", dir=place)
    with made as name:
        yield Path(name)


def protocol(config: Config) -> dict[str, Any]:
    """Runs `mnist_dbn` twice, from its images to its figures, compiled anew and not."""
    with folder(config) as place, devices.compile_cache(place / "cache"):
        runs, n_programs = {}, [0]
        for name in ("cold", "warm"):
            jax.clear_caches()
            runs[name] = finish(main_job(config, place / name))
            n_programs.append(len(list((place / "cache").glob("*-cache"))))
    in_all = [run.seconds for run in runs.values()]
    stages = [run.result["seconds"] for run in runs.values()]
    rest = [whole - sum(found.values()) for whole, found in zip(in_all, stages, strict=True)]
    seconds = {stage: [found[stage] for found in stages] for stage in stages[0]}
    seconds |= {"the rest": rest, "in all": in_all}
    errors = [run.result["errors"] for run in runs.values()]
    return {
        "columns": ["", *runs],
        "rows": [
            *([f"{name}, s", *map(number, found)] for name, found in seconds.items()),
            ["programs compiled", n_programs[1], n_programs[2] - n_programs[1]],
            *(
                [f"test errors, {stage}, {name}", *(found[stage][name]["test"] for found in errors)]
                for stage, read_outs in errors[0].items()
                for name in read_outs
            ),
        ],
        "note": PROTOCOL_NOTE.format(precision=config.precision, draws=config.draws),
        "asked": [
            ("cold run", in_all[0], COLD, "seconds"),
            ("warm run", in_all[1], WARM, "seconds"),
        ],
    }


def protocols(config: Config) -> dict[str, Any]:
    """Learns whole nets of many seeds in one program a stage, by the sweep."""
    seeds = range(config.seed, config.seed + config.n_protocols)
    epochs: dict[str, list[float]] = {}
    with folder(config) as place:
        job = main_job(config, place / "sweep")
        grid = f"seed={','.join(map(str, seeds))}"
        began = time.perf_counter()
        record = sweep.run(sweep.Config(**dataclasses.asdict(job), grid=grid, together="yes"))
        spent = time.perf_counter() - began
        for path in sorted((place / "sweep" / "together").glob("*/metrics.jsonl")):
            for one in metrics.read(path):
                epochs.setdefault(one["stage"], []).append(one["seconds"])
        source, splits = dbn_cases.read(job)
    n_all = len(preparation.all_but_test(source, splits).pixels)
    *_, last = epochs.values()  # like which those on all cases would be
    more = config.all_epochs * statistics.median(last) * n_all / len(splits.train.pixels)
    what, rest = f"{config.n_protocols} nets together", spent - sum(map(sum, epochs.values()))
    return {
        "columns": ["", what],
        "rows": [
            *([f"{stage}, {len(s)} epochs, s", number(sum(s))] for stage, s in epochs.items()),
            ["the rest, s", number(rest)],
            ["epochs on all cases, reckoned, s", number(more)],
            ["in all, s", number(spent + more)],
            *errors_of_nets(record),
        ],
        "note": PROTOCOLS_NOTE.format(n_epochs=config.all_epochs, n_cases=n_all),
        "asked": [(f"{what}, the protocol", (spent + more) / 60, MINUTES, "minutes")],
    }


def errors_of_nets(record: Mapping[str, Any]) -> list[list[Any]]:
    """Returns the rows of the validation errors of a sweep."""
    counts = [row["validation_errors"] for row in record["rows"]]
    finite = [n for n in counts if n is not None]
    spread = statistics.stdev(finite) if len(finite) > 1 else None
    return [
        ["validation errors, mean", number(statistics.mean(finite)) if finite else None],
        ["validation errors, standard deviation", number(spread)],
        ["validation cases", record["cases"]["validation"]],
        ["nets that diverged", len(counts) - len(finite)],
    ]


def precision(config: Config) -> dict[str, Any]:
    """Runs `mnist_dbn` with products of several precisions."""
    rows = []
    for name in PRECISIONS:
        with folder(config) as place:
            job = main_job(config, place / "run", precision=name, all_epochs=0, tail_epochs=0)
            run = finish(job)
            value, half = log_p(job, place / "run" / "net.safetensors")
        counts = run.errors("validation"), run.errors("test")
        rows.append([name, number(run.seconds), *counts, round(value, 3), number(half)])
    return {
        "columns": [
            *("products", "s in all", "validation errors", "test errors"),
            *("log p, nats", "log Z, +-"),
        ],
        "rows": rows,
        "note": PRECISION_NOTE.format(**SCORING),
        "asked": [],
    }


def log_p(job: dbn_config.Config, net: Path) -> tuple[float, float | None]:
    """Returns log p of the test images under a saved net, or its bound, and half its interval."""
    names = ("dataset", "data_dir", "side", "n_test", "split_seed")
    chosen: dict[str, Any] = {name: getattr(job, name) for name in names} | SCORING
    record = likelihood.run(likelihood.Config(net=str(net), **chosen))
    value, _, high = record["rows"][0]["values"][FORWARD]
    return value, None if high is None else high - value


MEASURE: dict[str, Callable[[Config], dict[str, Any]]] = {
    "protocol": protocol,
    "kernels": kernels,
    "protocols": protocols,
    "precision": precision,
}
