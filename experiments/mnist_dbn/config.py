"""The options of `mnist_dbn`, its presets, and what they are checked for."""

import dataclasses
from typing import Any, ClassVar

from dbnjax import checks
from dbnjax.data.optional import import_extra
from experiments.common import groups
from experiments.common.groups import DRAWS, SCHEDULES, Drawn
from experiments.common.options import HOW, INPUT, Presets, option

PREPARED = "tfds:"  # before the name of a set that is streamed

PAPER: dict[str, Any] = {
    "dataset": "mnist",
    "layers": (500, 500, 2000),
    "labels": True,
    "batch_size": 100,
    "pixels": "mean",
    "data_biases": False,
    "k": 1,
    "greedy_features": "mean",
    "greedy_epochs": 30,
    "greedy_rate": 0.1,
    "greedy_momentum": 0.9,
    "memory_rule": "cd",
    "memory_features": "mean",
    "memory_epochs": 30,
    "memory_rate": 0.1,
    "memory_momentum": 0.9,
    "early_momentum": 0.5,
    "schedule": "linear",
    "decay": 2e-4,
    "up_down_epochs": (100, 100, 100),
    "up_down_steps": (3, 6, 10),
    "up_down_rate": 0.02,
    "up_down_schedule": "linear",
    "up_down_momentum": 0.0,
    "up_down_decay": 0.0,
    "up_down_labels": "mean",
    "up_down_statistics": "sample",
    "all_epochs": 59,  # what the paper took
    "all_rate": 0.02,
    "all_schedule": "linear",
    "all_momentum": 0.0,
    "baselines": False,
}
"""The 2006 protocol (section 6.1); rates, momentum and decay, which it does not print, are ours."""

BEST: dict[str, Any] = PAPER | {
    "batch_size": 50,
    "pixels": "sample",
    "data_biases": True,
    "greedy_features": "sample",
    "greedy_epochs": 40,
    "memory_features": "sample",
    "memory_epochs": 80,
    "decay": 5e-5,
    "up_down_epochs": (10,),
    "up_down_steps": (10,),
    "up_down_rate": 0.05,
    "up_down_statistics": "mean",
    "all_epochs": 20,
    "all_rate": 0.03,
}
"""What validation found: binary samples as the data of every machine, falling rates, and in
up-down ten Gibbs iterations from the start with means in the memory's statistics."""

SMALL: dict[str, Any] = BEST | {
    "side": 16,
    "layers": (300, 300, 1200),
    "pixels": "mean",  # so few pixels cannot afford the noise of samples
    "greedy_features": "mean",
    "greedy_epochs": 20,
    "memory_epochs": 40,
    "all_epochs": 0,
}
"""The nets of footnote 6: images of 16 x 16, three fifths of the units; quick on all of MNIST."""

PRESETS: dict[str, dict[str, Any]] = {"": {}, "paper": PAPER, "best": BEST, "16x16": SMALL}


def without_folders(stream: str) -> str:
    """Names a stream in commands: a folder's place is that of the one who ran it."""
    return stream if not stream or stream.startswith(PREPARED) else "STREAM"


