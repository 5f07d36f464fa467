"""What the members of a sweep share, and what is kept of each: its errors and its time."""

import dataclasses
import shutil
from pathlib import Path
from typing import NamedTuple

import jax

from dbnjax import files
from dbnjax.training import loop, metrics, stages
from experiments.common import arithmetic
from experiments.common.records import NULL, NUMBER, TOP, conform
from experiments.mnist_dbn import stages as dbn_stages
from experiments.mnist_dbn.config import Config
from experiments.sweep.members import Member


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
      folder: of the sweep.
      n_labels: label units of the top machine.
      data: training cases on the device.
      held_out: validation cases on the device.
      seed: of the command: it orders the cases of members that learn together, whatever their own.
    """

    folder: Path
    n_labels: int
    data: loop.Data
    held_out: loop.Data
    seed: int

    def task(self, config: Config, folder: Path) -> dbn_stages.Task:
        """Makes what the main job's stages take."""
        return dbn_stages.Task(
            config=config,
            key=arithmetic.key(config.seed, config.draws),
            n_labels=self.n_labels,
            data=self.data,
            held_out=self.held_out,
            everything=None,
            place=stages.Place(folder, save_every=config.save_every),
        )

    def member(self, member: Member) -> Path:
        """The folder of a member."""
        return self.folder / "members" / member.name


def finished(sweep: Sweep, member: Member) -> bool:
    """Returns whether a member has an outcome."""
    return _path(sweep, member).exists()


def read(sweep: Sweep, member: Member) -> Outcome:
    """Returns the outcome of a member that is finished."""
    path = _path(sweep, member)
    found = files.read_json(path)
    conform(path, TOP, found, {"seconds": NUMBER})
    _, *others = Outcome._fields
    counts = {name: found.get(name) for name in others}
    conform(path, TOP, counts, {str: (int, NULL)})
    return Outcome(found["seconds"], **counts)


def write(sweep: Sweep, member: Member, outcome: Outcome) -> None:
    """Finishes a member: keeps its outcome and says so."""
    files.write_json(_path(sweep, member), outcome._asdict())
    print(f"{member.name}: {words(outcome)}", flush=True)


def words(outcome: Outcome) -> str:
    """An outcome as a line of progress."""
    if outcome.greedy_validation_errors is None:
        return "diverged in greedy learning"
    greedy = f"{outcome.greedy_validation_errors} validation errors after greedy learning"
    best = outcome.validation_errors
    return f"{greedy}, {'diverged' if best is None else f'{best} at best'} in up-down"


def drop_checkpoints(place: stages.Place) -> None:
    """Deletes the checkpoints that nothing goes on from: those of many nets fill a disk."""
    if jax.process_index() == 0:  # which may still be writing the last one
        shutil.rmtree(place.checkpoints(""), ignore_errors=True)


def seconds(place: stages.Place) -> float:
    """Returns the time that the recorded epochs took."""
    return float(sum(record["seconds"] for record in metrics.read(place.metrics)))


def _path(sweep: Sweep, member: Member) -> Path:
    return sweep.member(member) / "outcome.json"
