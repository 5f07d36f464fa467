"""`mnist_classifier` at the size of a test, and its nets in float64."""

import dataclasses
from pathlib import Path

import feedforward_nets
import numpy as np
import oracles_feedforward as oracles

from dbnjax.data import sources
from dbnjax.data.images import Images
from dbnjax.models.feedforward import Feedforward
from dbnjax.training import metrics
from experiments.common import stacks
from experiments.mnist_classifier import Config, train
from experiments.mnist_classifier.train import Task


def config(folder: Path, workdir: Path, **changes) -> Config:
    """Two nets 784-8-10, each with 30 training and 10 validation cases."""
    small = Config(
        dataset="mnist",
        data_dir=str(folder),
        workdir=str(workdir),
        folds=2,
        n_validation=10,
        layers=(8,),
        greedy_batch_size=10,
        greedy_epochs=1,
        batch_size=10,
        tune_epochs=4,
        patience=2,
        all_epochs=2,
    )
    return dataclasses.replace(small, **changes)


def random_start(folder: Path, workdir: Path, **changes) -> Config:
    """One net 784-5-10 with random weights, tuned for two epochs."""
    alone = {"start": "2006", "layers": (5,), "nets": 1, "tune_epochs": 2, "all_epochs": 0}
    return config(folder, workdir, **(alone | changes))


def task(chosen: Config, number: int = 0) -> Task:
    """What a run prepares for one of its nets."""
    source = sources.load(chosen.dataset, chosen.data_dir)
    splits = stacks.divide(chosen, source, chosen.folds)[number]
    return train.prepare(chosen, source, splits, number)


def epochs_of(place: Path) -> list[tuple[str, int]]:
    """The stages and epochs that a net has recorded."""
    return [(r["stage"], r["epoch"]) for r in metrics.read(place / "metrics.jsonl")]


def log_probabilities(net: Feedforward, images: Images) -> np.ndarray:
    """The oracle's log p(class) of uint8 images, `[n, n_classes]`."""
    pixels = np.float64(images.pixels).reshape(len(images.pixels), -1) / 255
    return oracles.states(feedforward_nets.exact(net), pixels)[-1]


def judged(log_p: np.ndarray, images: Images) -> tuple[float, list[int]]:
    """The mean cross-entropy, and the cases that are put into a wrong class."""
    labels = images.known_labels()
    cost = -log_p[np.arange(len(labels)), labels].mean()
    return float(cost), np.flatnonzero(log_p.argmax(-1) != labels).tolist()


def start(chosen: Config) -> Feedforward:
    """The first net before tuning."""
    return train.start(task(chosen))
