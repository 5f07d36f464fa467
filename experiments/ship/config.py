"""Options of `experiments.ship`."""

import dataclasses

from experiments.common import groups
from experiments.common.options import INPUT, PLACE, Options, file_name, option


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options of the run; each is a flag."""

    net: str | None = option(
        None,
        "Saved net of mnist_dbn or mnist_classifier, a .safetensors file.",
        role=INPUT,
        shown=file_name,
    )
    data_dir: str | None = groups.data_dir("Folder of IDX files with the test set, gzipped or not.")
    output: str | None = option(
        None,
        "File to write; the card stands beside it. Without one, the package's of its kind.",
        role=PLACE,
    )
    record: str | None = option(
        None, "File to write for RESULTS.md. Without one, that of its kind in results/.", role=PLACE
    )
