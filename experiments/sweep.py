"""Chooses rates, momenta, decays and other flags of the main job on validation, by a short proxy.

    python -m experiments.sweep --preset=best --data_dir=FOLDER \\
        --grid="up_down_rate=0.02,0.05,0.1;up_down_statistics=sample,mean" \\
        --greedy_epochs=8 --memory_epochs=10 --up_down_epochs=3 \\
        --output=results/sweeps/up_down.json

takes the main job's flags, makes a member of every combination of the grid's values, learns each
greedily and by up-down, and prints and writes a table of validation and training errors under the
deterministic read-out: those of the net that did best on validation. The test set is not looked
at. All cases, the long tail, other read-outs, baselines and TensorBoard play no part.

A grid with seed=0,1,2 in it learns every setting with each of them; validation then chooses by the
mean over seeds, and the table gives it with its standard deviation. up_down_steps=3-6-10,1-1-1
varies the Gibbs iterations of the phases.

On a CPU the members learn one after another, and those whose greedy flags are equal share one
stack. On an accelerator all learn together, one program a stage; only seeds, rates, their
schedules, momenta, decays and Gibbs iterations may vary then. --together=yes or no decides
otherwise. Both ways draw the same, but for the order of the cases: members that learn together
share that of --seed. An update is the same up to rounding; over many updates rounding flips a draw
now and then, so that the nets differ as if by chance. A member that diverges is noted as such.
--mesh=ensemble:4 splits members that learn together over 4 devices, data:2 each minibatch over 2.

The same command again resumes a sweep that was stopped; the same work directory with another grid
learns only the members that are new. The time of a member is that of its epochs, greedy ones
included, and its share where all learn together. Four members of the command above, on two CPU
cores: about a quarter of an hour.
"""

import dataclasses
from typing import Any

import jax

from dbnjax import checks, files
from dbnjax.training import sharding
from experiments import (
    arithmetic,
    dbn_cases,
    dbn_config,
    devices,
    flags,
    presets,
    provenance,
    results_files,
    results_sweeps,
    sweep_members,
    sweep_one_by_one,
    sweep_outcomes,
    sweep_together,
    workdir,
)
from experiments.flags import option
from experiments.sweep_members import Member
from experiments.sweep_outcomes import Sweep

# What a resumed sweep may change.
FREE = ("workdir", "grid", "output", "together", *dbn_config.WHERE)


@dataclasses.dataclass(frozen=True)
class Config(dbn_config.Config):
    """The main job's options and the sweep's own; each is a flag."""

    workdir: str = option("runs/sweep", "Folder for all that the run writes.")
    grid: str = option("", "What varies: name=value,value;name=value of the flags here.")
    output: str | None = option(None, "JSON file of the table; else sweep.json in the workdir.")
    together: str = option(
        "auto", "All members in one program; auto: on an accelerator.", ("auto", "yes", "no")
    )


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
    left = [member for member in members if not sweep_outcomes.finished(sweep, member)]
    print(f"{sweep.folder}: {len(members)} members, {len(members) - len(left)} finished")
    if left:
        workdir.note_commit(sweep.folder)
        if together and len(left) % sharding.n_devices(sharding.ENSEMBLE):
            print(f"{len(left)} left, which --mesh cannot split evenly: every device learns all")
        (sweep_together if together else sweep_one_by_one).learn(sweep, left)
    output = files.expand(config.output or sweep.folder / "sweep.json")
    sharding.by_first(lambda: files.write_json(output, result(config, sweep, members)))
    written = results_files.Source(output.stem, files.read_json(output))
    print("\n\n".join(results_sweeps.one_sweep(written)))
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
    source, splits = dbn_cases.read(config)
    data, *_ = [  # the same for every batch size, but each has to allow balanced minibatches
        dbn_cases.put(splits.train, source.n_classes, batch_size, balanced=True)
        for batch_size in {member.config.batch_size for member in members}
    ]
    held_out = dbn_cases.put(splits.validation, source.n_classes, 1, balanced=False)
    learned_from = {"data_dir": (splits.train, splits.validation)}
    folder = workdir.prepare(config.workdir, config, FREE, learned_from)
    return Sweep(folder, source.n_classes, data, held_out, config.seed)


def result(config: Config, sweep: Sweep, members: list[Member]) -> dict[str, Any]:
    """Returns the table with how and where it was made."""
    given = presets.PRESETS[config.preset]
    hidden = {*sweep_members.NO_PART, *workdir.PLACES, *dbn_config.WHERE, *members[0].varied}
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
            {"varied": member.varied} | sweep_outcomes.read(sweep, member)._asdict()
            for member in members
        ],
    }


if __name__ == "__main__":
    flags.launch(run, Config, presets.PRESETS)
