"""What `python -m experiments.scaling` runs: epochs compiled on meshes, and what they send."""

import contextlib
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import PartitionSpec

from dbnjax import checks, files
from dbnjax.models import dbn as dbn_lib
from dbnjax.training import loop, sharding
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import operations
from experiments.benchmark import report as benchmark_report
from experiments.benchmark.jobs import PAPER, Setting, Sizes, Training
from experiments.common import options, provenance
from experiments.common.records import Source
from experiments.common.tables import Headline
from experiments.scaling.config import ROUNDS, Config

TITLE = "Weak scaling"  # of its page of results

Record, check = benchmark_report.Record, benchmark_report.check  # of a committed table
N_STEPS = 5  # minibatches in an epoch
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
KINDS = (
    "all-reduce|all-gather|all-to-all|collective-permute|collective-broadcast|reduce-scatter|"
    "send|recv"
)
OPERATION = re.compile(rf" ({KINDS})(?:-start)?\(")
ARRAY = re.compile(r"\b(?:pred|[a-z]+(\d+))\[([\d,]*)\]")  # bits of an element, and the shape


class Collective(NamedTuple):
    """An operation in which devices exchange something.

    Attributes:
      kind: XLA's name.
      n_bytes: of its results on one device, several arrays counted together.
    """

    kind: str
    n_bytes: int


class Collectives(NamedTuple):
    """Those of a program: `inside` its loops, each counted once, and `outside` of them."""

    inside: list[Collective]
    outside: list[Collective]


class Program(NamedTuple):
    """An epoch compiled on a mesh: what learns, from how many cases, what is sent, and a call."""

    rule: str
    mesh: str
    n_cases: int
    n_bytes: int
    sent: Collectives
    call: Callable[[], Any]


def run(config: Config, sizes: Sizes = PAPER) -> dict[str, Any]:
    """Compiles every rule on every mesh, counts what is sent and prints the table.

    Returns:
      What `--output` holds: command, commit, machine, versions, date, columns, rows and note.

    Raises:
      InputError: so many devices cannot be simulated, or the file cannot be written.
    """
    config.check_options()
    most = max(config.devices)
    simulate(most)
    programs: list[Program] = []
    for n in config.devices:
        larger = dataclasses.replace(sizes, batch_size=n * sizes.batch_size)
        programs += compile_all(f"{sharding.DATA}:{n}", larger)
    programs += compile_all(f"{sharding.ENSEMBLE}:{most}", sizes, n_members=most)
    programs.sort(key=lambda one: one.rule)
    calls: dict[Hashable, Callable[[], Any]] = {one[:2]: one.call for one in programs}
    seconds = operations.time_calls(calls, ROUNDS)[0] if config.time else {}
    result = provenance.made() | {
        "command": options.command(config),
        "columns": list(COLUMNS),
        "rows": [row(one, seconds.get(one[:2])) for one in programs],
        "note": NOTE.format(size=sizes.batch_size),
    }
    if config.output is not None:
        files.write_json(config.output, result)
    print(benchmark_report.lay_out(result))
    return result


def headline(runs: list[Source]) -> list[Headline]:
    """What an update of a rule sends on the most devices."""
    rows = []
    for run in runs:
        rows_of_data = [row for row in run.record["rows"] if "data" in row[1]]
        rule, mesh, _, sent = (rows_of_data or run.record["rows"])[-1][:4]
        rows.append(Headline(f"sent in an update, {rule}", f"{sent} (mesh {mesh})"))
    return rows


def sections(runs: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md, nothing without a record."""
    return [part for run in runs for part in benchmark_report.measured(run.record)]


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


def compile_all(mesh: str, sizes: Sizes, n_members: int = 0) -> list[Program]:
    """Compiles an epoch of every rule on a mesh, of an ensemble if it has members."""
    n = N_STEPS * sizes.batch_size
    pixels = np.random.default_rng(0).integers(0, 256, (n, jobs_lib.N_PIXELS), dtype=np.uint8)
    setting = jobs_lib.setting(sizes, pixels, np.arange(n) % sizes.n_labels)
    return [
        compile_epoch(rule, mesh, setting, what, n_members) for rule, what in rules(setting).items()
    ]


def rules(setting: Setting) -> dict[str, Training]:
    """Returns what learns: the first RBM by two rules, and the net."""
    rbm, net = setting.stack.rbms[0], dbn_lib.untie(setting.stack)
    divergence = jobs_lib.divergence(rbm, setting.sizes.batch_size)
    shape = "{}-{}".format(*rbm.weights.shape)
    layers = "-".join(map(str, (setting.n_pixels, *setting.sizes.layers)))
    return {
        f"CD-1, {shape}": divergence,
        f"PCD-1, {shape}": jobs_lib.persistently(divergence),
        f"up-down, {layers}": jobs_lib.tuning(setting, net),
    }


def compile_epoch(
    rule: str, mesh: str, setting: Setting, what: Training, n_members: int
) -> Program:
    """Compiles an epoch and counts what it sends.

    Minibatches and chains are split over the devices, or the members of an ensemble, if any.
    """
    make = loop.ensemble_program if n_members else loop.epoch_program
    program: Any = make(what.learner, what.prepare, what.batch_size)
    given: Any = what.hyper, what.learner.init(jax.random.key(1), what.params), what.context
    if n_members:
        given = jobs_lib.stacked(given, n_members)
    with sharding.using(mesh):
        everywhere = jax.device_put((jax.random.key(2), *given, setting.data), PartitionSpec())
        key, hyper, state, context, data = everywhere
        state = sharding.place_members(state) if n_members else sharding.place(state)
        compiled = program.lower(key, hyper, state, context, data).compile()

    def call() -> loop.Report:
        nonlocal state
        state, report = compiled(key, hyper, state, context, data)
        return report

    n_bytes = sum(array.nbytes for array in jax.tree.leaves(what.params))
    return Program(rule, mesh, what.batch_size, n_bytes, find(compiled.as_text()), call)


def find(text: str) -> Collectives:
    """Finds the collective operations of a program.

    Args:
      text: of the optimised HLO module, `compiled.as_text()`. All computations but the entry
        belong to loops in what `training.loop` compiles.
    """
    found, entry = Collectives([], []), False
    for line in text.splitlines():
        if line.endswith("{") and not line.startswith(" "):
            entry = line.startswith("ENTRY")
        operation = OPERATION.search(line)
        if operation:
            one = Collective(operation[1], n_bytes(line[: operation.start()]))
            (found.outside if entry else found.inside).append(one)
    return found


def n_bytes(text: str) -> int:
    """Returns the bytes of all arrays whose types stand in a text, `f32[784,500]` and the like."""
    return sum(
        math.prod(map(int, filter(None, shape.split(",")))) * int(bits or 8) // 8
        for bits, shape in ARRAY.findall(text)
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
