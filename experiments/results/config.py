"""Options of `experiments.results`."""

import dataclasses

from experiments.common.options import INPUT, PLACE, Options, option


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options; each is a flag."""

    results: str = option("results", "Folder of result files.", role=INPUT, shown="FOLDER")
    output: str = option("RESULTS.md", "File to write.", role=PLACE)
    pages: str = option("docs/results", "Folder to write its pages to.", role=PLACE)
    readme: str = option("README.md", "File whose marked tables are written; empty for none.")
    check: bool = option(False, "Write nothing; exit with 1 if a file differs.")
