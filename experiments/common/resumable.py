"""How an experiment with a work directory runs: what is finished is shown, the rest is learned."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from dbnjax import files
from dbnjax.training import sharding
from dbnjax.types import PyTree
from experiments.common import records, workdir
from experiments.common.options import Options
from experiments.common.tables import Table, render

RESULT = "result.json"

Makers = Mapping[str, Callable[[], Figure]]


class Report(NamedTuple):
    """How an experiment reports what it finds.

    Attributes:
      record: the type of its record.
      lay_out: makes its table from a record.
      note: what stands beneath the table, from a record.
      draw: what makes each figure of a record, by its file in the work directory.
      leaves: what a work directory holds in the end, as the last line says.
      file: name of the record in the work directory.
    """

    record: Any
    lay_out: Callable[[Any], Table]
    note: Callable[[Any], str] = lambda record: ""
    draw: Callable[[Any], Makers] = lambda record: {}
    leaves: str = "figures and numbers"
    file: str = RESULT

    def text(self, record: Any) -> str:
        """Lays out a record as it is printed."""
        return "\n".join(filter(None, (render(self.lay_out(record)), self.note(record))))


def is_finished(config: Any, report: Report) -> bool:
    """Returns whether a run's record stands in its work directory already."""
    return (files.expand(config.workdir) / report.file).exists()


def run(
    config: Options,
    report: Report,
    learned_from: Mapping[str, PyTree],
    learn: Callable[[Path], tuple[Mapping[str, Any], Makers]],
    copies: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Learns what is not finished, writes the record, draws and prints.

    Args:
      config: the options, already checked, `workdir` among them.
      report: how the experiment reports.
      learned_from: as of `workdir.begin`.
      learn: `learn(folder)` goes on with the run to its end; returns its record, and what makes
        figures that a record alone cannot be drawn as, by file.
      copies: places of a person for the record (under `report.file`) and for figures, by their
        files in the work directory; None for none.

    Returns:
      The record.

    Raises:
      InputError: the work directory cannot be used, or what it holds is damaged.
    """
    folder = workdir.begin(config, learned_from)
    made: Makers = {}
    if is_finished(config, report):
        print(f"{folder}: this run is finished; its results:")
    else:
        workdir.note_commit(folder)
        found, made = learn(folder)
        # The others wait for the file, which all read.
        sharding.by_first(lambda: files.write_json(folder / report.file, found))
    return show(folder, report, made, copies)


def show(
    folder: Path,
    report: Report,
    made: Makers | None = None,
    copies: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Reads the record of a finished run, copies and draws what it is asked to, and prints.

    Args:
      folder: the work directory.
      report: as of `run`, as the others.
      made: what makes figures that a record alone cannot be drawn as.
      copies: places of a person for the record and for figures.

    Returns:
      The record.

    Raises:
      InputError: the record is damaged.
    """
    record = files.read_json(folder / report.file)
    records.conform(folder / report.file, records.TOP, record, report.record)
    text = workdir.laid_out(folder / report.file, record, report.text)
    places = {name: place for name, place in (copies or {}).items() if place is not None}
    if report.file in places:
        files.write_json(places.pop(report.file), record)
    makers = {**report.draw(record), **(made or {})}
    workdir.draw(
        {folder / name: make for name, make in makers.items()}
        | {files.expand(place): makers[name] for name, place in places.items()}
    )
    print(f"{text}\n\n{report.leaves}: {folder}")
    return dict(record)
