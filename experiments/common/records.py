"""What result files hold: their types, by which they are written and checked.

A record is a `TypedDict`: the class says what the code that writes it may put there, which the type
checker reads, and what a file must hold, which `conform` reads. It may hold other records, `list`s
and `dict[str, ...]`s of them, `Literal` texts, numbers, texts, and `| None`.
"""

import dataclasses
import types
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import (
    Any,
    Literal,
    NoReturn,
    NotRequired,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from dbnjax import checks, files

CHOSEN, ALL = "chosen", "all cases"

Number = int | float


class Machine(TypedDict):
    """Where a result was made."""

    processor: str
    cores: int
    devices: list[str]
    system: str


class Made(TypedDict):
    """By what code, where and when a result was made."""

    command: str
    commit: str
    machine: Machine
    versions: dict[str, str]
    date: NotRequired[str]  # records of before have none
    later_commits: NotRequired[list[str]]  # of a run that was resumed with other code


class MadeRun(Made):
    """How a run was made: its options, too. A record says more of those that it needs."""

    config: Any


class Cases(TypedDict):
    """Numbers of cases by split."""

    train: int
    validation: int
    test: int
    all: NotRequired[int]  # that are not test cases, where something learned from them


class Pretrained(TypedDict):
    """How a stack was learned that a net began with, as the stack's file tells."""

    command: str
    commit: str
    number: int  # of the net, from 0
    seconds: float
    epochs: int


@dataclasses.dataclass(frozen=True)
class Source:
    """A result file.

    Attributes:
      name: of the file, without its ending.
      record: what it holds.
    """

    name: str
    record: dict[str, Any]


SHIPPED = "shipped.json"
SHIPPED_CLASSIFIER = "shipped_classifier.json"
# Beside the runs of `mnist_dbn`.
OTHERS = ("benchmark.json", "scaling.json", SHIPPED, SHIPPED_CLASSIFIER)
NULL = type(None)
LARGEST = 2**53  # beyond it JSON's readers do not agree on whole numbers
TOP = "the file"  # the place that a line names when a key is missing at the outermost level
NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NULL: "null"}


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


def conform(path: Path, where: str, value: Any, form: Any) -> None:
    """Checks a value of a file against the type of a record or of a part of it.

    Raises:
      InputError: it differs; the line names the file and the place in it.
    """
    origin: Any = get_origin(form)
    inner: tuple[Any, ...] = get_args(form)
    if form is Any:
        return
    if is_typeddict(form):
        require(isinstance(value, dict), path, where, "an object", value)
        _conform_keys(path, where, value, form)
    elif origin is dict:
        require(isinstance(value, dict), path, where, "an object", value)
        for key, item in value.items():
            conform(path, _below(where, key), item, inner[1])
    elif origin is list:
        require(isinstance(value, list), path, where, "a list", value)
        for number, item in enumerate(value):
            conform(path, f"{where}.{number}", item, inner[0])
    elif origin is tuple:
        require(isinstance(value, list), path, where, "a list", value)
        require(len(value) == len(inner), path, where, f"{len(inner)} values", len(value))
        for number, (item, part) in enumerate(zip(value, inner, strict=True)):
            conform(path, f"{where}.{number}", item, part)
    elif origin is Literal:
        known = isinstance(value, str) and value in inner
        require(known, path, where, f"one of {', '.join(sorted(inner))}", value)
    elif origin in (Union, types.UnionType) and not set(inner) <= set(NAMES):
        (other,) = set(inner) - {NULL}  # a record that may be null
        if value is not None:
            conform(path, where, value, other)
    else:
        kinds = inner or (form,)
        kinds = tuple(kind for kind in kinds if kind is not int or float not in kinds)
        expected = " or ".join(NAMES[kind] for kind in kinds if kind in NAMES)
        kinds = (*kinds, int) if float in kinds else kinds
        fits = isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)
        require(fits, path, where, expected, value)
        small = not isinstance(value, int) or abs(value) <= LARGEST
        require(small, path, where, f"at most {LARGEST} either way", value)


def _conform_keys(path: Path, where: str, value: dict[str, Any], form: Any) -> None:
    for key, part in get_type_hints(form).items():
        if key in value:
            conform(path, _below(where, key), value[key], part)
        elif key in form.__required_keys__:
            require_key(path, where, value, key)


def require_key(path: Path, where: str, value: Mapping[str, Any], key: str) -> None:
    """Refuses a file unless the object in a place of it has a key."""
    if key not in value:
        refuse(path, where, f"the key {key!r}", f"only {', '.join(value) or 'nothing'}")


def _below(where: str, key: str) -> str:
    return key if where == TOP else f"{where}.{key}"


def check_wrong(
    path: Path, where: str, wrong: list[int], told: tuple[str, int], cases: dict[str, int]
) -> None:
    """Checks that the test cases that a net gets wrong are as many as are told elsewhere.

    Args:
      path: the file.
      where: the place of the indices in it.
      wrong: indices of test cases.
      told: where the file tells their number, and the number.
      cases: numbers of cases by split.

    Raises:
      InputError: they differ, or an index is no test case's.
    """
    place, n = told
    expected = f"{n} different cases, as {place} says"
    require(len(set(wrong)) == len(wrong) == n, path, where, expected, len(wrong))
    strays = set(wrong) - set(range(cases["test"]))
    expected = f"indices below {cases['test']}"
    require(not strays, path, where, expected, min(strays, default=None))


def check_lengths(
    path: Path, where: str, rows: list[dict[str, Any]], names: tuple[str, ...]
) -> None:
    """Checks that the lists of these names have one length in all rows, and are not empty.

    Raises:
      InputError: one differs.
    """
    n = len(rows[0][names[0]]) if rows else 0
    for number, row in enumerate(rows):
        for name in names:
            found = len(row[name])
            require(
                found == n > 0, path, f"{where}.{number}.{name}", f"{n or 'some'} values", found
            )


def require(condition: bool, path: Path, where: str, expected: str, got: Any) -> None:
    """Refuses a file unless a condition on the place `where` in it holds."""
    if not condition:
        refuse(path, where, expected, f"{got!r:.60}")


def refuse(path: Path, where: str, expected: str, got: str) -> NoReturn:
    """Says in one line what is wrong with a file."""
    raise checks.InputError(
        f"{path}: {where}: expected {expected}, got {got}; the file is damaged, was edited by "
        "hand or was written by another version"
    )
