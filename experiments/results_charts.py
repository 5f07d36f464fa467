"""Draws the charts of RESULTS.md that set methods side by side, from the same result files.

    python -m experiments.results_charts

reads `results/three_ideas/*.json`, `results/few_labels/*.json` and `results/comparators/*.json` and
writes a chart for each file. Three seconds on one CPU core.
"""

import dataclasses
from pathlib import Path

from dbnjax import figures, files
from experiments.common import program
from experiments.common.options import Options, option
from experiments.results import comparisons as results_comparisons


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options; each is a flag."""

    results: str = option("results", "Folder of result files.")
    output: str = option("docs/images", "Folder to write the charts to.")


def run(config: Config) -> list[Path]:
    """Draws the charts and returns their files.

    Raises:
      InputError: a result file is damaged, or a chart cannot be written.
    """
    written = []
    for name, runs in results_comparisons.read(files.expand(config.results)).items():
        for one in runs:
            written.append(files.expand(config.output) / results_comparisons.chart(name, one))
            figures.save(results_comparisons.KINDS[name].draw(one.record), written[-1])
            print(written[-1], flush=True)
    return written


if __name__ == "__main__":
    program.launch(run, Config)
