"""Options of `experiments.benchmark`."""

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
