"""The options of `experiments.comparators`, the rows of the table, and their checks."""

import dataclasses
from typing import Any, NamedTuple

from dbnjax import checks
from dbnjax.data.optional import import_extra
from experiments.common.options import Options, option
from experiments.mnist_dbn import config as dbn_config


class Line(NamedTuple):
    """A line of Table 1 of the 2006 paper, permutation-invariant version of the task.

    Attributes:
      title: what learns, as the paper says it.
      paper: its test error there in per cent.
    """

    title: str
    paper: float


SVM = Line("SVM, polynomial of degree 9", 1.4)
DEEP = Line("784-500-300-10, cross-entropy, weight decay", 1.51)
WIDE = Line("784-800-10, cross-entropy, early stopping", 1.53)
SQUARED = Line("784-500-150-10, squared error", 2.95)

LINES: dict[str, Line] = {
    "svm": SVM,
    "deep": DEEP,
    "wide": WIDE,
    "squared": SQUARED,
    "sklearn_deep": DEEP,
    "sklearn_wide": WIDE,
    "sklearn_squared": SQUARED,
    "l3_all": Line("nearest neighbour, L3, all cases", 2.8),
    "l2_all": Line("nearest neighbour, L2, all cases", 3.1),
    "l3_few": Line("nearest neighbour, L3, a third of them", 4.0),
    "l2_few": Line("nearest neighbour, L2, a third of them", 4.4),
}
"""The rows by name, in the order of the table; a net is learned here and by scikit-learn."""


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options of the run; each is a flag."""

    dataset: str = option(
        "mnist5k", "mnist5k (embedded), mnist, fashion_mnist, kmnist, or a prepared tfds set."
    )
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    workdir: str = option("runs/comparators", "Folder for all that the run writes.")
    rows: tuple[str, ...] = option(tuple(LINES), f"Rows, some of {', '.join(LINES)}.")
    seed: int = option(0, "Seed of every random draw but the split of the data.")
    split_seed: int = option(0, "Seed of the split into training, validation and test cases.")
    n_train: int = option(0, "Training cases, as many of each class; 0: 44 in 60, or 8 in 10.")
    n_validation: int = option(0, "Validation cases; 0: 10 in 60, or 1 in 10 with no test set.")
    n_test: int = option(0, "Test cases; 0: the official test set, or 1 in 10 with none.")
    few: int = option(
        0, "Training cases of l2_few and l3_few; 0: a third of all but the test cases."
    )
    svm_cases: int = option(0, "Training cases of the SVM; 0: all but the test cases.")
    svm_cost: float = option(10.0, "Penalty C of the SVM.")
    epochs: int = option(100, "At most so many epochs of a net.")
    patience: int = option(10, "Epochs that the fewest validation errors must lie back.")
    momentum: float = option(0.9, "Momentum of the nets.")
    batch_size: int = option(100, "Cases in a minibatch of the nets with cross-entropy.")
    rate: float = option(0.1, "Learning rate of the nets with cross-entropy.")
    decays: tuple[float, ...] = option(
        (0.0, 1e-5, 3e-5, 1e-4),
        "Weight decays of deep and sklearn_deep, which take the best on validation.",
    )
    squared_batch_size: int = option(10, "Cases in a minibatch with squared error; on-line: 1.")
    squared_rate: float = option(0.01, "Learning rate with squared error.")
    save_every: int = option(1, "Epochs between checkpoints; a net's last epoch has one too.")


FREE = ("workdir", "rows", "save_every")  # what a resumed run may change
HIDDEN = ("workdir", "save_every")  # flags that do not change what is found
COUNTS = ("epochs", "patience", "batch_size", "squared_batch_size", "save_every")
NOT_NEGATIVE = ("few", "svm_cases", "rate", "squared_rate")


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    for name in COUNTS:
        checks.check_at_least(f"--{name}", getattr(config, name), 1)
    for name in NOT_NEGATIVE:
        checks.check_at_least(f"--{name}", getattr(config, name), 0)
    checks.require(
        0 <= config.momentum < 1,
        f"--momentum: expected 0 or more and less than 1, got {config.momentum}",
    )
    checks.require(config.svm_cost > 0, f"--svm_cost: expected more than 0, got {config.svm_cost}")
    checks.require(bool(config.decays), "--decays: expected at least one, got none")
    for decay in config.decays:
        checks.check_at_least("--decays", decay, 0)
    unknown = [name for name in config.rows if name not in LINES]
    checks.require(
        bool(config.rows) and not unknown and len(set(config.rows)) == len(config.rows),
        f"--rows: expected some of {', '.join(LINES)}, each once, got "
        f"{', '.join(config.rows) or 'none'}",
    )
    checks.check_seed(config.seed)
    if any(by_sklearn(name) for name in config.rows):
        import_extra("sklearn")


def by_sklearn(name: str) -> bool:
    """Returns whether scikit-learn learns a row."""
    return name == "svm" or name.startswith("sklearn")


def check_fit(config: Config, n_train: int, n_few: int) -> None:
    """Refuses more training cases, or larger minibatches, than there are, for the rows asked for.

    Args:
      config: the options.
      n_train: training cases, from which the first so many are taken.
      n_few: cases of the smaller nearest neighbours.
    """
    asked = {LINES[name] for name in config.rows}
    if asked & {LINES["l2_few"], LINES["l3_few"]}:
        _check_part("few", n_few, n_train)
    if SVM in asked:
        _check_part("svm_cases", config.svm_cases, n_train)
    if asked & {DEEP, WIDE}:
        checks.check_batch_size(config.batch_size, n_train)
    if SQUARED in asked:
        checks.check_batch_size(config.squared_batch_size, n_train)


def _check_part(name: str, n: int, n_train: int) -> None:
    checks.require(
        n <= n_train,
        f"--{name}: expected at most {n_train}, the training cases, got {n}; --n_train gives more "
        "of them",
    )


def splitting(config: Config) -> dbn_config.Config:
    """Returns the main job's options for the same cases, split in the same way."""
    names = ("dataset", "data_dir", "split_seed", "n_train", "n_validation", "n_test")
    same: dict[str, Any] = {name: getattr(config, name) for name in names}
    return dbn_config.Config(**same)
