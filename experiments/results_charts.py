"""Draws the charts of RESULTS.md that set methods side by side, from the same result files.

    python -m experiments.results_charts

reads the records of the experiments that have a chart there, such as `results/three_ideas/*.json`,
and writes a chart for each file. Three seconds on one CPU core.
"""

import dataclasses
from pathlib import Path

from experiments.common import program
from experiments.common.options import INPUT, PLACE, Options, option


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options; each is a flag."""

    results: str = option("results", "Folder of result files.", role=INPUT, shown="FOLDER")
    output: str = option("docs/images", "Folder to write the charts to.", role=PLACE)


def run(config: Config) -> list[Path]:
    """Draws the charts and returns their files.

    Raises:
      InputError: a result file is damaged, or a chart cannot be written.
    """
    # JAX and matplotlib, for which `--help` does not wait.
    from dbnjax import figures, files
    from experiments import registry
    from experiments.common import tables

    written = []
    for experiment in registry.EXPERIMENTS:
        if not experiment.records or not hasattr(experiment.report, "SHOWS"):
            continue
        for run in experiment.read(files.expand(config.results)):
            (make,) = experiment.report.REPORT.draw(run.record).values()
            place = files.expand(config.output) / tables.chart_file(experiment.name, run)
            figures.save(make(), place)
            written.append(place)
            print(place, flush=True)
    return written


if __name__ == "__main__":
    program.launch(run, Config)
