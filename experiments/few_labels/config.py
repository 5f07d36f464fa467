"""The options of `experiments.few_labels`, what they are checked for, and the nets they ask for."""

import dataclasses
import itertools
from typing import Any, NamedTuple

from dbnjax import checks
from experiments.common.options import Options, option
from experiments.mnist_classifier import config as classifier_config

PRETRAINED, UNPRETRAINED, MISSING, LABELLED = METHODS = (
    "pretrained",
    "unpretrained",
    "joint",
    "joint_labelled",
)
CHOOSERS = ("all", "few")
COUNTS = ("draws", "greedy_batch_size", "batch_size", "updates", "rounds", "patience",
          "unlabelled", "save_every")  # fmt: skip
NOT_NEGATIVE = ("n_validation", "n_test", "greedy_epochs", "rate", "joint_rate")


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options of the run; each is a flag."""

    dataset: str = option("mnist", "mnist, mnist5k, fashion_mnist, kmnist, or a prepared tfds set.")
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    workdir: str = option("runs/few_labels", "Folder for all that the run writes.")
    seed: int = option(0, "Seed of every random draw but the split of the data.")
    split_seed: int = option(0, "Seed of the split into training, validation and test cases.")
    n_validation: int = option(0, "Validation cases; 0: 1 in 6, or 1 in 10.")
    n_test: int = option(0, "Test cases; 0: the official test set, or 1 in 10 with none.")
    labels: tuple[int, ...] = option((100, 1000, 10_000), "Labelled cases, as many of each class.")
    draws: int = option(5, "How often the labelled cases are drawn.")
    methods: tuple[str, ...] = option(METHODS, f"Some of {', '.join(METHODS)}.")
    choose_by: str = option(
        "all", "Validation labels that choose: all, or as few as there are labels.", CHOOSERS
    )
    stack: str = option("", "Saved stack of the first net of mnist_classifier; empty: learn one.")
    layers: tuple[int, ...] = option((500, 500, 2000), "Hidden units of the stack from the bottom.")
    greedy_batch_size: int = option(50, "Cases in a minibatch of pretraining.")
    greedy_epochs: int = option(40, "Epochs of each machine of the stack.")
    batch_size: int = option(100, "Cases in a minibatch of all that follows.")
    updates: int = option(100, "Updates between two looks at the validation cases: a round.")
    rounds: int = option(20, "At most so many rounds.")
    patience: int = option(5, "Rounds that the fewest validation errors must lie back.")
    rate: float = option(0.1, "Learning rate of the classifiers, with a momentum of 0.9.")
    dropouts: tuple[float, ...] = option((0.0, 0.5), "Dropout of hidden units, to choose from.")
    shapes: tuple[str, ...] = option(
        ("0", "100", "500", "2000", "500-500"),
        "Hidden units without pretraining, to choose from; 0: softmax regression.",
    )
    decays: tuple[float, ...] = option((0.0, 1e-3), "Weight decay without pretraining, likewise.")
    joint_rate: float = option(0.1, "Learning rate of the joint machine, with a momentum of 0.5.")
    unlabelled: int = option(1, "Its cases with a missing label beside each with a known one.")
    save_every: int = option(1, "Epochs between checkpoints of the stack.")


class Setting(NamedTuple):
    """What validation chooses from; JSON-able.

    Attributes:
      hidden: units from the bottom up.
      decay: weight decay.
      dropout: probability that a hidden unit is taken out.
    """

    hidden: list[int]
    decay: float
    dropout: float


def shape(text: str) -> list[int]:
    """Returns the hidden units that `500-500` names; none for 0.

    Raises:
      InputError: it names none.
    """
    parts = text.split("-")
    checks.require(
        all(part.isdecimal() for part in parts),
        f"--shapes: expected hidden units such as 500-500, or 0 for none, got {text!r}",
    )
    found = [int(part) for part in parts]
    checks.require(
        found == [0] or 0 not in found,
        f"--shapes: expected 1 unit or more in every layer, or 0 alone for none, got {text!r}",
    )
    return [n for n in found if n]


def settings(config: Config, method: str) -> list[Setting]:
    """Returns what validation chooses from, the smallest nets first."""
    stacked = list(config.layers)
    if method == PRETRAINED:
        return [Setting(stacked, 0.0, dropout) for dropout in config.dropouts]
    if method != UNPRETRAINED:
        return [Setting(stacked, classifier_config.Config.decay, 0.0)]
    return [
        Setting(hidden, decay, dropout)
        for hidden, decay, dropout in itertools.product(
            map(shape, config.shapes), config.decays, config.dropouts
        )
        if hidden or not dropout
    ]


def classifier(config: Config) -> classifier_config.Config:
    """Returns the options of `mnist_classifier` that make the same division and the same stack."""
    return classifier_config.Config(
        dataset=config.dataset,
        data_dir=config.data_dir,
        seed=config.seed,
        split_seed=config.split_seed,
        n_validation=config.n_validation,
        n_test=config.n_test,
        layers=config.layers,
        greedy_batch_size=config.greedy_batch_size,
        greedy_epochs=config.greedy_epochs,
        batch_size=config.batch_size,
        save_every=config.save_every,
    )


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    for name in COUNTS:
        checks.check_at_least(f"--{name}", getattr(config, name), 1)
    for name in NOT_NEGATIVE:
        checks.check_at_least(f"--{name}", getattr(config, name), 0)
    for name, least in (("labels", 1), ("layers", 1), ("decays", 0)):
        for number in _some(config, name):
            checks.check_at_least(f"--{name}", number, least)
    for dropout in _some(config, "dropouts"):
        checks.require(
            0 <= dropout < 1, f"--dropouts: expected 0 or more and less than 1, got {dropout}"
        )
    for text in _some(config, "shapes"):
        shape(text)
    given = config.methods
    checks.require(
        bool(given) and set(given) <= set(METHODS) and len(set(given)) == len(given),
        f"--methods: expected some of {', '.join(METHODS)}, each once, got "
        f"{', '.join(given) or 'none'}",
    )
    checks.require(
        len(set(config.labels)) == len(config.labels),
        f"--labels: expected different numbers, got {', '.join(map(str, config.labels))}",
    )
    checks.check_seed(config.seed)


def _some(config: Config, name: str) -> tuple[Any, ...]:
    given: tuple[Any, ...] = getattr(config, name)
    checks.require(bool(given), f"--{name}: expected at least one, got none")
    return given
