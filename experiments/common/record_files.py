"""Reads the files that RESULTS.md is built from, and refuses a damaged one with one line."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from dbnjax import checks, files
from experiments.common.records import NULL, NUMBER, TOP, Made, check_wrong, conform, require

BENCHMARK = "benchmark.json"
SCALING = "scaling.json"
SHIPPED = "shipped.json"
SHIPPED_CLASSIFIER = "shipped_classifier.json"

MADE = {
    "command": str,
    "commit": str,
    "machine": {"processor": str, "cores": int, "devices": [str], "system": str},
    "versions": {str: str},
}
RUN_FORM = MADE | {
    "preset": str,
    "seed": int,
    "config": {"pixels": str, "n_gibbs": int, "n_passes": int},
    "cases": {"train": int, "validation": int, "test": int},
    "errors": {"greedy": {}},
    "wrong": {str: [int]},
    "baselines": {},
    "seconds": {str: NUMBER},
    "epochs": [{"stage": str}],
}
# What some runs have; where a form has the same name, the form tells what it is.
OPTIONAL = {
    "later_commits": [str],  # of what was resumed with other code
    "chosen": {"epoch": int, "training_errors": int},  # of a run with up-down
    "target": {"most": int, "errors": int},  # of a run that went on with all cases
}
SWEEP_ROW = {
    "varied": {str: object},
    "validation_errors": (int, NULL),  # null where the net diverged
    "training_errors": (int, NULL),
    "seconds": NUMBER,
}
SWEEP_FORM = MADE | {
    "proxy": {str: object},
    "rows": [SWEEP_ROW],
    "cases": {"train": int, "validation": int},
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


def read_runs(folder: Path) -> list[Source]:
    """Reads the finished runs of a folder, in the order of their names.

    Raises:
      InputError: there are none, or a file is damaged or contradicts itself.
    """
    others = (BENCHMARK, SCALING, SHIPPED, SHIPPED_CLASSIFIER)
    paths = sorted(path for path in folder.glob("*.json") if path.name not in others)
    runs = [_read(path, RUN_FORM) for path in paths]
    checks.require(
        bool(runs),
        f"{folder}: expected a folder of result files, got "
        f"{'none in it' if folder.is_dir() else 'no such folder'}; a finished run of "
        "experiments.mnist_dbn leaves result.json in its work directory: copy it here by another "
        "name",
    )
    for run in runs:
        check_run(folder / f"{run.name}.json", run.record)
    return runs


def read_sweeps(folder: Path) -> list[Source]:
    """Reads the sweeps of a results folder, if it has any.

    Raises:
      InputError: a file is damaged.
    """
    return read(folder, "sweeps/*.json", SWEEP_FORM)


def read(
    folder: Path,
    pattern: str,
    record: Any,
    check: Callable[[Path, dict[str, Any]], None] = lambda path, record: None,
) -> list[Source]:
    """Reads the records of one experiment, in the order of their files; none without a file.

    Args:
      folder: of all result files.
      pattern: of the experiment's files in it.
      record: the type of a record.
      check: checks what that cannot say.

    Raises:
      InputError: a file is damaged or contradicts itself.
    """
    found = []
    for path in sorted(folder.glob(pattern)):
        found.append(_read(path, record))
        check(path, found[-1].record)
    return found


def read_folder(folder: Path, record: Any) -> list[Source]:
    """Reads all result files of a folder, which have one type.

    Raises:
      InputError: a file is damaged.
    """
    return read(folder, "*.json", record)


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
    old = form if isinstance(form, dict) else OPTIONAL  # a class says itself what is optional
    for part in sorted((OPTIONAL.keys() & record.keys()) - old.keys()):
        conform(path, part, record[part], OPTIONAL[part])
    cases = record.get("cases", {})  # a benchmark has none
    conform(path, "cases", cases, {str: int})
    for split, n in cases.items():
        require(n > 0, path, f"cases.{split}", "1 or more", n)


def check_run(path: Path, record: dict[str, Any]) -> None:
    """Checks what the form of a run cannot say.

    Raises:
      InputError: the record contradicts itself.
    """
    if "target" in record:
        conform(path, "cases", record["cases"], {"all": int})
    _check_counts(path, "baselines", record["baselines"], record["cases"])
    for stage, read_outs in record["errors"].items():
        conform(path, f"errors.{stage}", read_outs, {"deterministic": {}})
        _check_counts(path, f"errors.{stage}", read_outs, record["cases"])
        conform(path, "wrong", record["wrong"], {stage: [int]})
        told = (f"errors.{stage}.deterministic.test", read_outs["deterministic"]["test"])
        check_wrong(path, f"wrong.{stage}", record["wrong"][stage], told, record["cases"])


def _check_counts(path: Path, where: str, found: Any, cases: dict[str, int]) -> None:
    """Checks errors by name and split: no more than there are cases."""
    conform(path, where, found, {str: {"test": int}})
    for name, counts in found.items():
        for split, n in counts.items():
            here = f"{where}.{name}.{split}"
            require(split in cases, path, here, f"one of {', '.join(cases)}", split)
            conform(path, here, n, int)
            require(0 <= n <= cases[split], path, here, f"0 to {cases[split]} errors", n)
