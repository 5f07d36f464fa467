"""What `python -m experiments.mnist_classifier` runs."""

from pathlib import Path
from typing import Any

from dbnjax.data import images, sources
from dbnjax.weights import io
from experiments.common import resumable, stacks, workdir
from experiments.mnist_classifier import judge, report, train
from experiments.mnist_classifier.config import Config
from experiments.mnist_classifier.report import Record


def run(config: Config) -> dict[str, Any]:
    """Trains, evaluates and writes the nets, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`; without tuning, the files of the stacks.

    Raises:
      InputError: an option, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    config.check_options()
    source = sources.load(config.dataset, config.data_dir)
    parts = stacks.divide(config, source, config.folds)[: config.n_nets]
    learned_from: dict[str, Any] = {"data_dir": parts[0]}  # all divide the same cases
    tasks: list[train.Task] = []
    if not resumable.is_finished(config, report.REPORT):  # which needs no file of a stack
        tasks = [train.prepare(config, source, splits, i) for i, splits in enumerate(parts)]
        learned_from["stacks"] = [io.load(file)[0] for file in config.given_stacks]
    if not config.tune_epochs:
        workdir.note_commit(workdir.begin(config, learned_from))
        return {"stacks": [stacked(task) for task in tasks]}
    return resumable.run(
        config, report.REPORT, learned_from, lambda folder: finish(folder, tasks, parts[0].test)
    )


def stacked(task: train.Task) -> str:
    """Learns the stack of one net and nothing else; returns the file that it is saved to."""
    train.stack(task)
    print(f"stack: {stacks.path(task)}")
    return stacks.path(task)


def finish(
    folder: Path, tasks: list[train.Task], test: images.Images
) -> tuple[Record, resumable.Makers]:
    """Takes all nets through their stages, and writes them; returns the record and figures."""
    learned = [train.learn(task) for task in tasks]
    record = judge.result(folder, learned, test)
    for number, net in enumerate(learned, start=1):
        *_, last = net.nets.values()
        about = {"summary": record, **net.task.about, "net": number}
        io.save(folder / f"net_{number}.safetensors", last, about)
    return record, judge.draw(learned, test)
