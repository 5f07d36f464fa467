"""What `python -m experiments.few_labels` runs."""

import dataclasses
from typing import Any

import jax

from dbnjax import files
from dbnjax.data import sources
from dbnjax.models.stack import Stack
from dbnjax.training import loop, stages
from dbnjax.weights import io
from experiments.common import cases, nets, stacks, workdir
from experiments.few_labels import config as few_labels_config
from experiments.few_labels import report
from experiments.few_labels import task as few_labels_task
from experiments.few_labels import train as few_labels_learning
from experiments.few_labels.config import Config
from experiments.mnist_classifier import main as mnist_classifier
from experiments.mnist_classifier import task as classifier_task
from experiments.mnist_classifier import train as classifier_stages

RESULT, FIGURE = "result.json", "few_labels.png"
NETS = 1  # the key of all nets has `fold_in(key of the run, 1)`; the stack has 0


def run(config: Config) -> dict[str, Any]:
    """Learns, judges and saves the nets, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, the data, the stack or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    few_labels_config.check(config)
    source = sources.load(config.dataset, config.data_dir)
    chosen = few_labels_config.classifier(config)
    splits = mnist_classifier.split(chosen, source)[0]
    below = mnist_classifier.prepare(chosen, source, splits, 0, files.expand(config.workdir))
    few_labels_task.check_labels(below.data.labels, source.n_classes, config.labels)
    given = read_stack(config.stack, below) if config.stack else None
    learned_from = {"data_dir": splits, "stack": given}
    folder = workdir.prepare(config.workdir, config, report.FREE, learned_from)
    if not (folder / RESULT).exists():
        workdir.note_commit(folder)
        test = cases.put(splits.test, source.n_classes, 1, balanced=False)
        finish(config, below, given, test)
    result, table = workdir.show(folder / RESULT, report.table)
    workdir.draw({folder / FIGURE: lambda: report.draw(result)})
    print(table)
    print(f"\nnets, figure and numbers: {folder}")
    return result


def finish(
    config: Config, below: classifier_task.Task, given: Stack | None, test: loop.Data
) -> None:
    """Learns what is left to learn, then judges all of it and writes the result.

    Args:
      config: the experiment's options.
      below: what the stages of the stack share.
      given: the stack, if it is not to be learned.
      test: test cases on the device.
    """
    folder = files.expand(config.workdir)
    place = stages.Place(folder / "stack", save_every=config.save_every)
    below = dataclasses.replace(below, place=place)
    task = few_labels_task.Task(
        config=config,
        key=jax.random.fold_in(jax.random.key(config.seed), NETS),
        n_classes=below.n_classes,
        stack=classifier_stages.stack(below) if given is None else given,
        data=below.data,
        held_out=below.held_out,
        about=below.about,
    )
    learned = few_labels_learning.learn(task, folder)
    stack_file = config.stack or stacks.path(below)
    result = report.result(task, learned, test, stack_file, folder)
    files.write_json(folder / RESULT, result)


def read_stack(file: str, below: classifier_task.Task) -> Stack:
    """Reads a stack that was learned from the same training cases.

    Raises:
      InputError: there is none, or it has other layers or has seen other cases.
    """
    _, metadata = io.load(file)
    n_folds = nets.told(metadata, "pretraining", "config", "folds") or below.config.folds
    # The first division is the same however many there are.
    same = dataclasses.replace(below, config=dataclasses.replace(below.config, folds=n_folds))
    return stacks.read(file, same)
