"""Options of `experiments.three_ideas`, their checks, and the cells that they ask for."""

import dataclasses
from typing import NamedTuple

from dbnjax import checks
from experiments.common.options import Options, option
from experiments.three_ideas.methods import ERAS, METHODS, NONE

ALL_METHODS = (NONE, *METHODS)
COUNTS = ("seeds", "n_train", "n_validation", "batch_size", "layer_epochs", "tuning_epochs",
          "patience")  # fmt: skip
FREE = ("workdir", "output", "figure")  # what a resumed run may change


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options of the run; each is a flag."""

    dataset: str = option("mnist", "mnist, fashion_mnist, kmnist, or a prepared tfds set.")
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    workdir: str = option("runs/three_ideas", "Folder for all that the run writes.")
    n_train: int = option(10_000, "Training cases, as many of each class.")
    n_validation: int = option(5_000, "Validation cases, which choose the epoch and the rate.")
    n_test: int = option(0, "The first so many of the official test set; 0: all.")
    split_seed: int = option(0, "Seed of the split into training and validation cases.")
    seed: int = option(0, "First of the seeds.")
    seeds: int = option(3, "How many seeds every cell has, learned together.")
    eras: tuple[str, ...] = option(tuple(ERAS), f"Some of {', '.join(ERAS)}.")
    methods: tuple[str, ...] = option(ALL_METHODS, f"Some of {', '.join(ALL_METHODS)}.")
    layers: tuple[int, ...] = option(
        (500, 500, 500), "Hidden units of the deep nets from the bottom up; shallow: the first."
    )
    batch_size: int = option(100, "Cases in a minibatch.")
    layer_epochs: int = option(15, "Epochs of pretraining of each layer.")
    tuning_epochs: int = option(50, "At most so many epochs of backpropagation on the whole net.")
    patience: int = option(10, "Epochs that the fewest validation errors of all must lie back.")
    factors: tuple[float, ...] = option(
        (1.0,), "What the era's rate of tuning is multiplied by; validation chooses for each cell."
    )
    output: str | None = option(None, "File to copy the numbers (result.json) to.")
    figure: str | None = option(None, "File to copy the figure (three_ideas.png) to.")


class Pretraining(NamedTuple):
    """What nets of several depths start from."""

    era: str
    method: str


def pretrainings(config: Config) -> list[Pretraining]:
    """Returns what is asked for and tried, era by era."""
    return [
        Pretraining(era, method)
        for era in config.eras
        for method in config.methods
        if method in ERAS[era].methods
    ]


def depths(config: Config) -> dict[str, int]:
    """Returns the hidden layers of shallow and of deep nets."""
    deep = {"deep": len(config.layers)} if len(config.layers) > 1 else {}
    return {"shallow": 1} | deep


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    for name in COUNTS:
        checks.check_count(f"--{name}", getattr(config, name), 1)
    checks.require(bool(config.layers), "--layers: expected at least one size, got none")
    for size in config.layers:
        checks.check_count("--layers", size, 1)
    checks.require(
        bool(config.factors) and all(0 < factor < float("inf") for factor in config.factors),
        f"--factors: expected positive numbers, got {config.factors or 'none'}",
    )
    for seed in (config.seed, config.seed + config.seeds - 1):
        checks.check_seed(seed)
    _check_some("--eras", config.eras, tuple(ERAS))
    _check_some("--methods", config.methods, ALL_METHODS)
    checks.require(
        bool(pretrainings(config)),
        f"--methods: expected some that are tried in {', '.join(config.eras)}, got "
        f"{', '.join(config.methods)}; the module docstring says which are not and why",
    )


def _check_some(name: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    checks.require(
        bool(given) and set(given) <= set(known) and len(set(given)) == len(given),
        f"{name}: expected some of {', '.join(known)}, each once, got {', '.join(given) or 'none'}",
    )
