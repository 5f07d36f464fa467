"""Options of `experiments.hybrid`, and what they are checked for."""

import dataclasses
from typing import Literal

from dbnjax import checks
from dbnjax.learning import hybrid
from experiments.common.options import DRAWS, SCHEDULES, option

FORMS = ("contrastive", "pretraining")
FREE = ("workdir", "save_every")  # what a resumed run may change
LEAST = {
    "epochs": 1,
    "batch_size": 1,
    "n_steps": 1,
    "k": 1,
    "save_every": 1,
    "rate": 0,
    "decay": 0,
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the run; each is a flag."""

    net: str = option("", "Net of mnist_dbn to start from, that learned from training cases alone.")
    all_net: str = option(
        "", "Net that goes on with all cases; empty: the one that validation chose."
    )
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    workdir: str = option("runs/hybrid", "Folder for all that the run writes.")
    form: str = option(
        "contrastive",
        "Beside backpropagation: contrastive wake-sleep, or CD in every machine of a tied net.",
        FORMS,
    )
    seed: int = option(0, "Seed of every random draw.")
    weights: tuple[float, ...] = option(
        (0.9, 0.98, 0.99, 0.995),
        "Rising weights of the gradient by backpropagation, each from 0 to 1.",
    )
    epochs: int = option(10, "Epochs at each weight.")
    batch_size: int = option(100, "Cases in a minibatch, as many of each class.")
    rate: float = option(0.4, "Learning rate at the start.")
    schedule: str = option(
        "linear", "Its course over all weights: constant, or linear to zero.", SCHEDULES
    )
    momentum: float = option(0.9, "Momentum.")
    decay: float = option(0.0, "Weight decay.")
    pixels: Literal["mean", "sample"] = option(
        "sample", "Visible units: intensities or binary samples.", DRAWS
    )
    n_steps: int = option(3, "Gibbs iterations of contrastive wake-sleep.")
    statistics: Literal["mean", "sample"] = option(
        "mean", "Top units in its memory's statistics: means, or draws (appendix B).", DRAWS
    )
    k: int = option(1, "Gibbs steps of CD.")
    features: Literal["mean", "sample"] = option(
        "sample", "Data of the machines above the first in CD.", DRAWS
    )
    save_every: int = option(1, "Epochs between checkpoints; a stage's last epoch has one too.")


def n_epochs(config: Config) -> int:
    """Returns the number of epochs at all weights together."""
    return config.epochs * len(config.weights)


def weight(config: Config, epoch: int) -> float:
    """Returns the weight of an epoch, counted from 0 over all weights."""
    return config.weights[epoch // config.epochs]


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    for name, least in LEAST.items():
        checks.check_at_least(f"--{name}", getattr(config, name), least)
    checks.require(
        0 <= config.momentum < 1,
        f"--momentum: expected 0 or more and less than 1, got {config.momentum}",
    )
    for number in config.weights:
        hybrid.check_weight("--weights", number)
    checks.require(
        bool(config.weights) and list(config.weights) == sorted(set(config.weights)),
        f"--weights: expected at least one, each larger than the one before, got {config.weights}",
    )
    checks.check_seed(config.seed)
