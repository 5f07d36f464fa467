"""The options of `experiments.mnist_classifier`, its presets, and what they are checked for."""

import dataclasses
from typing import Any, ClassVar, Literal

from dbnjax import checks
from experiments.common import groups
from experiments.common.options import Options, Presets, option

TABLE, UNPRETRAINED = "tr", "unpretrained"  # the presets that are the report's table

STARTS = ("pretrained", "2006", "glorot", "rectified")
OPTIMISERS = ("momentum", "adam", "cg")

THREE: dict[str, Any] = {
    "dataset": "mnist",
    "folds": 3,
    "rate": 0.1,
    "tune_decay": 1e-5,
    "all_epochs": 60,
    "save_every": 5,
}
"""Three nets, each pretrained and tuned on a split of its own, then on all cases."""

ONE: dict[str, Any] = THREE | {"nets": 1, "all_epochs": 0}
FALLING: dict[str, Any] = {"schedule": "linear", "tune_decay": 0.0, "all_epochs": 40}

PRESETS: dict[str, dict[str, Any]] = {
    "": {},
    # TR 2006-004, which spends little on easy cases too.
    "tr": THREE | {"easy": 0.01},
    # As many epochs as the report's: its cross-entropy rests on a plateau at first.
    "unpretrained": ONE | {"start": "2006", "tune_epochs": 119, "patience": 119, "all_epochs": 60},
    "rectified": ONE | {"start": "rectified", "optimiser": "adam", "rate": 1e-3, "tune_decay": 0.0},
    # Thrice the rate of the others: its noise takes more of it, and it has more to learn.
    "dropout": THREE
    | FALLING
    | {"tune_epochs": 250, "patience": 250, "rate": 0.3, "all_epochs": 80}
    | {"drop_visible": 0.2, "drop_hidden": 0.5},
    # With thirteen versions of every case there is less for dropout to do.
    "translations": ONE
    | FALLING
    | {"tune_epochs": 240, "patience": 240, "drop_hidden": 0.25, "reach": 2},
}


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options of the run; each is a flag."""

    PRESETS: ClassVar[Presets] = PRESETS

    preset: str = option("", "Recipe that sets other flags.", tuple(PRESETS))
    dataset: str = option(
        "mnist5k", "mnist5k (embedded), mnist, fashion_mnist, kmnist, or a prepared tfds set."
    )
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    workdir: str = option("runs/mnist_classifier", "Folder for all that the run writes.")
    seed: int = option(0, "Seed of every random draw but the splits of the data.")
    split_seed: int = option(0, "Seed of the splits into training, validation and test cases.")
    folds: int = option(1, "Nets, each with validation cases of its own, disjoint from the rest.")
    nets: int = option(0, "Learn the first so many of them; 0: all.")
    n_validation: int = option(0, "Validation cases of each net; 0: 1 in 6, or 1 in 10.")
    n_test: int = option(0, "Test cases; 0: the official test set, or 1 in 10 with none.")
    layers: tuple[int, ...] = option((500, 500, 2000), "Hidden units from the bottom up.")
    start: str = option(
        "pretrained",
        "First weights: a stack of machines; at random as in 2006 or by Glorot, logistic units; or "
        "rectified units with weights by He.",
        STARTS,
    )
    stacks: tuple[str, ...] = option(
        ("",), "Saved stacks to start from, one a net, comma-separated; empty: they are learned."
    )
    reach: int = option(0, "Shift images at random by up to so many pixels; 2: 12 extra versions.")
    greedy_batch_size: int = option(50, "Cases in a minibatch of pretraining.")
    pixels: Literal["mean", "sample"] = option(
        "sample", "Visible units of pretraining: intensities or draws.", groups.DRAWS
    )
    greedy_features: Literal["mean", "sample"] = option(
        "sample", "Data of the machines above the first.", groups.DRAWS
    )
    greedy_epochs: int = option(40, "Epochs of each machine.")
    greedy_rate: float = option(0.1, "Learning rate of the machines, falling linearly to zero.")
    greedy_momentum: float = option(0.9, "Their momentum after the first 5 epochs; 0.5 before.")
    decay: float = option(5e-5, "Their weight decay.")
    optimiser: str = option("momentum", "Of tuning; cg looks along lines itself.", OPTIMISERS)
    batch_size: int = option(100, "Cases in a minibatch of tuning.")
    tune_epochs: int = option(100, "At most so many epochs of tuning; 0: only learn the stacks.")
    patience: int = option(10, "Epochs that the fewest validation errors must lie back.")
    softmax_epochs: int = option(
        0, "First epochs of tuning in which the softmax layer alone learns."
    )
    rate: float = option(0.1, "Learning rate of tuning; the optimiser's step is multiplied by it.")
    schedule: str = option(
        "constant",
        "Its course over tune_epochs, and over all_epochs: constant, or linear to zero.",
        groups.SCHEDULES,
    )
    momentum: float = option(0.9, "Momentum of tuning.")
    tune_decay: float = option(0.0, "Weight decay of tuning.")
    line_searches: int = option(3, "Line searches a minibatch, with cg.")
    easy: float = option(0.0, "Cross-entropy in nats below which a case is easy; 0: none is.")
    drop_visible: float = option(0.0, "Probability that dropout takes out a pixel.")
    drop_hidden: float = option(0.0, "Probability that dropout takes out a hidden unit.")
    max_norm: float = option(0.0, "Largest length of a unit's incoming weights; 0: any.")
    all_epochs: int = option(
        0, "At most so many epochs on all but the test cases, to the training cross-entropy."
    )
    save_every: int = option(1, "Epochs between checkpoints; a stage's last epoch has one too.")


COUNTS = ("folds", "greedy_batch_size", "batch_size", "patience", "line_searches", "save_every")
NOT_NEGATIVE = (
    "nets",
    "n_validation",
    "n_test",
    "reach",
    "greedy_epochs",
    "greedy_rate",
    "decay",
    "tune_epochs",
    "softmax_epochs",
    "rate",
    "tune_decay",
    "easy",
    "max_norm",
    "all_epochs",
)
PARTS = ("greedy_momentum", "momentum", "drop_visible", "drop_hidden")


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    for name in COUNTS:
        checks.check_at_least(f"--{name}", getattr(config, name), 1)
    for name in NOT_NEGATIVE:
        checks.check_at_least(f"--{name}", getattr(config, name), 0)
    for name in PARTS:
        part = getattr(config, name)
        checks.require(0 <= part < 1, f"--{name}: expected 0 or more and less than 1, got {part}")
    checks.require(bool(config.layers), "--layers: expected at least one size, got none")
    for number in config.layers:
        checks.check_at_least("--layers", number, 1)
    checks.require(
        not (config.easy and dropout(config)),
        f"--easy={config.easy}: expected no dropout beside it, which hides what a case costs",
    )
    checks.require(
        not (config.easy and config.optimiser == "cg"),
        f"--easy={config.easy}: expected no --optimiser=cg beside it: a line search needs the cost "
        "that its cases have in the mean, not a draw of tenfold weights",
    )
    checks.require(
        not (config.reach and config.easy),
        f"--reach={config.reach}: expected --easy=0 beside it, since a case is another each time",
    )
    checks.require(
        config.optimiser != "cg"
        or (config.rate == 1.0 and config.schedule == "constant" and not dropout(config)),
        f"--optimiser=cg: expected a constant --rate=1 and no dropout, got --rate={config.rate}, "
        f"--schedule={config.schedule}; a line search finds the length of its step by itself, on a "
        "cost that stays the same",
    )
    checks.require(
        len(given_stacks(config)) in (0, n_nets(config)),
        f"--stacks: expected one file for each of {n_nets(config)} nets, got "
        f"{len(given_stacks(config))}",
    )
    checks.require(
        not given_stacks(config) or config.start == "pretrained",
        f"--stacks: expected --start=pretrained beside them, got --start={config.start}",
    )
    checks.require(
        config.tune_epochs > 0 or (config.start == "pretrained" and not given_stacks(config)),
        "--tune_epochs=0: expected stacks that are to be learned, got --start or --stacks that "
        "leave nothing to do",
    )
    checks.check_seed(config.seed)


def n_nets(config: Config) -> int:
    """Returns the number of nets that are learned."""
    return min(config.nets or config.folds, config.folds)


def given_stacks(config: Config) -> tuple[str, ...]:
    """Returns the files of saved stacks, none if they are to be learned."""
    return tuple(filter(None, config.stacks))


def dropout(config: Config) -> bool:
    """Returns whether any unit is ever taken out."""
    return bool(config.drop_visible or config.drop_hidden)
