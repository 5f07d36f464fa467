"""Reads the files that RESULTS.md is built from, and refuses a damaged one with one line."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from dbnjax import files
from experiments.common.records import TOP, Source, conform, require

BENCHMARK = "benchmark.json"
SCALING = "scaling.json"
SHIPPED = "shipped.json"
SHIPPED_CLASSIFIER = "shipped_classifier.json"
OTHERS = (BENCHMARK, SCALING, SHIPPED, SHIPPED_CLASSIFIER)  # beside the runs of the main job


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
            one = files.read_json(path)
            check_form(path, one, record)
            check(path, one)
            found.append(Source(path.stem, one))
    return found


def check_form(path: Path, record: Any, form: Any) -> None:
    """Checks a record of a file against its type, and the numbers of cases in it.

    Raises:
      InputError: it is damaged.
    """
    conform(path, TOP, record, form)
    cases = record.get("cases", {})  # a benchmark has none
    conform(path, "cases", cases, dict[str, int])
    for split, n in cases.items():
        require(n > 0, path, f"cases.{split}", "1 or more", n)
