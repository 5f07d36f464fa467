"""Reads the files that RESULTS.md is built from, and refuses a damaged one with one line.

A form says what a JSON value must look like: a type, a tuple of types, a list of one form, a
dictionary of forms by key, or `{str: form}` for whatever keys there are.
"""

import dataclasses
from pathlib import Path
from typing import Any, NoReturn

from dbnjax import checks, files

BENCHMARK = "benchmark.json"
SCALING = "scaling.json"
SHIPPED = "shipped.json"
NULL = type(None)
NUMBER = (int, float)
TOP = "the file"  # the place that a line names when a key is missing at the outermost level

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

NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NULL: "null"}


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
    others = (BENCHMARK, SCALING, SHIPPED)
    runs = [_read(path, RUN_FORM) for path in _paths(folder) if path.name not in others]
    checks.require(
        bool(runs),
        f"{folder}: expected a folder of result files, got "
        f"{'none in it' if folder.is_dir() else 'no such folder'}; a finished run of "
        "experiments.mnist_dbn leaves result.json in its work directory: copy it here by another "
        "name",
    )
    for run in runs:
        _check_run(folder / f"{run.name}.json", run.record)
    return runs


def read_sweeps(folder: Path) -> list[Source]:
    """Reads the sweeps of a results folder, if it has any.

    Raises:
      InputError: a file is damaged.
    """
    return read_folder(folder / "sweeps", SWEEP_FORM)


def read_folder(folder: Path, form: Any) -> list[Source]:
    """Reads all result files of a folder, which have one form; none without the folder.

    Raises:
      InputError: a file is damaged.
    """
    return [_read(path, form) for path in _paths(folder)]


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
        _require(len(row) == n, path, f"rows.{number}", f"{n} cells, one a column", len(row))
    return record


def read_shipped(folder: Path) -> dict[str, Any] | None:
    """Reads what rounding did to the shipped net, or returns None without it."""
    path = folder / SHIPPED
    return _read(path, SHIPPED_FORM).record if path.exists() else None


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _read(path: Path, form: Any) -> Source:
    record = files.read_json(path)
    conform(path, TOP, record, form)
    for part in (name for name in OPTIONAL if name in record):
        conform(path, part, record[part], OPTIONAL[part])
    cases = record.get("cases", {})  # a benchmark has none
    conform(path, "cases", cases, {str: int})
    for split, n in cases.items():
        _require(n > 0, path, f"cases.{split}", "1 or more", n)
    return Source(path.stem, record)


def _check_run(path: Path, record: dict[str, Any]) -> None:
    """Checks what the form of a run cannot say."""
    if "target" in record:
        conform(path, "cases", record["cases"], {"all": int})
    _check_counts(path, "baselines", record["baselines"], record["cases"])
    for stage, read_outs in record["errors"].items():
        conform(path, f"errors.{stage}", read_outs, {"deterministic": {}})
        _check_counts(path, f"errors.{stage}", read_outs, record["cases"])
        conform(path, "wrong", record["wrong"], {stage: [int]})
        n, wrong = read_outs["deterministic"]["test"], record["wrong"][stage]
        expected = f"{n} different cases, as errors.{stage}.deterministic.test says"
        _require(len(set(wrong)) == len(wrong) == n, path, f"wrong.{stage}", expected, len(wrong))
        strays = set(wrong) - set(range(record["cases"]["test"]))
        expected = f"indices below {record['cases']['test']}"
        _require(not strays, path, f"wrong.{stage}", expected, min(strays, default=None))


def _check_counts(path: Path, where: str, found: Any, cases: dict[str, int]) -> None:
    """Checks errors by name and split: no more than there are cases."""
    conform(path, where, found, {str: {"test": int}})
    for name, counts in found.items():
        for split, n in counts.items():
            here = f"{where}.{name}.{split}"
            _require(split in cases, path, here, f"one of {', '.join(cases)}", split)
            conform(path, here, n, int)
            _require(0 <= n <= cases[split], path, here, f"0 to {cases[split]} errors", n)


def conform(path: Path, where: str, value: Any, form: Any) -> None:
    """Checks a value against a form.

    Raises:
      InputError: it differs; the line names the file and the place in it.
    """
    if isinstance(form, dict):
        _require(isinstance(value, dict), path, where, "an object", value)
        for key, inner in (dict.fromkeys(value, form[str]) if str in form else form).items():
            if key not in value:
                _refuse(path, where, f"the key {key!r}", f"only {', '.join(value) or 'nothing'}")
            conform(path, key if where == TOP else f"{where}.{key}", value[key], inner)
    elif isinstance(form, list):
        _require(isinstance(value, list), path, where, "a list", value)
        for number, item in enumerate(value):
            conform(path, f"{where}.{number}", item, form[0])
    else:
        kinds = form if isinstance(form, tuple) else (form,)
        fits = isinstance(value, kinds) and (not isinstance(value, bool) or form in (bool, object))
        expected = " or ".join(NAMES[kind] for kind in kinds if kind in NAMES)
        _require(fits, path, where, expected, value)


def _require(condition: bool, path: Path, where: str, expected: str, got: Any) -> None:
    if not condition:
        _refuse(path, where, expected, f"{got!r:.60}")


def _refuse(path: Path, where: str, expected: str, got: str) -> NoReturn:
    raise checks.InputError(
        f"{path}: {where}: expected {expected}, got {got}; the file is damaged, was edited by "
        "hand or was written by another version"
    )
