"""Options of `experiments.three_ideas`, what is tried in which era, and the cells asked for."""

import dataclasses
from typing import Literal, NamedTuple, get_args

from dbnjax import checks
from experiments.common import groups
from experiments.common.options import PLACE, option

Era = Literal["2006", "glorot", "rectified"]
Method = Literal[
    "none", "supervised", "squared_tied", "squared", "cross_entropy_tied", "cross_entropy", "rbm"
]
ERAS: tuple[Era, ...] = get_args(Era)
METHODS: tuple[Method, ...] = get_args(Method)
NONE = METHODS[0]

# The rate of tuning in each era, under none, and those of the methods that are tried in it. RBMs
# start with small weights of their own, so that they are those of 2006 in every logistic era.
# Rectified codes are no probabilities: above the first layer they have no cross-entropy, and RBMs
# of rectified units are not tried.
RATES: dict[Era, dict[Method, float]] = {
    "2006": {
        "none": 0.1,
        "supervised": 0.1,
        "squared_tied": 0.01,
        "squared": 0.01,
        "cross_entropy_tied": 0.01,
        "cross_entropy": 0.01,
        "rbm": 0.1,
    },
    "glorot": {"none": 0.1, "supervised": 0.1, "cross_entropy_tied": 0.01},
    "rectified": {"none": 1e-3, "supervised": 1e-3, "squared_tied": 1e-3, "squared": 1e-3},
}


class Pretraining(NamedTuple):
    """What nets of several depths start from."""

    era: Era
    method: Method


@dataclasses.dataclass(frozen=True)
class Config(groups.Workdir, groups.Seed):
    """Options of the run; each is a flag."""

    workdir: str = "runs/three_ideas"
    dataset: str = option("mnist", "mnist, fashion_mnist, kmnist, or a prepared tfds set.")
    data_dir: str | None = groups.data_dir()
    n_train: int = option(10_000, "Training cases, as many of each class.", least=1)
    n_validation: int = option(
        5_000, "Validation cases, which choose the epoch and the rate.", least=1
    )
    n_test: int = option(0, "The first so many of the official test set; 0: all.", least=0)
    split_seed: int = option(0, "Seed of the split into training and validation cases.", least=0)
    seed: int = option(0, "First of the seeds.", least=0, below=groups.SEEDS)
    seeds: int = option(3, "How many seeds every cell has, learned together.", least=1)
    eras: tuple[Era, ...] = option(ERAS, f"Some of {', '.join(ERAS)}.", some_of=ERAS)
    methods: tuple[Method, ...] = option(METHODS, f"Some of {', '.join(METHODS)}.", some_of=METHODS)
    layers: tuple[int, ...] = option(
        (500, 500, 500),
        "Hidden units of the deep nets from the bottom up; shallow: the first.",
        least=1,
    )
    batch_size: int = option(100, "Cases in a minibatch.", least=1)
    layer_epochs: int = option(15, "Epochs of pretraining of each layer.", least=1)
    tuning_epochs: int = option(
        50, "At most so many epochs of backpropagation on the whole net.", least=1
    )
    patience: int = option(
        10, "Epochs that the fewest validation errors of all must lie back.", least=1
    )
    factors: tuple[float, ...] = option(
        (1.0,),
        "What the era's rate of tuning is multiplied by; validation chooses for each cell.",
        above=0,
    )
    output: str | None = option(None, "File to copy the numbers (result.json) to.", role=PLACE)
    figure: str | None = option(None, "File to copy the figure (three_ideas.png) to.", role=PLACE)

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        last = self.seed + self.seeds - 1
        checks.require(
            last < groups.SEEDS,
            f"--seeds: expected the last of --seed={self.seed} and those that follow to be less "
            f"than {groups.SEEDS}, got {last}",
        )
        checks.require(
            bool(self.pretrainings),
            f"--methods: expected some that are tried in {', '.join(self.eras)}, got "
            f"{', '.join(self.methods)}; the module docstring says which are not and why",
        )

    @property
    def pretrainings(self) -> list[Pretraining]:
        """What is asked for and tried, era by era."""
        return [
            Pretraining(era, method)
            for era in self.eras
            for method in self.methods
            if method in RATES[era]
        ]

    @property
    def depths(self) -> dict[str, int]:
        """The hidden layers of shallow and of deep nets."""
        deep = {"deep": len(self.layers)} if len(self.layers) > 1 else {}
        return {"shallow": 1} | deep


# The smallest run that does all, for tests.
TINY = {
    "n_train": 20,
    "n_validation": 10,
    "seeds": 2,
    "eras": ("rectified",),
    "methods": ("none", "squared"),
    "layers": (6, 5),
    "batch_size": 10,
    "layer_epochs": 1,
    "tuning_epochs": 2,
    "factors": (1.0, 0.1),
}
