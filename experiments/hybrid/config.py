"""Options of `experiments.hybrid`."""

import dataclasses
from pathlib import Path
from typing import Literal, get_args

from dbnjax import checks, files
from experiments.common import groups
from experiments.common.groups import DRAWS, SCHEDULES, Drawn
from experiments.common.options import INPUT, file_name, option

Form = Literal["contrastive", "pretraining"]
CONTRASTIVE, PRETRAINING = get_args(Form)
CHOOSING = "hybrid"  # the stage in which validation chooses


def without_folders(path: str) -> str:
    """Names a net without a person's folders; the one that comes with the package by its place."""
    from dbnjax.weights import shipped  # which imports JAX: --help need not wait for it

    if path and files.expand(path).resolve() == shipped.PATH.resolve():
        return "/".join(shipped.PATH.parts[-3:])
    return Path(path).name


@dataclasses.dataclass(frozen=True)
class Config(groups.Saving, groups.Seed):
    """Options of the run; each is a flag."""

    workdir: str = "runs/hybrid"
    net: str = option(
        "",
        "Net of mnist_dbn to start from, that learned from training cases alone.",
        role=INPUT,
        shown=file_name,
    )
    all_net: str = option(
        "",
        "Net that goes on with all cases; empty: the one that validation chose.",
        role=INPUT,
        shown=without_folders,
    )
    data_dir: str | None = groups.data_dir()
    form: str = option(
        "contrastive",
        "Beside backpropagation: contrastive wake-sleep, or CD in every machine of a tied net.",
        (CONTRASTIVE, PRETRAINING),
    )
    weights: tuple[float, ...] = option(
        (0.9, 0.98, 0.99, 0.995),
        "Rising weights of the gradient by backpropagation, each from 0 to 1.",
        least=0,
        most=1,
    )
    epochs: int = option(10, "Epochs at each weight.", least=1)
    batch_size: int = option(100, "Cases in a minibatch, as many of each class.", least=1)
    rate: float = option(0.4, "Learning rate at the start.", least=0)
    schedule: str = option(
        "linear", "Its course over all weights: constant, or linear to zero.", SCHEDULES
    )
    momentum: float = option(0.9, "Momentum.", least=0, below=1)
    decay: float = option(0.0, "Weight decay.", least=0)
    pixels: Drawn = option("sample", "Visible units: intensities or binary samples.", DRAWS)
    n_steps: int = option(3, "Gibbs iterations of contrastive wake-sleep.", least=1)
    statistics: Drawn = option(
        "mean", "Top units in its memory's statistics: means, or draws (appendix B).", DRAWS
    )
    k: int = option(1, "Gibbs steps of CD.", least=1)
    features: Drawn = option("sample", "Data of the machines above the first in CD.", DRAWS)

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        checks.require(
            list(self.weights) == sorted(set(self.weights)),
            f"--weights: expected each to be larger than the one before, got {self.weights}",
        )

    @property
    def n_epochs(self) -> int:
        """The number of epochs at all weights together."""
        return self.epochs * len(self.weights)

    def weight(self, epoch: int) -> float:
        """Returns the weight of an epoch, counted from 0 over all weights."""
        return self.weights[epoch // self.epochs]


# The smallest run that does all, for tests; its inputs are what other experiments' smallest leave.
TINY = {
    "net": "mnist_dbn/up-down.safetensors",
    "all_net": "mnist_dbn/net.safetensors",
    "weights": (0.5, 0.9),
    "epochs": 1,
    "batch_size": 10,
    "n_steps": 1,
}
