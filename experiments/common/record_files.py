"""Reads the files that RESULTS.md is built from, and refuses a damaged one with one line."""

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypedDict

from dbnjax import files
from experiments.common.records import TOP, Made, conform, require

BENCHMARK = "benchmark.json"
SCALING = "scaling.json"
SHIPPED = "shipped.json"
SHIPPED_CLASSIFIER = "shipped_classifier.json"
OTHERS = (BENCHMARK, SCALING, SHIPPED, SHIPPED_CLASSIFIER)  # beside the runs of the main job

MADE = {
    "command": str,
    "commit": str,
    "machine": {"processor": str, "cores": int, "devices": [str], "system": str},
    "versions": {str: str},
}
# What some runs have whose form is a dict; a class says itself what its records may lack.
OPTIONAL = {
    "later_commits": [str],  # of what was resumed with other code
}


class Measured(Made):
    """What the benchmark measures, and scaling: a table as it is."""

    columns: list[str]
    rows: list[list[Any]]
    note: str


class Tested(TypedDict):
    """How many test cases errors were counted on."""

    test: int


class Shipped(TypedDict):
    """What rounding did to a net that comes with the package."""

    command: str
    commit: str
    dtype: str
    errors: int
    exact_errors: int
    changed: int
    cases: Tested


@dataclasses.dataclass(frozen=True)
class Source:
    """A result file.

    Attributes:
      name: of the file, without its ending.
      record: what it holds.
    """

    name: str
    record: dict[str, Any]


def read(
    folder: Path,
    pattern: str,
    record: Any,
    check: Callable[[Path, dict[str, Any]], None] = lambda path, record: None,
    without: Collection[str] = (),
) -> list[Source]:
    """Reads the records of one experiment, in the order of their files; none without a file.

    Args:
      folder: of all result files.
      pattern: of the experiment's files in it.
      record: the type of a record.
      check: checks what that cannot say.
      without: names of files of others that the pattern fits.

    Raises:
      InputError: a file is damaged or contradicts itself.
    """
    found = []
    for path in sorted(folder.glob(pattern)):
        if path.name not in without:
            found.append(_read(path, record))
            check(path, found[-1].record)
    return found


def read_folder(folder: Path, record: Any, without: Collection[str] = ()) -> list[Source]:
    """Reads the result files of a folder, as `read` does."""
    return read(folder, "*.json", record, without=without)


def check_cells(path: Path, record: dict[str, Any]) -> None:
    """Checks that a table that was measured has a cell in every column.

    Raises:
      InputError: a row has fewer or more.
    """
    n = len(record["columns"])
    for number, row in enumerate(record["rows"]):
        require(len(row) == n, path, f"rows.{number}", f"{n} cells, one a column", len(row))


def read_shipped(folder: Path, name: str = SHIPPED) -> dict[str, Any] | None:
    """Reads what rounding did to a shipped net, or returns None without it."""
    path = folder / name
    return _read(path, Shipped).record if path.exists() else None


def _read(path: Path, form: Any) -> Source:
    record = files.read_json(path)
    check_form(path, record, form)
    return Source(path.stem, record)


def check_form(path: Path, record: Any, form: Any) -> None:
    """Checks a record of a file against a form, and the numbers of cases in it.

    Raises:
      InputError: it is damaged.
    """
    conform(path, TOP, record, form)
    old = OPTIONAL.keys() & record.keys() if isinstance(form, dict) else set()
    for part in sorted(old):
        conform(path, part, record[part], OPTIONAL[part])
    cases = record.get("cases", {})  # a benchmark has none
    conform(path, "cases", cases, {str: int})
    for split, n in cases.items():
        require(n > 0, path, f"cases.{split}", "1 or more", n)
