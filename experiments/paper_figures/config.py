"""Options of `experiments.paper_figures`."""

import dataclasses

from experiments.common import groups
from experiments.common.options import INPUT, PLACE, file_name, option

OF_TEST_SET = ("errors", "close_calls", "hard")
IMAGINED = ("samples", "from_random", "free", "units")
OF_LABELS = (*OF_TEST_SET[:2], *IMAGINED[:2])
FIGURES = ("receptive_fields", *OF_LABELS, "free", "units", "error", "hard")


@dataclasses.dataclass(frozen=True)
class Config(groups.Seed):
    """Options of the run; each is a flag."""

    net: str | None = option(
        None, "Saved net; without one, the net that comes with dbnjax.", role=INPUT, shown=file_name
    )
    data_dir: str | None = groups.data_dir("Folder of IDX files with the test set, gzipped or not.")
    output: str = option("figures", "Folder to write the figures to.", role=PLACE)
    only: tuple[str, ...] = option(FIGURES, "Which figures to draw.", some_of=FIGURES)
    seed: int = option(0, "Seed of the samples.", least=0, below=groups.SEEDS)
