"""What `python -m experiments.sweep` runs: members that learn one by one or all in one program.

Both ways take the training functions of the library: `pretraining` and `fine_tuning` for one member
after another, `ensembles` for all of them at once. Members of one greedy part share their stack.
"""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, files
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import ensembles, fine_tuning, loop, metrics, pretraining, sharding, stages
from dbnjax.training.stages import DivergenceError
from dbnjax.training.task import Task
from dbnjax.types import Key
from experiments.common import cases, devices, options, records, workdir
from experiments.common.records import TOP, conform, require_key
from experiments.mnist_dbn.train import stack_plan, up_down_plan
from experiments.sweep import config as sweep_config
from experiments.sweep import report
from experiments.sweep.config import Config, Member, joint_label
from experiments.sweep.report import Record


class Outcome(NamedTuple):
    """Errors under the deterministic read-out, None where the member diverged, and time.

    Attributes:
      seconds: wall time of the member's epochs, greedy ones included; the member's share where
        all learn in one program.
      validation_errors: of the net that did best on validation in up-down.
      training_errors: of the same net.
      epoch: of up-down after which it stood; 0 for the greedy net.
      greedy_validation_errors: of the net before up-down.
      greedy_training_errors: of the same net.
    """

    seconds: float
    validation_errors: int | None = None
    training_errors: int | None = None
    epoch: int | None = None
    greedy_validation_errors: int | None = None
    greedy_training_errors: int | None = None


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What all members share.

    Attributes:
      config: the command's options; its seed orders the cases of members that learn together,
        whatever their own.
      folder: of the sweep.
      n_labels: label units of the top RBM.
      data: training cases on the device.
      held_out: validation cases on the device.
    """

    config: Config
    folder: Path
    n_labels: int
    data: loop.Data
    held_out: loop.Data

    def task(self, key: Key, folder: Path) -> Task:
        """Makes what the stages of one member, or of all, take."""
        place = stages.Place(folder, save_every=self.config.save_every)
        return Task(key, self.n_labels, self.data, self.held_out, place)

    def member(self, member: Member) -> Path:
        """The folder of a member."""
        return self.folder / "members" / member.name

    def outcome(self, member: Member) -> Path:
        """The file of a member's outcome."""
        return self.member(member) / "outcome.json"


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
    joint = at_once(config)
    if joint:
        sweep_config.check_together(members)
        sharding.check_divides("--grid: members", len(members), sharding.ENSEMBLE)
    sweep = prepare(used, members)
    left = [member for member in members if not sweep.outcome(member).exists()]
    print(f"{sweep.folder}: {len(members)} members, {len(members) - len(left)} finished")
    if left:
        workdir.note_commit(sweep.folder)
        if joint and len(left) % sharding.n_devices(sharding.ENSEMBLE):
            print(f"{len(left)} left, which --mesh cannot split evenly: every device learns all")
        (together if joint else one_by_one)(sweep, left)
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
        "rows": [{"varied": member.varied} | read(sweep, member)._asdict() for member in members],
    }
    return cast(Record, record)


def read(sweep: Sweep, member: Member) -> Outcome:
    """Returns the outcome of a member that is finished."""
    path = sweep.outcome(member)
    found = files.read_json(path)
    conform(path, TOP, found, dict[str, Any])
    require_key(path, TOP, found, "seconds")
    conform(path, "seconds", found["seconds"], float)
    _, *others = Outcome._fields
    counts = {name: found.get(name) for name in others}
    conform(path, TOP, counts, dict[str, int | None])
    return Outcome(found["seconds"], **counts)


def write(sweep: Sweep, member: Member, outcome: Outcome) -> None:
    """Finishes a member: keeps its outcome and says so."""
    files.write_json(sweep.outcome(member), outcome._asdict())
    print(f"{member.name}: {words(outcome)}", flush=True)


def words(outcome: Outcome) -> str:
    """An outcome as a line of progress."""
    if outcome.greedy_validation_errors is None:
        return "diverged in greedy learning"
    greedy = f"{outcome.greedy_validation_errors} validation errors after greedy learning"
    best = outcome.validation_errors
    return f"{greedy}, {'diverged' if best is None else f'{best} at best'} in up-down"


