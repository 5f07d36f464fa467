"""The options of `experiments.few_labels`, what they are checked for, and the nets they ask for."""

import dataclasses
import itertools
from typing import NamedTuple

from dbnjax import checks
from experiments.common import groups
from experiments.common.options import INPUT, numbered_file, option

METHODS = {
    "pretrained": "classifier, pretrained",
    "unpretrained": "classifier, not pretrained",
    "joint": "joint DBN, missing labels",
    "joint_labelled": "joint DBN, labelled cases only",
}
PRETRAINED, UNPRETRAINED, MISSING, LABELLED = METHODS
CHOOSERS = ("all", "few")


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


@dataclasses.dataclass(frozen=True)
class Config(groups.Pretraining):
    """Options of the run; each is a flag."""

    dataset: str = "mnist"
    workdir: str = "runs/few_labels"
    labels: tuple[int, ...] = option(
        (100, 1000, 10_000), "Labelled cases, as many of each class.", least=1, distinct=True
    )
    draws: int = option(5, "How often the labelled cases are drawn.", least=1)
    methods: tuple[str, ...] = option(
        tuple(METHODS), f"Some of {', '.join(METHODS)}.", some_of=tuple(METHODS)
    )
    choose_by: str = option(
        "all", "Validation labels that choose: all, or as few as there are labels.", CHOOSERS
    )
    stack: str = option(
        "",
        "Saved stack of the first net of mnist_classifier; empty: learn one.",
        role=INPUT,
        shown=numbered_file,
    )
    updates: int = option(
        100, "Updates between two looks at the validation cases: a round.", least=1
    )
    rounds: int = option(20, "At most so many rounds.", least=1)
    patience: int = option(5, "Rounds that the fewest validation errors must lie back.", least=1)
    rate: float = option(0.1, "Learning rate of the classifiers, with a momentum of 0.9.", least=0)
    dropouts: tuple[float, ...] = option(
        (0.0, 0.5), "Dropout of hidden units, to choose from.", least=0, below=1
    )
    shapes: tuple[str, ...] = option(
        ("0", "100", "500", "2000", "500-500"),
        "Hidden units without pretraining, to choose from; 0: softmax regression.",
    )
    decays: tuple[float, ...] = option(
        (0.0, 1e-3), "Weight decay without pretraining, likewise.", least=0
    )
    joint_rate: float = option(
        0.1, "Learning rate of the joint machine, with a momentum of 0.5.", least=0
    )
    unlabelled: int = option(
        1, "Its cases with a missing label beside each with a known one.", least=1
    )

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        for text in self.shapes:
            shape(text)

    def settings(self, method: str) -> list[Setting]:
        """Returns what validation chooses from, the smallest nets first."""
        stacked = list(self.layers)
        if method == PRETRAINED:
            return [Setting(stacked, 0.0, dropout) for dropout in self.dropouts]
        if method != UNPRETRAINED:
            return [Setting(stacked, groups.GREEDY_DECAY, 0.0)]
        tried = itertools.product(map(shape, self.shapes), self.decays, self.dropouts)
        return [Setting(*one) for one in tried if one[0] or not one[2]]


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


# The smallest run that does all, for tests.
TINY = {
    "n_validation": 10,
    "labels": (10,),
    "draws": 2,
    "layers": (6,),
    "greedy_batch_size": 10,
    "greedy_epochs": 1,
    "batch_size": 10,
    "updates": 2,
    "rounds": 2,
    "shapes": ("0",),
    "decays": (0.0,),
}
