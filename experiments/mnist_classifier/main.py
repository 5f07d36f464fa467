"""What `python -m experiments.mnist_classifier` runs."""

from typing import Any

import jax

from dbnjax import files
from dbnjax.data import folds, preparation, sources
from dbnjax.training import evaluate, stages
from dbnjax.weights import io
from experiments.common import cases, net_records, workdir
from experiments.common import stacks as classifier_stacks
from experiments.mnist_classifier import config as classifier_config
from experiments.mnist_classifier import figures, judge, train
from experiments.mnist_classifier import task as classifier_task
from experiments.mnist_classifier.config import Config


def run(config: Config) -> dict[str, Any]:
    """Trains, evaluates and writes the nets, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    classifier_config.check(config)
    source = sources.load(config.dataset, config.data_dir)
    parts = split(config, source)[: classifier_config.n_nets(config)]
    folder = files.expand(config.workdir)
    done = folder / "result.json"
    tasks: list[classifier_task.Task] = []
    if not done.exists():
        tasks = [prepare(config, source, splits, i, folder) for i, splits in enumerate(parts)]
        for task in tasks:
            train.check(task)
    learned_from: dict[str, Any] = {"data_dir": parts[0]}  # all divide the same cases
    if not done.exists():
        stacks = classifier_config.given_stacks(config)
        learned_from["stacks"] = [io.load(file)[0] for file in stacks]
    workdir.prepare(config.workdir, config, ("workdir", "save_every"), learned_from)
    if done.exists():
        result, table = workdir.show(done, judge.table)
        print(f"{folder}: this run is finished; its results:\n{table}")
        return result
    workdir.note_commit(folder)
    if not config.tune_epochs:
        return {"stacks": [stacked(task) for task in tasks]}
    learned = [learn(task) for task in tasks]
    result = judge.judge_all(config, folder, learned, parts[0].test)
    for number, net in enumerate(learned, start=1):
        about = {"summary": result, **net.task.about}
        *_, last = net.nets.values()
        io.save(folder / f"net_{number}.safetensors", last, about | {"net": number})
    files.write_json(done, result)
    figures.draw(folder, learned, parts[0].test, result)
    print(judge.table(result))
    print(f"\nnets, figures and metrics: {folder}")
    return result


def split(config: Config, source: sources.Source) -> list[preparation.Splits]:
    """Divides the cases: one in six to validate beside an official test set, or one in ten."""
    n, official = len(source.train.pixels), source.test is not None
    n_validation = config.n_validation or n // (6 if official else 10)
    n_test = config.n_test or (None if official else n // 10)
    return folds.make(source, config.folds, n_validation, n_test, config.split_seed)


def prepare(
    config: Config,
    source: sources.Source,
    splits: preparation.Splits,
    number: int,
    folder: Any,
) -> classifier_task.Task:
    """Puts the cases of one net on the device."""

    def put(images: sources.Images, batch_size: int) -> Any:
        return cases.put(images, source.n_classes, batch_size, balanced=False)

    everything = None
    if config.all_epochs:
        everything = put(preparation.all_but_test(source, splits), config.batch_size)
    height, width = splits.train.pixels.shape[1:]
    return classifier_task.Task(
        config=config,
        number=number,
        key=jax.random.fold_in(jax.random.key(config.seed), number),
        n_classes=source.n_classes,
        shape=(height, width),
        data=put(splits.train, config.batch_size),
        held_out=put(splits.validation, 1),
        everything=everything,
        place=stages.Place(folder / f"net_{number + 1}", save_every=config.save_every),
        about=net_records.about(source.classes, splits.train),
    )


def stacked(task: classifier_task.Task) -> str:
    """Learns the stack of one net and nothing else; returns the file that it is saved to."""
    train.stack(task)
    print(f"stack: {classifier_stacks.path(task)}")
    return classifier_stacks.path(task)


def learn(task: classifier_task.Task) -> judge.Learned:
    """Takes one net through its stages."""
    net = train.start(task)
    seen = train.tune(task, net)
    on_training = evaluate.measure(seen.best, task.data)
    continued = None
    if task.everything is not None:
        state = train.go_on(task, seen.best, task.everything, on_training.cost)
        continued = state.learner.params
    return judge.Learned(task=task, chosen=seen.best, epoch=int(seen.epoch), continued=continued)
