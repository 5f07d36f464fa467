"""The part of RESULTS.md on an experiment whose runs each have a chart there."""

from collections.abc import Callable, Sequence
from typing import Any

from experiments.common.record_files import Source
from experiments.common.tables import made

DRAWN = "Drawn by `python -m experiments.results_charts`."


def chart_file(name: str, run: Source) -> str:
    """Names the file of the chart of an experiment's run, in the folder of the page's pictures."""
    return f"{name}_{run.name}.png"


def charted(
    name: str,
    heading: str,
    shows: str,
    runs: Sequence[Source],
    lay_out: Callable[[dict[str, Any]], list[str]],
) -> list[str]:
    """The part of RESULTS.md on an experiment whose runs each have a chart; nothing without runs.

    Args:
      name: of the experiment.
      heading: of its part.
      shows: what one sees in a chart, for those who do not.
      runs: of it.
      lay_out: makes what a run's section says from its record; the chart stands below the first.
    """
    parts = [f"## {heading}"] if runs else []
    for run in runs:
        about, *rest = lay_out(run.record)
        picture = f"![{shows}](docs/images/{chart_file(name, run)})"
        parts += [f"### {name}, {run.name}", *made(run.record), about, picture, DRAWN, *rest]
    return parts
