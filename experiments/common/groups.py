"""Groups of options that experiments share, mix-ins for their configs."""

import dataclasses
from typing import Any, Literal

from dbnjax.data.binarisation import WAYS
from experiments.common.options import HOW, INPUT, PLACE, Options, option

DRAWS = ("mean", "sample")
SCHEDULES = ("constant", "linear")
Drawn = Literal["mean", "sample"]

SEEDS = 2**32  # that a PRNG key can hold whole
PLATFORMS = ("", "cpu", "gpu", "tpu")
GENERATORS = {"threefry": "threefry2x32", "rbg": "rbg"}
# JAX's own "bfloat16" names what a TPU does by default; elsewhere it leaves more than 16 bits.
PRECISIONS = {
    "default": "default",
    "high": "high",
    "highest": "highest",
    "bfloat16": "BF16_BF16_F32",
}
JUDGED = ("test", "validation")
GREEDY_RATE, GREEDY_DECAY = 0.1, 5e-5  # of stacks that begin classifiers


@dataclasses.dataclass(frozen=True)
class Workdir(Options):
    """Where a run writes."""

    workdir: str = option("", "Folder for all that the run writes.", role=PLACE)


@dataclasses.dataclass(frozen=True)
class Saving(Workdir):
    """How often a run is saved, too."""

    save_every: int = option(
        1, "Epochs between checkpoints; a stage's last epoch has one too.", least=1, role=HOW
    )


@dataclasses.dataclass(frozen=True)
class Seed(Options):
    """The key of a run."""

    seed: int = option(
        0, "Seed of every random draw but the split of the data.", least=0, below=SEEDS
    )


def data_dir(help_text: str = "Folder of IDX files, gzipped or not.") -> Any:
    """Declares the folder of a person's data, whose place says nothing about a run."""
    return option(None, help_text, role=INPUT, shown="FOLDER")


@dataclasses.dataclass(frozen=True)
class Images(Options):
    """The images."""

    dataset: str = option(
        "mnist5k", "mnist5k (embedded), mnist, fashion_mnist, kmnist, or a prepared tfds set."
    )
    data_dir: str | None = data_dir()


@dataclasses.dataclass(frozen=True)
class TestCases(Images):
    """The images, and which of them are test cases."""

    split_seed: int = option(
        0, "Seed of the split into training, validation and test cases.", least=0
    )
    n_test: int = option(0, "Test cases; 0: the official test set, or 1 in 10 with none.", least=0)


@dataclasses.dataclass(frozen=True)
class HeldOut(TestCases):
    """The images, and which of them nothing is learned from."""

    n_validation: int = option(
        0, "Validation cases; 0: 10 in 60, or 1 in 10 with no test set.", least=0
    )


@dataclasses.dataclass(frozen=True)
class Pretraining(Saving, Seed, HeldOut):
    """The cases of a net, the stack that learns from them without labels, and its tuning."""

    layers: tuple[int, ...] = option((500, 500, 2000), "Hidden units from the bottom up.", least=1)
    greedy_batch_size: int = option(50, "Cases in a minibatch of pretraining.", least=1)
    greedy_epochs: int = option(40, "Epochs of each RBM of the stack.", least=0)
    batch_size: int = option(100, "Cases in a minibatch of all that follows.", least=1)


@dataclasses.dataclass(frozen=True)
class Split(HeldOut):
    """The images, and how all of them are split."""

    n_train: int = option(
        0, "Training cases, as many of each class; 0: 44 in 60, or 8 in 10.", least=0
    )


@dataclasses.dataclass(frozen=True)
class Side(Options):
    """The size of the images."""

    side: int = option(0, "Height and width that images are reduced to; 0: as they are.", least=0)


@dataclasses.dataclass(frozen=True)
class Reduced(Side, Split):
    """The images, how large they are and how they are split: the cases of `mnist_dbn`."""


@dataclasses.dataclass(frozen=True)
class Binarised(Seed, Side, TestCases):
    """The images that likelihoods are about, and how they become binary."""

    dataset: str = option(
        "", "mnist5k (embedded), mnist, a prepared tfds set, ...; empty: mnist with --data_dir."
    )
    judged: str = option(
        "test", "Cases that are judged: test, or validation, to choose settings.", JUDGED
    )
    binarisation: str = option("fixed", "How intensities become binary pixels.", WAYS)
    binarisation_seed: int = option(0, "Seed of the fixed binarisation.", least=0)
    seed: int = option(
        0, "Seed of every other random draw, the presented pixels included.", least=0, below=SEEDS
    )


@dataclasses.dataclass(frozen=True)
class Devices(Options):
    """Where and how a run computes."""

    mesh: str = option(
        "", "Devices: data:2 splits minibatches and chains over 2; empty: one.", role=HOW
    )
    platform: str = option("", "cpu, gpu or tpu; empty: the best there is.", PLATFORMS, role=HOW)
    draws: str = option(
        "threefry",
        "Random numbers: threefry, the same whatever the mesh and the device, or rbg, XLA's own "
        "generator, which is neither.",
        tuple(GENERATORS),
    )
    precision: str = option(
        "default",
        "Matrix products of learning: JAX's default for the device, its high (TF32 on a GPU), full "
        "float32, or bfloat16 with float32 sums. A CPU always takes full float32. What is reported "
        "is in full float32 anyway.",
        tuple(PRECISIONS),
    )
