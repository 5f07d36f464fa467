"""What `mnist_classifier` measures when all learning is over: its nets, and their products."""

import functools
from pathlib import Path
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from dbnjax import figures
from dbnjax.data import classes
from dbnjax.data.images import Images
from dbnjax.figures import decisions
from dbnjax.inference import classify
from dbnjax.training import loop, metrics
from dbnjax.training.evaluate import Measured, judge, log_probabilities, measure
from dbnjax.types import Array
from experiments.common import cases as dbn_cases
from experiments.common import resumable, stacks, workdir
from experiments.common.records import ALL, CHOSEN
from experiments.mnist_classifier.report import Net, Record, Told
from experiments.mnist_classifier.train import Learned


def result(folder: Path, learned: list[Learned], test: Images) -> Record:
    """Asks every net about the test cases, and where there are several their products too.

    Args:
      folder: of the run.
      learned: the nets, in the order of their numbers.
      test: test cases.
    """
    task = learned[0].task
    cases = dbn_cases.put(test, task.n_classes, 1, balanced=False)
    said = [
        {name: log_probabilities(net, cases) for name, net in one.nets.items()} for one in learned
    ]
    products: dict[str, Any] = {}
    for name in said[0] if len(learned) > 1 else ():
        joined = classify.product(jnp.stack([log_p[name] for log_p in said]))
        products[name] = on_test(judge(joined, cases))
    parts = {"train": task.data, "validation": task.held_out, "test": cases, "all": task.everything}
    counts: Any = {split: len(data.labels) for split, data in parts.items() if data is not None}
    epochs = [record for one in learned for record in metrics.read(one.task.place.metrics)]
    return {
        **workdir.described(folder, task.config),
        "preset": task.config.preset,
        "seed": task.config.seed,
        "cases": counts,
        "nets": [one_net(one, log_p, cases) for one, log_p in zip(learned, said, strict=True)],
        "products": products,
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


def draw(learned: list[Learned], test: Images) -> resumable.Makers:
    """Returns what makes the figures of nets: errors, hard digits, receptive fields."""
    task, hidden = learned[0].task, learned[0].chosen.hidden
    said = functools.cache(lambda: probabilities(learned, test))
    names = classes.read(task.about, task.n_classes).names
    made: dict[str, Any] = {
        "figures/errors.png": lambda: decisions.errors(test, said(), names),
        "figures/hard.png": lambda: decisions.hard(test, said(), names),
    }
    if hidden:
        weights = np.asarray(hidden[0].weights)
        made["figures/receptive_fields.png"] = lambda: figures.receptive_fields(weights, task.shape)
    return made


def probabilities(learned: list[Learned], test: Images) -> np.ndarray:
    """Returns the product of the last nets' class probabilities, `[n, n_classes]`."""
    cases = dbn_cases.put(test, learned[0].task.n_classes, 1, balanced=False)
    last = [log_probabilities(list(one.nets.values())[-1], cases) for one in learned]
    return np.asarray(jnp.exp(classify.product(jnp.stack(last))))
