"""What `mnist_classifier` reports: table 1 of TR 2006-004, net by net, and their products."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from dbnjax.data.images import Images
from dbnjax.inference import classify
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import loop, metrics
from dbnjax.training.evaluate import Measured, judge, log_probabilities, measure
from dbnjax.types import Array
from experiments.common import cases as dbn_cases
from experiments.common import provenance, stacks, workdir
from experiments.mnist_classifier import config as classifier_config
from experiments.mnist_classifier.config import Config
from experiments.mnist_classifier.task import Task

CHOSEN, ALL = "chosen", "all cases"  # the two nets of a split, in the order of learning


class Learned(NamedTuple):
    """One net after all its stages.

    Attributes:
      task: what its stages shared.
      chosen: the net with the fewest validation errors.
      epoch: of tuning after which it stood.
      continued: the net after tuning on all cases, or None.
    """

    task: Task
    chosen: Feedforward
    epoch: int
    continued: Feedforward | None

    @property
    def nets(self) -> dict[str, Feedforward]:
        """The nets by name, in the order of learning."""
        nets = {CHOSEN: self.chosen, ALL: self.continued}
        return {name: net for name, net in nets.items() if net is not None}


def told(measured: Measured) -> dict[str, Any]:
    """Returns a cross-entropy and an error count as a record holds them."""
    return {"cost": measured.cost, "errors": len(measured.wrong)}


def judge_all(config: Config, folder: Path, learned: list[Learned], test: Images) -> dict[str, Any]:
    """Asks every net about the test cases, when all learning is over; returns the result.

    Where there are several nets their products are asked too.
    """
    cases = dbn_cases.put(test, learned[0].task.n_classes, 1, balanced=False)
    said = [
        {name: log_probabilities(net, cases) for name, net in one.nets.items()} for one in learned
    ]
    nets = [one_net(one, log_p, cases) for one, log_p in zip(learned, said, strict=True)]
    products = {}
    for name in said[0] if len(learned) > 1 else ():
        joined = classify.product(jnp.stack([log_p[name] for log_p in said]))
        products[name] = on_test(judge(joined, cases))
    task = learned[0].task
    counts = {
        "train": task.data,
        "validation": task.held_out,
        "test": cases,
        "all": task.everything,
    }
    return {
        **workdir.origin(folder),
        "preset": config.preset,
        "seed": config.seed,
        "command": provenance.command(
            "experiments.mnist_classifier", named(config), classifier_config.PRESETS[config.preset]
        ),
        "config": {
            k: v for k, v in dataclasses.asdict(named(config)).items() if k not in workdir.PLACES
        },
        "cases": {split: len(data.labels) for split, data in counts.items() if data is not None},
        "nets": nets,
        "products": products,
        "seconds": seconds(learned),
        "pretraining": pretraining(config, learned),
    }


def named(config: Config) -> Config:
    """Returns options that name stacks by net and file, not by a person's own folders."""
    given = classifier_config.given_stacks(config)
    short = tuple(map(provenance.numbered, given))
    return dataclasses.replace(config, stacks=short or ("",))


def one_net(one: Learned, log_p: dict[str, Array], cases: loop.Data) -> dict[str, Any]:
    """Returns the record of one net: a line of table 1 for each of its stages."""
    task, records = one.task, metrics.read(one.task.place.metrics)
    chosen = {
        "epoch": one.epoch,
        "train": told(measure(one.chosen, task.data)),
        "validation": told(measure(one.chosen, task.held_out)),
        **on_test(judge(log_p[CHOSEN], cases)),
    }
    found: dict[str, Any] = {CHOSEN: chosen, "epochs": records}
    if one.continued is not None and task.everything is not None:
        found[ALL] = {
            "epochs": sum(r["stage"] == "all_cases" for r in records),
            "all": told(measure(one.continued, task.everything)),
            **on_test(judge(log_p[ALL], cases)),
        }
    return found


def on_test(measured: Measured) -> dict[str, Any]:
    """Returns what a net did on the test cases, with those that it gets wrong."""
    return {"test": told(measured), "wrong": measured.wrong.tolist()}


def seconds(learned: list[Learned]) -> dict[str, float]:
    """Returns the wall time of each stage, summed over the nets."""
    spent: dict[str, float] = {}
    for one in learned:
        for record in metrics.read(one.task.place.metrics):
            spent[record["stage"]] = spent.get(record["stage"], 0.0) + record["seconds"]
    return spent


def pretraining(config: Config, learned: list[Learned]) -> list[dict[str, Any]]:
    """Returns how the stacks were learned that this run was given; none if it learned them."""
    given = classifier_config.given_stacks(config)
    kept = ("command", "commit", "number", "seconds", "epochs")
    records = [stacks.record(file) for file in given]
    return [{name: record[name] for name in kept} for record in records]


def table(result: dict[str, Any]) -> str:
    """Lays out a result as text: costs in nats of a hundred cases, as in the TR, and errors."""
    lines = [f"{'net':<22}{'epochs':>8}" + "".join(f"{s:>20}" for s in ("train", "valid", "test"))]

    def row(name: str, epochs: str, parts: dict[str, Any]) -> str:
        cells = [
            f"{100 * parts[s]['cost']:.2f}, {parts[s]['errors']}" if s in parts else ""
            for s in ("train", "validation", "test")
        ]
        return f"{name:<22}{epochs:>8}" + "".join(f"{cell:>20}" for cell in cells)

    for number, net in enumerate(result["nets"], start=1):
        lines.append(row(f"{number}, chosen", str(net[CHOSEN]["epoch"]), net[CHOSEN]))
        if ALL in net:
            on_all = net[ALL] | {"train": net[ALL]["all"]}
            lines.append(row(f"{number}, all cases", f"+{net[ALL]['epochs']}", on_all))
    for name, parts in result["products"].items():
        lines.append(row(f"product, {name}", "", parts))
    return "\n".join([*lines, "(cross-entropy in nats of a hundred cases, errors)"])


def probabilities(learned: list[Learned], test: Images) -> np.ndarray:
    """Returns the product of the last nets' class probabilities, `[n, n_classes]`."""
    cases = dbn_cases.put(test, learned[0].task.n_classes, 1, balanced=False)
    last = [log_probabilities(list(one.nets.values())[-1], cases) for one in learned]
    return np.asarray(jnp.exp(classify.product(jnp.stack(last))))
