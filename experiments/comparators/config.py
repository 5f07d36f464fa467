"""The options of `experiments.comparators`, and the rows of the table."""

import dataclasses
from typing import Any, NamedTuple, TypedDict

from dbnjax import checks
from dbnjax.data.optional import import_extra
from experiments.common import groups
from experiments.common.options import HOW, option


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


class Row(TypedDict):
    """What a row comes to: its training cases, its errors, the test cases that it gets wrong."""

    name: str
    cases: int
    validation: int | None  # null where there was nothing left to choose
    test: int
    wrong: list[int]
    seconds: float
    settings: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Config(groups.Saving, groups.Seed, groups.Split):
    """Options of the run; each is a flag."""

    workdir: str = "runs/comparators"
    rows: tuple[str, ...] = option(
        tuple(LINES), f"Rows, some of {', '.join(LINES)}.", some_of=tuple(LINES), role=HOW
    )
    few: int = option(
        0, "Training cases of l2_few and l3_few; 0: a third of all but the test cases.", least=0
    )
    svm_cases: int = option(0, "Training cases of the SVM; 0: all but the test cases.", least=0)
    svm_cost: float = option(10.0, "Penalty C of the SVM.", above=0)
    epochs: int = option(100, "At most so many epochs of a net.", least=1)
    patience: int = option(10, "Epochs that the fewest validation errors must lie back.", least=1)
    momentum: float = option(0.9, "Momentum of the nets.", least=0, below=1)
    batch_size: int = option(100, "Cases in a minibatch of the nets with cross-entropy.", least=1)
    rate: float = option(0.1, "Learning rate of the nets with cross-entropy.", least=0)
    decays: tuple[float, ...] = option(
        (0.0, 1e-5, 3e-5, 1e-4),
        "Weight decays of deep and sklearn_deep, which take the best on validation.",
        least=0,
    )
    squared_batch_size: int = option(
        10, "Cases in a minibatch with squared error; on-line: 1.", least=1
    )
    squared_rate: float = option(0.01, "Learning rate with squared error.", least=0)

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        if any(by_sklearn(name) for name in self.rows):
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


# The smallest run that does all, for tests.
TINY = {
    "rows": ("svm", "deep", "sklearn_squared", "l2_few"),
    "n_train": 20,
    "n_validation": 10,
    "epochs": 2,
    "batch_size": 10,
    "squared_batch_size": 5,
    "decays": (0.0, 1e-3),
}