@dataclasses.dataclass(frozen=True)
class Config(groups.Devices, groups.Saving, groups.Seed, groups.Reduced):
    """Options of the run; each is a flag."""

    PRESETS: ClassVar[Presets] = PRESETS

    workdir: str = "runs/mnist_dbn"
    preset: str = option(
        "", "Recipe that sets other flags: paper, best, 16x16 (quick).", tuple(PRESETS)
    )
    layers: tuple[int, ...] = option((500, 500, 2000), "Hidden units from the bottom up.", least=1)
    labels: bool = option(True, "Join a softmax group of labels to the top machine.")
    batch_size: int = option(50, "Cases in a minibatch, as many of each class.", least=1)
    pixels: Drawn = option("sample", "Visible units: intensities or binary samples.", DRAWS)
    data_biases: bool = option(True, "Start the pixels' biases at log p / (1 - p) of the data.")
    k: int = option(1, "Gibbs steps between updates in greedy learning.", least=1)
    greedy_features: Drawn = option("mean", "Data of the machines below the memory.", DRAWS)
    greedy_epochs: int = option(40, "Epochs of each machine below the memory.", least=0)
    greedy_rate: float = option(0.1, "Learning rate of the machines below the memory.", least=0)
    greedy_momentum: float = option(
        0.9, "Their momentum after the first 5 epochs.", least=0, below=1
    )
    memory_rule: str = option("pcd", "How the memory, the top machine, learns.", ("cd", "pcd"))
    memory_chains: int = option(100, "Persistent chains of the memory, with pcd.", least=1)
    memory_features: Drawn = option("sample", "Data of the memory: probabilities or draws.", DRAWS)
    memory_epochs: int = option(80, "Epochs of the memory.", least=0)
    memory_rate: float = option(0.1, "Learning rate of the memory.", least=0)
    memory_momentum: float = option(0.5, "Its momentum after the first 5 epochs.", least=0, below=1)
    early_momentum: float = option(
        0.5, "Momentum of every machine in the first 5 epochs.", least=0, below=1
    )
    schedule: str = option("linear", "Greedy rates: constant, or linear to zero.", SCHEDULES)
    decay: float = option(1e-3, "Weight decay in greedy learning.", least=0)
    up_down_epochs: tuple[int, ...] = option(
        (4, 4, 4), "Up-down epochs of each phase.", least=0, may_be_empty=True
    )
    up_down_steps: tuple[int, ...] = option(
        (3, 6, 10), "Gibbs iterations in each phase.", least=1, may_be_empty=True
    )
    up_down_rate: float = option(0.02, "Learning rate of up-down.", least=0)
    up_down_schedule: str = option(
        "linear", "Up-down rate over all phases: constant, or linear to zero.", SCHEDULES
    )
    up_down_momentum: float = option(0.0, "Momentum of up-down.", least=0, below=1)
    up_down_decay: float = option(0.0, "Weight decay of up-down.", least=0)
    up_down_labels: Drawn = option("mean", "Label states in up-down's memory chain.", DRAWS)
    up_down_statistics: Drawn = option(
        "sample", "Top units in the memory's statistics: draws (appendix B) or means.", DRAWS
    )
    all_epochs: int = option(
        0,
        "At most so many epochs on all but the test cases, to the chosen net's training error.",
        least=0,
    )
    all_rate: float = option(0.02, "Learning rate at which they start.", least=0)
    all_schedule: str = option(
        "constant", "Their rate: constant, or falling linearly towards zero.", SCHEDULES
    )
    all_momentum: float = option(0.0, "Momentum of the epochs on all cases.", least=0, below=1)
    tail_epochs: int = option(0, "Epochs after them at a very small rate (footnote 9).", least=0)
    tail_rate: float = option(1e-3, "Learning rate of that tail.", least=0)
    n_gibbs: int = option(10, "Iterations of the Gibbs read-out.", least=1)
    n_passes: int = option(20, "Up-passes of the averaged read-outs.", least=1)
    baselines: bool = option(True, "Also fit nearest neighbour and logistic regression.")
    tensorboard: bool = option(False, "Also write TensorBoard event files.", role=HOW)
    stream: str = option(
        "",
        "Learn from a folder of more cases than fit in memory (shifted_digits), or tfds:NAME.",
        role=INPUT,
        shown=without_folders,
    )
    chunk: int = option(
        100_000, "Cases of --stream read together; two chunks fill the device.", least=1
    )

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        checks.require(
            len(self.up_down_epochs) == len(self.up_down_steps),
            "--up_down_epochs: expected one number for each phase of "
            f"--up_down_steps={self.up_down_steps}, got {self.up_down_epochs}",
        )
        checks.require(
            self.all_epochs == 0 or (self.labels and bool(self.up_down_epochs)),
            "--all_epochs: expected labels and up-down before it, whose training error it aims at",
        )
        checks.require(
            self.tail_epochs == 0 or self.all_epochs > 0,
            "--tail_epochs: expected --all_epochs before it, got none",
        )
        if self.baselines:
            import_extra("sklearn")
        if self.tensorboard:
            import_extra("tensorboardX", "tensorboard")


# The smallest run that does all, for tests.
TINY = {
    "n_train": 20,
    "n_validation": 10,
    "layers": (6, 8),
    "batch_size": 10,
    "greedy_epochs": 2,
    "memory_epochs": 1,
    "memory_chains": 10,
    "up_down_epochs": (1, 1),
    "up_down_steps": (1, 2),
    "all_epochs": 1,
    "tail_epochs": 1,
    "n_gibbs": 1,
    "n_passes": 1,
}
