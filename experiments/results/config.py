"""Options of `experiments.results`."""

import dataclasses

from experiments.common.options import INPUT, PLACE, Options, option

MARKED = ("README.md", "experiments/README.md", "docs/architecture.md")


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options; each is a flag."""

    results: str = option("results", "Folder of result files.", role=INPUT, shown="FOLDER")
    output: str = option("RESULTS.md", "File to write.", role=PLACE)
    pages: str = option("docs/results", "Folder to write its pages to.", role=PLACE)
    marked: tuple[str, ...] = option(
        MARKED, "Files whose marked tables are written.", may_be_empty=True, role=PLACE
    )
    check: bool = option(False, "Write nothing; exit with 1 if a file differs.")
