"""The options of `experiments.mnist_classifier`, its presets, and what they are checked for."""

import dataclasses
from typing import Any, ClassVar

from dbnjax import checks
from experiments.common import groups
from experiments.common.groups import DRAWS, SCHEDULES, Drawn
from experiments.common.options import INPUT, Presets, numbered_file, option

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


@dataclasses.dataclass(frozen=True)
class Config(groups.Pretraining):
    """Options of the run; each is a flag."""

    PRESETS: ClassVar[Presets] = {
        "": {},
        # TR 2006-004, which spends little on easy cases too.
        "tr": THREE | {"easy": 0.01},
        # As many epochs as the report's: its cross-entropy rests on a plateau at first.
        "unpretrained": ONE
        | {"start": "2006", "tune_epochs": 119, "patience": 119, "all_epochs": 60},
        "rectified": ONE
        | {"start": "rectified", "optimiser": "adam", "rate": 1e-3, "tune_decay": 0.0},
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

    workdir: str = "runs/mnist_classifier"
    preset: str = option("", "Recipe that sets other flags.", tuple(PRESETS))
    folds: int = option(
        1, "Nets, each with validation cases of its own, disjoint from the rest.", least=1
    )
    nets: int = option(0, "Learn the first so many of them; 0: all.", least=0)
    start: str = option(
        "pretrained",
        "First weights: a stack of machines; at random as in 2006 or by Glorot, logistic units; or "
        "rectified units with weights by He.",
        STARTS,
    )
    stacks: tuple[str, ...] = option(
        ("",),
        "Saved stacks to start from, one a net, comma-separated; empty: they are learned.",
        may_be_empty=True,
        role=INPUT,
        shown=lambda paths: tuple(map(numbered_file, paths)),
    )
    reach: int = option(
        0, "Shift images at random by up to so many pixels; 2: 12 extra versions.", least=0
    )
    pixels: Drawn = option("sample", "Visible units of pretraining: intensities or draws.", DRAWS)
    greedy_features: Drawn = option("sample", "Data of the machines above the first.", DRAWS)
    greedy_rate: float = option(
        groups.GREEDY_RATE, "Learning rate of the machines, falling linearly to zero.", least=0
    )
    greedy_momentum: float = option(
        0.9, "Their momentum after the first 5 epochs; 0.5 before.", least=0, below=1
    )
    decay: float = option(groups.GREEDY_DECAY, "Their weight decay.", least=0)
    optimiser: str = option("momentum", "Of tuning; cg looks along lines itself.", OPTIMISERS)
    tune_epochs: int = option(
        100, "At most so many epochs of tuning; 0: only learn the stacks.", least=0
    )
    patience: int = option(10, "Epochs that the fewest validation errors must lie back.", least=1)
    softmax_epochs: int = option(
        0, "First epochs of tuning in which the softmax layer alone learns.", least=0
    )
    rate: float = option(
        0.1, "Learning rate of tuning; the optimiser's step is multiplied by it.", least=0
    )
    schedule: str = option(
        "constant",
        "Its course over tune_epochs, and over all_epochs: constant, or linear to zero.",
        SCHEDULES,
    )
    momentum: float = option(0.9, "Momentum of tuning.", least=0, below=1)
    tune_decay: float = option(0.0, "Weight decay of tuning.", least=0)
    line_searches: int = option(3, "Line searches a minibatch, with cg.", least=1)
    easy: float = option(
        0.0, "Cross-entropy in nats below which a case is easy; 0: none is.", least=0
    )
    drop_visible: float = option(
        0.0, "Probability that dropout takes out a pixel.", least=0, below=1
    )
    drop_hidden: float = option(
        0.0, "Probability that dropout takes out a hidden unit.", least=0, below=1
    )
    max_norm: float = option(0.0, "Largest length of a unit's incoming weights; 0: any.", least=0)
    all_epochs: int = option(
        0,
        "At most so many epochs on all but the test cases, to the training cross-entropy.",
        least=0,
    )

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        checks.require(
            not (self.easy and self.dropout),
            f"--easy={self.easy}: expected no dropout beside it, which hides what a case costs",
        )
        checks.require(
            not (self.easy and self.optimiser == "cg"),
            f"--easy={self.easy}: expected no --optimiser=cg beside it: a line search needs the "
            "cost that its cases have in the mean, not a draw of tenfold weights",
        )
        checks.require(
            not (self.easy and self.reach),
            f"--reach={self.reach}: expected --easy=0 beside it, since a case is another each time",
        )
        checks.require(
            self.optimiser != "cg"
            or (self.rate == 1.0 and self.schedule == "constant" and not self.dropout),
            f"--optimiser=cg: expected a constant --rate=1 and no dropout, got --rate={self.rate}, "
            f"--schedule={self.schedule}; a line search finds the length of its step by itself, on "
            "a cost that stays the same",
        )
        given = self.given_stacks
        checks.require(
            len(given) in (0, self.n_nets),
            f"--stacks: expected one file for each of {self.n_nets} nets, got {len(given)}",
        )
        checks.require(
            not given or self.start == "pretrained",
            f"--stacks: expected --start=pretrained beside them, got --start={self.start}",
        )
        checks.require(
            self.tune_epochs > 0 or (self.start == "pretrained" and not given),
            "--tune_epochs=0: expected stacks that are to be learned, got --start or --stacks that "
            "leave nothing to do",
        )

    @property
    def n_nets(self) -> int:
        """The number of nets that are learned."""
        return min(self.nets or self.folds, self.folds)

    @property
    def given_stacks(self) -> tuple[str, ...]:
        """The files of saved stacks, none if they are to be learned."""
        return tuple(filter(None, self.stacks))

    @property
    def dropout(self) -> bool:
        """Whether any unit is ever taken out."""
        return bool(self.drop_visible or self.drop_hidden)


# The smallest run that does all, for tests.
TINY = {
    "folds": 2,
    "n_validation": 10,
    "layers": (8,),
    "greedy_batch_size": 10,
    "greedy_epochs": 1,
    "batch_size": 10,
    "tune_epochs": 2,
    "all_epochs": 1,
}
