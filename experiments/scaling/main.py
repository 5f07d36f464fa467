"""What `python -m experiments.scaling` runs."""

import contextlib
import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import jax

from dbnjax import checks, files
from dbnjax.training import sharding
from experiments.benchmark import report as benchmark_report
from experiments.benchmark import timing as benchmark_timing
from experiments.benchmark.jobs import Sizes
from experiments.common import provenance
from experiments.scaling.collectives import Collective
from experiments.scaling.config import ROUNDS, Config
from experiments.scaling.programs import N_STEPS, Program, compile_all, split_cases, split_members

PAPER = Sizes()
COLUMNS = (
    "rule",
    "mesh",
    "cases an update",
    "sent in an update",
    "bytes sent",
    "bytes of the parameters",
    "sent once an epoch",
    "ms an update",
)
NOTE = (
    "Simulated devices, {size} cases an update on each. Sent in an update: the collective "
    "operations in the loops of the compiled epoch, and the bytes of their results on one device. "
    "Beside them the parameters: a machine's two phases are reduced apart, and each has as many "
    "statistics as it has parameters. Sent once an epoch: the operations outside of the loops. An "
    "ensemble has one member on each device, and the parameters are those of one."
)


def run(config: Config, sizes: Sizes = PAPER) -> dict[str, Any]:
    """Compiles every rule on every mesh, counts what is sent and prints the table.

    Returns:
      What `--output` holds: command, commit, machine, versions, date, columns, rows and note.

    Raises:
      InputError: so many devices cannot be simulated, or the file cannot be written.
    """
    checks.require(bool(config.devices), "--devices: expected one number or more, got none")
    for n in config.devices:
        checks.check_count("--devices", n, 1)
    most = max(config.devices)
    simulate(most)
    programs: list[Program] = []
    for n in config.devices:
        larger = dataclasses.replace(sizes, batch_size=n * sizes.batch_size)
        programs += compile_all(f"{sharding.DATA}:{n}", larger, split_cases)
    members = functools.partial(split_members, n_members=most)
    programs += compile_all(f"{sharding.ENSEMBLE}:{most}", sizes, members)
    programs.sort(key=lambda one: one.rule)
    calls: dict[Hashable, Callable[[], Any]] = {one[:2]: one.call for one in programs}
    seconds = benchmark_timing.measure(calls, ROUNDS)[0] if config.time else {}
    result = provenance.made() | {
        "command": provenance.command("experiments.scaling", config, {}),
        "columns": list(COLUMNS),
        "rows": [row(one, seconds.get(one[:2])) for one in programs],
        "note": NOTE.format(size=sizes.batch_size),
    }
    if config.output is not None:
        files.write_json(config.output, result)
    print(f"{benchmark_report.table(result['columns'], result['rows'])}\n\n{result['note']}")
    return result


def simulate(n_devices: int) -> None:
    """Makes JAX run on so many simulated devices, or on more if it was asked for them before.

    Raises:
      InputError: JAX runs already, and has fewer.
    """
    asked = jax.config.jax_num_cpu_devices  # type: ignore[attr-defined]
    with contextlib.suppress(RuntimeError):  # JAX runs: what it has may do
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_num_cpu_devices", max(n_devices, asked))
    found = len(jax.devices("cpu"))
    checks.require(
        n_devices <= found and jax.default_backend() == "cpu",
        f"--devices: expected at most {found}, as many as JAX simulates since it was started, got "
        f"{n_devices}; use a process of its own",
    )


def row(one: Program, seconds: float | None) -> list[Any]:
    """Returns the cells of a program."""
    inside, outside = one.sent
    n_sent = sum(found.n_bytes for found in inside)
    ms = benchmark_report.number(seconds and 1000 * seconds / N_STEPS)
    return [*one[:3], told(inside), n_sent, one.n_bytes, told(outside), ms]


def told(found: list[Collective]) -> str:
    """Says how many operations of each kind there are."""
    counts = Counter(one.kind for one in found)
    return ", ".join(f"{n} {kind}" for kind, n in counts.items()) or "nothing"
