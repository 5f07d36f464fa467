"""Options of `experiments.belief_net_digits`."""

import dataclasses

from dbnjax import checks
from experiments.common import groups
from experiments.common.options import PLACE, option

METHODS = ("greedy", "wake_sleep", "up_down", "causes", "modules")
INTERVAL = ("bound", "low", "high")  # names of what is judged, with the ends of its interval


@dataclasses.dataclass(frozen=True)
class Config(groups.Workdir, groups.Binarised):
    """Options of the run; each is a flag."""

    workdir: str = "runs/belief_net_digits"
    methods: tuple[str, ...] = option(METHODS, f"Some of {', '.join(METHODS)}.", some_of=METHODS)
    layers: tuple[int, ...] = option((200, 200, 200), "Hidden units from the bottom up.", least=1)
    batch_size: int = option(100, "Cases in a minibatch, and persistent chains.", least=1)
    layer_epochs: int = option(40, "Epochs of each RBM and of each module.", least=1)
    tune_epochs: int = option(60, "Epochs of up-down or wake-sleep after them.", least=1)
    epochs: int = option(150, "Epochs from random weights.", least=1)
    cd_rate: float = option(0.1, "Learning rate of RBMs.", above=0)
    tune_rate: float = option(0.02, "Learning rate of a whole net after its layers.", above=0)
    rate: float = option(0.1, "Learning rate of modules and from random weights.", above=0)
    momentum: float = option(0.5, "Momentum of everything.", least=0, below=1)
    iterations: int = option(5, "Gibbs iterations of up-down.", least=1)
    points: int = option(5, "How often each stage is judged, in even steps of epochs.", least=1)
    ais_chains: int = option(100, "Chains of annealed importance sampling each time.", least=2)
    n_temperatures: int = option(1000, "Its temperatures.", least=1)
    n_samples: int = option(20, "Recognition passes for each case.", least=2)
    output: str | None = option(None, "File to copy the numbers (result.json) to.", role=PLACE)
    figure: str | None = option(None, "File to copy the figure (digits.png) to.", role=PLACE)

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        checks.require(
            self.binarisation != "real",
            "--binarisation: expected one that makes pixels binary, got real; the bounds of a "
            "belief net are about states",
        )
        checks.require(
            len(self.layers) >= 2,
            f"--layers: expected two or more, a directed layer and what is above it, got "
            f"{len(self.layers)}",
        )


# The smallest run that does all, for tests.
TINY = {"side": 4, "layers": (3, 2), "batch_size": 10, "layer_epochs": 1, "tune_epochs": 1,
        "epochs": 2, "points": 1, "ais_chains": 2, "n_temperatures": 2,
        "n_samples": 2}  # fmt: skip
