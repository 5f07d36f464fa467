"""A stage of a run: epochs with a record, a line of progress and, by default, a checkpoint each.

A run is a list of stages, each in a checkpoint folder of its own. A stage that is finished hands
over its last state; one that was killed goes on from its last whole checkpoint, with the same
keys, and drops what it recorded after it, so that each epoch stands once. Nothing here knows
what is learned.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dbnjax import checks
from dbnjax.training import checkpoint, metrics
from dbnjax.types import PyTree


class DivergenceError(checks.InputError):
    """A parameter stopped being finite; the message names the epoch and the last checkpoint."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """What a stage does.

    Attributes:
      name: of its records and its checkpoint folder.
      n_epochs: epochs in all.
      epoch: `epoch(i, state) -> (state, finite, numbers)`, i from 0; the state may be donated.
        `numbers` are recorded and shown.
      done: `done(state)`, whether the stage may end before its last epoch.
    """

    name: str
    n_epochs: int
    epoch: Callable[[int, PyTree], tuple[PyTree, bool, dict[str, float]]]
    done: Callable[[PyTree], bool] = lambda state: False


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a run writes.

    Attributes:
      workdir: its folder: `metrics.jsonl` and `checkpoints/`.
      log: also told every epoch's numbers, `log(step, {name: number})`.
      save_every: epochs between checkpoints; the last epoch of a stage always has one.
    """

    workdir: Path
    log: Callable[[int, Mapping[str, float]], None] = lambda step, numbers: None
    save_every: int = 1

    @property
    def metrics(self) -> Path:
        """The file of records."""
        return self.workdir / "metrics.jsonl"

    def checkpoints(self, stage: str) -> Path:
        """The folder of a stage's checkpoints."""
        return self.workdir / "checkpoints" / stage


@dataclasses.dataclass(frozen=True)
class Listener:
    """Who is told of a run while it goes on.

    Attributes:
      after: `after(stage, epoch, state, numbers)`, called after each epoch, from 1, with the
        stage's name. The next epoch may take the state's memory: keep copies of what is kept.
      progress: whether a line or a bar of progress is shown.
    """

    after: Callable[[str, int, PyTree, Mapping[str, float]], None] = lambda *told: None
    progress: bool = True


def run(
    stage: Stage,
    state: PyTree,
    architecture: Mapping[str, Any],
    place: Place | None = None,
    listener: Listener = Listener(),
) -> PyTree:
    """Runs what is left of a stage.

    Args:
      stage: what to do.
      state: to start from; a checkpoint takes its place if there is one.
      architecture: JSON-able; compared with the checkpoint's.
      place: where to write; None writes nothing and resumes nothing.
      listener: who is told of it.

    Returns:
      The state after the last epoch that was run.

    Raises:
      DivergenceError: a parameter is not finite.
      InputError: a number of epochs is none, a checkpoint does not fit or cannot be read, a file
        cannot be written.
    """
    checks.check_count("epochs of a stage", stage.n_epochs, 0)
    first = 0
    if place is not None:
        first, state = _resume(stage, state, architecture, place)
    if first >= stage.n_epochs or stage.done(state):
        return state
    shown = listener.progress
    with metrics.progress(stage.n_epochs, stage.name, done=first, shown=shown) as advance:
        for i in range(first, stage.n_epochs):
            begin = time.perf_counter()
            state, finite, numbers = stage.epoch(i, state)
            if not finite:
                raise DivergenceError(_diverged(stage.name, i, place))
            seconds = time.perf_counter() - begin
            last = stage.done(state) or i + 1 == stage.n_epochs
            if place is not None:
                record = {"stage": stage.name, "epoch": i + 1, **numbers, "seconds": seconds}
                metrics.append(place.metrics, record)
                if last or (i + 1) % place.save_every == 0:
                    checkpoint.save(place.checkpoints(stage.name), i + 1, state, architecture)
                place.log(i + 1, {f"{stage.name}/{name}": x for name, x in numbers.items()})
            listener.after(stage.name, i + 1, state, numbers)
            advance(numbers)
            if last:
                break
    return state


def _resume(
    stage: Stage, state: PyTree, architecture: Mapping[str, Any], place: Place
) -> tuple[int, PyTree]:
    """Returns the epochs that are done and the state after them; drops later records."""
    checks.check_count("epochs between checkpoints", place.save_every, 1)
    folder, first = place.checkpoints(stage.name), 0
    if checkpoint.latest_step(folder) is not None:
        first, state = checkpoint.restore(folder, state, architecture)
    metrics.truncate(
        place.metrics,
        lambda record: record.get("stage") != stage.name or record.get("epoch", 0) <= first,
    )
    return first, state


def _diverged(name: str, i: int, place: Place | None) -> str:
    folders = [] if place is None else place.checkpoints("").glob("*/*")
    steps = [path for path in folders if path.name.isdigit()]
    good = max(steps, key=lambda path: path.stat().st_mtime, default="none was written")
    return (
        f"diverged: a parameter is not finite after epoch {i + 1} of {name}; expected finite "
        f"numbers, so the learning rate is probably too large; the last good checkpoint: {good}"
    )
