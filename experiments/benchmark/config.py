"""Options of `experiments.benchmark`, and the sizes of what it times."""

import dataclasses

from experiments.common import groups
from experiments.common.options import PLACE, Options, declarations, option

SECTIONS = (
    *("learning", "inference", "ensembles", "sizes", "ablation"),
    *("draws", "streams", "backprop", "peers"),
)
SHARED = declarations(groups.Devices)  # of which a benchmark has no mesh and no platform


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options of the run; each is a flag."""

    sections: tuple[str, ...] = option(
        SECTIONS,
        f"What is timed, in the same run: some of {','.join(SECTIONS)}.",
        some_of=SECTIONS,
    )
    steps: int = option(440, "Minibatches in an epoch.", least=2)
    rounds: int = option(5, "Timings of everything; the median counts.", least=1)
    data_dir: str | None = groups.data_dir("Folder of IDX files; random images without one.")
    output: str | None = option(None, "JSON file to write the table to.", role=PLACE)
    precision: str = option("default", SHARED["precision"].help, tuple(groups.PRECISIONS))
    draws: str = option("threefry", SHARED["draws"].help, tuple(groups.GENERATORS))


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The net of the 2006 paper and how it is used; the data say how many pixels there are."""

    layers: tuple[int, ...] = (500, 500, 2000)  # hidden units from the bottom up
    n_labels: int = 10  # label units of the memory
    batch_size: int = 100  # cases in a minibatch, and chains of PCD and of AIS
    up_down_steps: tuple[int, ...] = (3, 6, 10)  # Gibbs iterations in up-down, a row each
    n_chains: tuple[int, ...] = (10, 100)  # chains of clamped generation, a row each
    members: tuple[int, ...] = (1, 8, 64)  # of ensembles of the first RBM
    nets: tuple[int, ...] = (1, 8)  # members of ensembles of the whole net
    chunks: int = 4  # that an epoch's images are streamed in, as far as its minibatches divide
    widths: tuple[int, ...] = (125, 250, 500, 1000, 2000)  # hidden units of a single RBM
    batches: tuple[int, ...] = (10, 30, 100, 300, 1000)  # cases in its minibatches
    epochs: tuple[float, ...] = (0.25, 1.0, 4.0)  # its cases, in epochs of the run
    depths: tuple[int, ...] = (0, 1, 2, 3)  # directed layers below the memory


PAPER = Sizes()
