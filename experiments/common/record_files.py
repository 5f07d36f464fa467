"""Reads the files that RESULTS.md is built from, and refuses a damaged one with one line."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dbnjax import files
from experiments.common.records import TOP, conform, require

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
# What some runs have; where a form has the same name, the form tells what it is.
OPTIONAL = {
    "later_commits": [str],  # of what was resumed with other code
}
SHIPPED_FORM = {
    "command": str,
    "commit": str,
    "dtype": str,
    "errors": int,
    "exact_errors": int,
    "changed": int,
    "cases": {"test": int},
}
BENCHMARK_FORM = MADE | {"columns": [str], "rows": [[object]], "note": str}


@dataclasses.dataclass(frozen=True)
class Source:
    """A result file.

    Attributes:
      name: of the file, without its ending.
      record: what it holds.
    """

    name: str
    record: dict[str, Any]


def read_folder(folder: Path, form: Any, without: Collection[str] = ()) -> list[Source]:
    """Reads the result files of a folder, which have one form; none without the folder.

    Args:
      folder: the folder.
      form: the type of their records.
      without: names of files of other forms.

    Raises:
      InputError: a file is damaged.
    """
    paths = [path for path in sorted(folder.glob("*.json")) if path.name not in without]
    return [_read(path, form) for path in paths]


def read_benchmark(folder: Path, name: str = BENCHMARK) -> dict[str, Any] | None:
    """Reads the benchmark of a results folder, or its table of scaling, if it has one.

    Raises:
      InputError: the file is damaged.
    """
    path = folder / name
    if not path.exists():
        return None
    record = _read(path, BENCHMARK_FORM).record
    n = len(record["columns"])
    for number, row in enumerate(record["rows"]):
        require(len(row) == n, path, f"rows.{number}", f"{n} cells, one a column", len(row))
    return record


def read_shipped(folder: Path, name: str = SHIPPED) -> dict[str, Any] | None:
    """Reads what rounding did to a shipped net, or returns None without it."""
    path = folder / name
    return _read(path, SHIPPED_FORM).record if path.exists() else None


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
    told = OPTIONAL.keys() & record.keys() if isinstance(form, dict) else set()
    for part in sorted(told - form.keys() if told else told):
        conform(path, part, record[part], OPTIONAL[part])
    cases = record.get("cases", {})  # a benchmark has none
    conform(path, "cases", cases, {str: int})
    for split, n in cases.items():
        require(n > 0, path, f"cases.{split}", "1 or more", n)
