"""How the members of a sweep learn, one by one or all in one program, and what is kept of each.

Both ways take the training functions of the library: `pretraining` and `fine_tuning` for one member
after another, `ensembles` for all of them at once. Members of one greedy part share their stack.
"""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import files
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import ensembles, fine_tuning, loop, metrics, pretraining, sharding, stages
from dbnjax.training.stages import DivergenceError
from dbnjax.training.task import Task
from dbnjax.types import Key
from experiments.common import devices
from experiments.common.records import TOP, conform, require_key
from experiments.mnist_dbn.train import stack_plan, up_down_plan
from experiments.sweep.config import Config, Member, joint_label


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
