"""Few labels, and what images without a label are good for (TR 2006-004, "extra unlabeled data").

    python -m experiments.few_labels --data_dir=FOLDER

learns 784-500-500-2000 from 50,000 MNIST digits without labels, then tells classes apart with 100,
1,000 and 10,000 labelled ones among them, in five draws, as many of each class:

- classifier, pretrained: a softmax layer on the stack, all of it tuned by backpropagation;
- classifier, not pretrained: rectified units with random weights, from the labelled cases alone;
- joint DBN: the stack's top machine with label units beside its features, learned from the labelled
  cases and from as many whose missing labels are summed out, read out by the free energy;
- the same, from the labelled cases only.

"It is unfair to compare the performance of a large network that makes use of unlabeled examples
with a network of the same size that does not", says the report: validation chooses the size, the
weight decay and the dropout of the net without pretraining anew for every number of labels.

All 10,000 validation labels choose, of every method the setting and when to stop. Nobody who has a
hundred labels has these, so errors of few labels are lower than they would be. --choose_by=few is
the honest variant, in which as many validation labels choose as there are labels.

It writes the chosen nets, metrics.jsonl, few_labels.png and result.json to --workdir; the same
command resumes a run that was stopped. --stack=FILE takes a stack that the first net of
`mnist_classifier` or another run of this experiment left, if it has seen the same images.
"""

import dataclasses
from typing import Any

import jax

from dbnjax import files
from dbnjax.data import sources
from dbnjax.models.stack import Stack
from dbnjax.training import loop, stages
from dbnjax.weights import io
from experiments import (
    classifier_stacks,
    classifier_stages,
    classifier_task,
    dbn_cases,
    few_labels_config,
    few_labels_learning,
    few_labels_report,
    few_labels_task,
    flags,
    inputs,
    mnist_classifier,
    workdir,
)
from experiments.few_labels_config import Config

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
    folder = workdir.prepare(config.workdir, config, few_labels_report.FREE, learned_from)
    if not (folder / RESULT).exists():
        workdir.note_commit(folder)
        test = dbn_cases.put(splits.test, source.n_classes, 1, balanced=False)
        finish(config, below, given, test)
    result, table = workdir.show(folder / RESULT, few_labels_report.table)
    workdir.draw({folder / FIGURE: lambda: few_labels_report.draw(result)})
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
    stack_file = config.stack or classifier_stacks.path(below)
    result = few_labels_report.result(task, learned, test, stack_file, folder)
    files.write_json(folder / RESULT, result)


def read_stack(file: str, below: classifier_task.Task) -> Stack:
    """Reads a stack that was learned from the same training cases.

    Raises:
      InputError: there is none, or it has other layers or has seen other cases.
    """
    _, metadata = io.load(file)
    n_folds = inputs.told(metadata, "pretraining", "config", "folds") or below.config.folds
    # The first division is the same however many there are.
    same = dataclasses.replace(below, config=dataclasses.replace(below.config, folds=n_folds))
    return classifier_stacks.read(file, same)


if __name__ == "__main__":
    flags.launch(run, Config)
