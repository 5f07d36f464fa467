"""What `python -m experiments.sweep` runs."""

import dataclasses
from typing import Any

import jax

from dbnjax import checks, files
from dbnjax.training import sharding
from experiments.common import (
    arithmetic,
    cases,
    devices,
    options,
    provenance,
    record_files,
    workdir,
)
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import presets
from experiments.sweep import members as sweep_members
from experiments.sweep import one_by_one, outcomes, report
from experiments.sweep import together as sweep_together
from experiments.sweep.config import Config
from experiments.sweep.members import Member
from experiments.sweep.outcomes import Sweep

# What a resumed sweep may change.
HOW = options.names(dbn_config.Config, options.HOW)
FREE = ("workdir", "grid", "output", "together", *HOW)


def run(config: Config) -> dict[str, Any]:
    """Learns the members that are not finished, and writes and prints the table.

    Returns:
      What the file holds.

    Raises:
      InputError: an option, the grid, the devices, the data or the work directory cannot be used.
    """
    where = devices.taken(config.platform, config.mesh, sharding.AXES)
    with where, arithmetic.precision(config.precision):
        return run_here(config)


def run_here(config: Config) -> dict[str, Any]:
    """Does what `run` does, on the devices in use."""
    used = dataclasses.replace(
        config, all_epochs=0, tail_epochs=0, baselines=False, tensorboard=False
    )
    checks.require(used.labels, "--labels: expected labels, by whose errors a sweep chooses")
    checks.require(
        not used.stream,
        f"--stream: expected none, since all members learn from cases in memory, got {used.stream}",
    )
    members = sweep_members.make(used, used.grid)
    together = at_once(config)
    if together:
        sweep_members.check_together(members)
        sharding.check_divides("--grid: members", len(members), sharding.ENSEMBLE)
    sweep = prepare(used, members)
    left = [member for member in members if not outcomes.finished(sweep, member)]
    print(f"{sweep.folder}: {len(members)} members, {len(members) - len(left)} finished")
    if left:
        workdir.note_commit(sweep.folder)
        if together and len(left) % sharding.n_devices(sharding.ENSEMBLE):
            print(f"{len(left)} left, which --mesh cannot split evenly: every device learns all")
        (sweep_together if together else one_by_one).learn(sweep, left)
    output = files.expand(config.output or sweep.folder / "sweep.json")
    sharding.by_first(lambda: files.write_json(output, result(config, sweep, members)))
    written = record_files.Source(output.stem, files.read_json(output))
    print("\n\n".join(report.one_sweep(written)))
    print(f"\nwritten to {output}")
    return written.record


def at_once(config: Config) -> bool:
    """Returns whether one program learns all members."""
    split = sharding.n_devices(sharding.ENSEMBLE) > 1
    if config.together == "auto":
        return split or jax.default_backend() != "cpu"
    checks.require(
        config.together == "yes" or not split,
        f"--together=no: expected no {sharding.ENSEMBLE} in --mesh, got --mesh={config.mesh}; "
        "members that learn one after another cannot be split over devices",
    )
    return config.together == "yes"


def prepare(config: Config, members: list[Member]) -> Sweep:
    """Reads the cases, checks that every member can learn from them, makes the folder."""
    source, splits = cases.read(config, config.side)
    data, *_ = [  # the same for every batch size, but each has to allow balanced minibatches
        cases.put(splits.train, source.n_classes, batch_size, balanced=True)
        for batch_size in {member.config.batch_size for member in members}
    ]
    held_out = cases.put(splits.validation, source.n_classes, 1, balanced=False)
    learned_from = {"data_dir": (splits.train, splits.validation)}
    folder = workdir.prepare(config.workdir, config, FREE, learned_from)
    return Sweep(folder, source.n_classes, data, held_out, config.seed)


def result(config: Config, sweep: Sweep, members: list[Member]) -> dict[str, Any]:
    """Returns the table with how and where it was made."""
    given = presets.PRESETS[config.preset]
    hidden = {*sweep_members.NO_PART, *workdir.PLACES, *HOW, *members[0].varied}
    proxy = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(dbn_config.Config)
        if field.name not in hidden
        and getattr(config, field.name) != given.get(field.name, field.default)
    }
    return {
        **workdir.origin(sweep.folder),
        "command": provenance.command(
            "experiments.sweep", config, given, ("workdir", "output", "tensorboard")
        ),
        "proxy": proxy,
        "cases": {"train": len(sweep.data.labels), "validation": len(sweep.held_out.labels)},
        "rows": [
            {"varied": member.varied} | outcomes.read(sweep, member)._asdict() for member in members
        ],
    }
