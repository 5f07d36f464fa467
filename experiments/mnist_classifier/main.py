"""What `python -m experiments.mnist_classifier` runs, and what it measures of nets and products."""

from pathlib import Path
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from dbnjax import figures
from dbnjax.data import classes, sources
from dbnjax.data.images import Images
from dbnjax.figures import decisions
from dbnjax.inference import classify
from dbnjax.training import loop, metrics
from dbnjax.training.evaluate import Measured, judge, log_probabilities, measure
from dbnjax.types import Array
from dbnjax.weights import io
from experiments.common import resumable, stacks, workdir
from experiments.common.cases import put
from experiments.common.records import ALL, CHOSEN
from experiments.mnist_classifier import report, train
from experiments.mnist_classifier.config import Config
from experiments.mnist_classifier.report import Net, Record, Told
from experiments.mnist_classifier.train import Learned


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


def finish(folder: Path, tasks: list[train.Task], test: Images) -> tuple[Record, resumable.Makers]:
    """Takes all nets through their stages, and writes them; returns the record and figures."""
    learned = [train.learn(task) for task in tasks]
    cases = put(test, tasks[0].n_classes, 1, balanced=False)
    said = [
        {name: log_probabilities(net, cases) for name, net in one.nets.items()} for one in learned
    ]
    products = {
        name: classify.product(jnp.stack([log_p[name] for log_p in said])) for name in said[0]
    }
    record = result(folder, learned, said, products, cases)
    for number, net in enumerate(learned, start=1):
        *_, last = net.nets.values()
        about = {"summary": record, **net.task.about, "net": number}
        io.save(folder / f"net_{number}.safetensors", last, about)
    *_, product = products.values()
    return record, draw(learned[0], test, np.asarray(jnp.exp(product)))


def result(
    folder: Path,
    learned: list[Learned],
    said: list[dict[str, Array]],
    products: dict[str, Array],
    cases: loop.Data,
) -> Record:
    """Counts what every net gets wrong, and where there are several what their products do.

    Args:
      folder: of the run.
      learned: the nets, in the order of their numbers.
      said: by each of them about the test cases, log p(class) by the stage of the net.
      products: the same of all nets together.
      cases: test cases.
    """
    task, several = learned[0].task, len(learned) > 1
    parts = {"train": task.data, "validation": task.held_out, "test": cases, "all": task.everything}
    counts: Any = {split: len(data.labels) for split, data in parts.items() if data is not None}
    joined: Any = {name: on_test(judge(x, cases)) for name, x in products.items() if several}
    epochs = [record for one in learned for record in metrics.read(one.task.place.metrics)]
    return {
        **workdir.described(folder, task.config),
        "preset": task.config.preset,
        "seed": task.config.seed,
        "cases": counts,
        "nets": [one_net(one, log_p, cases) for one, log_p in zip(learned, said, strict=True)],
        "products": joined,
        "seconds": workdir.seconds(epochs),
        "pretraining": [stacks.record(file) for file in task.config.given_stacks],
    }


def one_net(one: Learned, log_p: dict[str, Array], cases: loop.Data) -> Net:
    """Returns the record of one net: a line of table 1 for each of its stages."""
    task, epochs = one.task, metrics.read(one.task.place.metrics)
    chosen: dict[str, Any] = {
        "epoch": one.epoch,
        "train": told(measure(one.chosen, task.data)),
        "validation": told(measure(one.chosen, task.held_out)),
        **on_test(judge(log_p[CHOSEN], cases)),
    }
    found: dict[str, Any] = {CHOSEN: chosen, "epochs": epochs}
    if one.continued is not None and task.everything is not None:
        found[ALL] = {
            "epochs": sum(epoch["stage"] == "all_cases" for epoch in epochs),
            "all": told(measure(one.continued, task.everything)),
            **on_test(judge(log_p[ALL], cases)),
        }
    return cast(Net, found)


def on_test(measured: Measured) -> dict[str, Any]:
    """Returns what a net did on the test cases, with those that it gets wrong."""
    return {"test": told(measured), "wrong": measured.wrong.tolist()}


def told(measured: Measured) -> Told:
    """Returns a cross-entropy and an error count as a record holds them."""
    return {"cost": measured.cost, "errors": len(measured.wrong)}


def draw(first: Learned, test: Images, probabilities: np.ndarray) -> resumable.Makers:
    """Returns what makes the figures of nets: errors, hard digits, receptive fields.

    Args:
      first: the first net.
      test: test cases.
      probabilities: of their classes by the product of the last nets, `[n, n_classes]`.
    """
    task, hidden = first.task, first.chosen.hidden
    names = classes.read(task.about, task.n_classes).names
    made: dict[str, Any] = {
        "figures/errors.png": lambda: decisions.errors(test, probabilities, names),
        "figures/hard.png": lambda: decisions.hard(test, probabilities, names),
    }
    if hidden:
        weights = np.asarray(hidden[0].weights)
        made["figures/receptive_fields.png"] = lambda: figures.receptive_fields(weights, task.shape)
    return made
