"""What `python -m experiments.sweep` runs."""

import dataclasses
from typing import Any, cast

import jax

from dbnjax import checks, files
from dbnjax.training import sharding
from experiments.common import cases, devices, options, records, workdir
from experiments.sweep import config as sweep_config
from experiments.sweep import report, train
from experiments.sweep.config import Config, Member
from experiments.sweep.report import Record
from experiments.sweep.train import Sweep


def run(config: Config) -> dict[str, Any]:
    """Learns the members that are not finished, and writes and prints the table.

    Returns:
      What the file holds.

    Raises:
      InputError: an option, the grid, the devices, the data or the work directory cannot be used.
    """
    with devices.of(config, sharding.AXES):
        return run_here(config)


def run_here(config: Config) -> dict[str, Any]:
    """Does what `run` does, on the devices in use."""
    used = dataclasses.replace(
        config, all_epochs=0, tail_epochs=0, baselines=False, tensorboard=False
    )
    used.check_options()
    members = sweep_config.members(used, used.grid)
    together = at_once(config)
    if together:
        sweep_config.check_together(members)
        sharding.check_divides("--grid: members", len(members), sharding.ENSEMBLE)
    sweep = prepare(used, members)
    left = [member for member in members if not sweep.outcome(member).exists()]
    print(f"{sweep.folder}: {len(members)} members, {len(members) - len(left)} finished")
    if left:
        workdir.note_commit(sweep.folder)
        if together and len(left) % sharding.n_devices(sharding.ENSEMBLE):
            print(f"{len(left)} left, which --mesh cannot split evenly: every device learns all")
        (train.together if together else train.one_by_one)(sweep, left)
    output = files.expand(config.output or sweep.folder / "sweep.json")
    sharding.by_first(lambda: files.write_json(output, result(config, sweep, members)))
    written = records.Source(output.stem, files.read_json(output))
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
    folder = workdir.begin(config, {"data_dir": (splits.train, splits.validation)})
    return Sweep(config, folder, source.n_classes, data, held_out)


def result(config: Config, sweep: Sweep, members: list[Member]) -> Record:
    """Returns the table with how and where it was made."""
    learned = options.names(Config, options.LEARNS) - {*sweep_config.NO_PART, *members[0].varied}
    given = options.given(config)
    record = {
        **workdir.origin(sweep.folder),
        "command": options.command(config),
        "proxy": {name: value for name, value in given.items() if name in learned},
        "cases": {"train": len(sweep.data.labels), "validation": len(sweep.held_out.labels)},
        "rows": [
            {"varied": member.varied} | train.read(sweep, member)._asdict() for member in members
        ],
    }
    return cast(Record, record)
