"""The main job's options, its presets filled in, and what they are checked for."""

import dataclasses
from typing import Any, Literal

from dbnjax import checks
from dbnjax.data.optional import import_extra
from dbnjax.training import sharding
from experiments.common import arithmetic, devices
from experiments.common.options import DRAWS, SCHEDULES, option
from experiments.mnist_dbn import presets

WHERE = ("mesh", "platform", "save_every")  # how a run is done, not what it learns
# Flags that came later: a result names them only where they are not these, as if there were none.
LATER = {"draws": "threefry", "precision": "default"}
STREAMED = ("stream", "chunk")  # a result names them only where there is a stream, by a digest


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the run; each is a flag."""

    preset: str = option(
        "", "Recipe that sets other flags: paper, best, 16x16 (quick).", tuple(presets.PRESETS)
    )
    dataset: str = option(
        "mnist5k", "mnist5k (embedded), mnist, fashion_mnist, kmnist, or a prepared tfds set."
    )
    data_dir: str | None = option(None, "Folder of IDX files, gzipped or not.")
    workdir: str = option("runs/mnist_dbn", "Folder for all that the run writes.")
    seed: int = option(0, "Seed of every random draw but the split of the data.")
    split_seed: int = option(0, "Seed of the split into training, validation and test cases.")
    n_train: int = option(0, "Training cases, as many of each class; 0: 44 in 60, or 8 in 10.")
    n_validation: int = option(0, "Validation cases; 0: 10 in 60, or 1 in 10 with no test set.")
    n_test: int = option(0, "Test cases; 0: the official test set, or 1 in 10 with none.")
    side: int = option(0, "Height and width that images are reduced to; 0: as they are.")
    layers: tuple[int, ...] = option((500, 500, 2000), "Hidden units from the bottom up.")
    labels: bool = option(True, "Join a softmax group of labels to the top machine.")
    batch_size: int = option(50, "Cases in a minibatch, as many of each class.")
    pixels: Literal["mean", "sample"] = option(
        "sample", "Visible units: intensities or binary samples.", DRAWS
    )
    data_biases: bool = option(True, "Start the pixels' biases at log p / (1 - p) of the data.")
    k: int = option(1, "Gibbs steps between updates in greedy learning.")
    greedy_features: Literal["mean", "sample"] = option(
        "mean", "Data of the machines below the memory.", DRAWS
    )
    greedy_epochs: int = option(40, "Epochs of each machine below the memory.")
    greedy_rate: float = option(0.1, "Learning rate of the machines below the memory.")
    greedy_momentum: float = option(0.9, "Their momentum after the first 5 epochs.")
    memory_rule: str = option("pcd", "How the memory, the top machine, learns.", ("cd", "pcd"))
    memory_chains: int = option(100, "Persistent chains of the memory, with pcd.")
    memory_features: Literal["mean", "sample"] = option(
        "sample", "Data of the memory: probabilities or draws.", DRAWS
    )
    memory_epochs: int = option(80, "Epochs of the memory.")
    memory_rate: float = option(0.1, "Learning rate of the memory.")
    memory_momentum: float = option(0.5, "Its momentum after the first 5 epochs.")
    early_momentum: float = option(0.5, "Momentum of every machine in the first 5 epochs.")
    schedule: str = option("linear", "Greedy rates: constant, or linear to zero.", SCHEDULES)
    decay: float = option(1e-3, "Weight decay in greedy learning.")
    up_down_epochs: tuple[int, ...] = option((4, 4, 4), "Up-down epochs of each phase.")
    up_down_steps: tuple[int, ...] = option((3, 6, 10), "Gibbs iterations in each phase.")
    up_down_rate: float = option(0.02, "Learning rate of up-down.")
    up_down_schedule: str = option(
        "linear", "Up-down rate over all phases: constant, or linear to zero.", SCHEDULES
    )
    up_down_momentum: float = option(0.0, "Momentum of up-down.")
    up_down_decay: float = option(0.0, "Weight decay of up-down.")
    up_down_labels: Literal["mean", "sample"] = option(
        "mean", "Label states in up-down's memory chain.", DRAWS
    )
    up_down_statistics: Literal["mean", "sample"] = option(
        "sample", "Top units in the memory's statistics: draws (appendix B) or means.", DRAWS
    )
    all_epochs: int = option(
        0, "At most so many epochs on all but the test cases, to the chosen net's training error."
    )
    all_rate: float = option(0.02, "Learning rate at which they start.")
    all_schedule: str = option(
        "constant", "Their rate: constant, or falling linearly towards zero.", SCHEDULES
    )
    all_momentum: float = option(0.0, "Momentum of the epochs on all cases.")
    tail_epochs: int = option(0, "Epochs after them at a very small rate (footnote 9).")
    tail_rate: float = option(1e-3, "Learning rate of that tail.")
    n_gibbs: int = option(10, "Iterations of the Gibbs read-out.")
    n_passes: int = option(20, "Up-passes of the averaged read-outs.")
    baselines: bool = option(True, "Also fit nearest neighbour and logistic regression.")
    tensorboard: bool = option(False, "Also write TensorBoard event files.")
    stream: str = option(
        "", "Learn from a folder of more cases than fit in memory (shifted_digits), or tfds:NAME."
    )
    chunk: int = option(100_000, "Cases of --stream read together; two chunks fill the device.")
    save_every: int = option(1, "Epochs between checkpoints; a stage's last epoch has one too.")
    mesh: str = option("", "Devices: data:2 splits minibatches and chains over 2; empty: one.")
    platform: str = option("", "cpu, gpu or tpu; empty: the best there is.", devices.PLATFORMS)
    draws: str = option("threefry", arithmetic.DRAWS_HELP, tuple(arithmetic.GENERATORS))
    precision: str = option("default", arithmetic.PRECISION_HELP, tuple(arithmetic.PRECISIONS))


LEAST = {
    "save_every": 1,
    "batch_size": 1,
    "k": 1,
    "memory_chains": 1,
    "n_gibbs": 1,
    "n_passes": 1,
    "greedy_epochs": 0,
    "memory_epochs": 0,
    "greedy_rate": 0,
    "memory_rate": 0,
    "up_down_rate": 0,
    "side": 0,
    "all_epochs": 0,
    "all_rate": 0,
    "tail_epochs": 0,
    "tail_rate": 0,
    "decay": 0,
    "up_down_decay": 0,
}
MOMENTA = (
    "early_momentum",
    "greedy_momentum",
    "memory_momentum",
    "up_down_momentum",
    "all_momentum",
)


def preset(name: str, **changes: Any) -> Config:
    """Returns the options of a preset, some of them changed."""
    return Config(**{**presets.PRESETS[name], "preset": name, **changes})


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    for name, least in LEAST.items():
        checks.check_at_least(f"--{name}", getattr(config, name), least)
    for name in MOMENTA:
        momentum = getattr(config, name)
        checks.require(
            0 <= momentum < 1, f"--{name}: expected 0 or more and less than 1, got {momentum}"
        )
    for name, least in (("layers", 1), ("up_down_steps", 1), ("up_down_epochs", 0)):
        for number in getattr(config, name):
            checks.check_at_least(f"--{name}", number, least)
    checks.require(bool(config.layers), "--layers: expected at least one size, got none")
    checks.require(
        len(config.up_down_epochs) == len(config.up_down_steps),
        "--up_down_epochs: expected one number for each phase of "
        f"--up_down_steps={config.up_down_steps}, got {config.up_down_epochs}",
    )
    checks.require(
        config.all_epochs == 0 or (config.labels and bool(config.up_down_epochs)),
        "--all_epochs: expected labels and up-down before it, whose training error it aims at",
    )
    checks.require(
        config.tail_epochs == 0 or config.all_epochs > 0,
        "--tail_epochs: expected --all_epochs before it, got none",
    )
    checks.check_seed(config.seed)
    sharding.check_divides("--batch_size", config.batch_size, sharding.DATA)
    if config.memory_rule == "pcd":
        sharding.check_divides("--memory_chains", config.memory_chains, sharding.DATA)
    if config.baselines:
        import_extra("sklearn")
    if config.tensorboard:
        import_extra("tensorboardX", "tensorboard")