def one_by_one(sweep: Sweep, members: Sequence[Member]) -> None:
    """Learns one member after another and writes the outcome of each."""
    for name in dict.fromkeys(member.greedy for member in members):
        own = [member for member in members if member.greedy == name]
        print(f"greedy learning: {name}", flush=True)
        greedy = sweep.task(key_of(own[0]), sweep.folder / "greedy" / name)
        try:
            net = dbn.untie(pretraining.learn_stack(greedy, stack_plan(own[0].config)))
        except DivergenceError:
            for member in own:
                write(sweep, member, Outcome(seconds(greedy)))
            continue
        for member in own:
            print(f"up-down: {member.name}", flush=True)
            task = sweep.task(key_of(member), sweep.member(member))
            write(sweep, member, tuned(task, member, greedy, net))
            drop_checkpoints(task)


def key_of(member: Member) -> Key:
    """Returns the key of a member's own run."""
    return devices.key(member.config.seed, member.config.draws)


def tuned(task: Task, member: Member, greedy: Task, net: DBN) -> Outcome:
    """Runs a member's up-down on a net of greedy learning and counts the errors of both nets."""
    before, training = (fine_tuning.count(task, net, d) for d in (task.held_out, task.data))
    outcome = Outcome(seconds=0.0, greedy_validation_errors=before, greedy_training_errors=training)
    try:
        selected = fine_tuning.fine_tune(task, up_down_plan(member.config), net)
    except DivergenceError:
        pass
    else:
        outcome = outcome._replace(
            validation_errors=int(selected.errors),
            training_errors=fine_tuning.count(task, selected.best, task.data),
            epoch=int(selected.epoch),
        )
    return outcome._replace(seconds=seconds(greedy) + seconds(task))


def together(sweep: Sweep, members: Sequence[Member]) -> None:
    """Learns all members in one program a stage and writes the outcome of each.

    What is unfinished is found again as long as the same members are asked for.
    """
    parts = {member.greedy: member for member in members}
    greedy = joint_task(sweep, "greedy", list(parts))
    print(f"greedy learning, together: {'; '.join(parts)}", flush=True)
    keys = [key_of(member) for member in parts.values()]
    plans = [stack_plan(member.config) for member in parts.values()]
    stacks = ensembles.learn_stacks(greedy, keys, plans)
    which = jnp.array([list(parts).index(member.greedy) for member in members])
    start = jax.tree.map(lambda x: x[which], stacks)
    names = [member.name for member in members]
    task = joint_task(sweep, "up_down", names)
    print(f"up-down, together: {'; '.join(names)}", flush=True)
    keys = [key_of(member) for member in members]
    selected = ensembles.fine_tune(task, keys, [up_down_plan(m.config) for m in members], start)
    spent = seconds(greedy) + seconds(task)
    before = [numbers[which] for numbers in errors(greedy, stacks.state)]
    after = [*errors(task, selected.best), np.asarray(sharding.gather(selected.epoch))]
    for i, member in enumerate(members):
        found = [int(x[i]) if selected.learner.sound[i] else None for x in after]
        found += [int(x[i]) if start.sound[i] else None for x in before]
        write(sweep, member, Outcome(spent / len(members), *found))
    drop_checkpoints(task)


def joint_task(sweep: Sweep, part: str, names: Sequence[str]) -> Task:
    """Makes what the stages of all members take; the command's seed orders the cases for all."""
    folder = sweep.folder / "together" / f"{part}-{joint_label(names)}"
    return sweep.task(devices.key(sweep.config.seed, sweep.config.draws), folder)


def errors(task: Task, nets: DBN) -> list[np.ndarray]:
    """Returns every net's errors in validation and in training, `[n_members]` each."""
    counts = [ensembles.count(task, nets, data) for data in (task.held_out, task.data)]
    return [np.asarray(sharding.gather(count)) for count in counts]


def drop_checkpoints(task: Task) -> None:
    """Deletes the checkpoints that nothing goes on from: those of many nets fill a disk."""
    if jax.process_index() == 0 and task.place:  # which may still be writing the last one
        shutil.rmtree(task.place.checkpoints(""), ignore_errors=True)


def seconds(task: Task) -> float:
    """Returns the time that the recorded epochs took."""
    records = metrics.read(task.place.metrics) if task.place else []
    return float(sum(record["seconds"] for record in records))
