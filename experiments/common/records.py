"""What a result file must look like, and the one line that refuses it.

A form says what a JSON value must look like: a type, a tuple of types, a set of the texts that it
may be, a list of one form, a list of several (one for each item), a dictionary of forms by key, or
`{str: form}` for whatever keys there are.
"""

from pathlib import Path
from typing import Any, NoReturn

from dbnjax import checks

CHOSEN, ALL = "chosen", "all cases"

NULL = type(None)
NUMBER = (int, float)
KNOWN = (*NUMBER, NULL)  # null where it is not
LARGEST = 2**53  # beyond it JSON's readers do not agree on whole numbers
TOP = "the file"  # the place that a line names when a key is missing at the outermost level
NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NULL: "null"}


def conform(path: Path, where: str, value: Any, form: Any) -> None:
    """Checks a value against a form.

    Raises:
      InputError: it differs; the line names the file and the place in it.
    """
    if isinstance(form, dict):
        require(isinstance(value, dict), path, where, "an object", value)
        for key, inner in (dict.fromkeys(value, form[str]) if str in form else form).items():
            if key not in value:
                refuse(path, where, f"the key {key!r}", f"only {', '.join(value) or 'nothing'}")
            conform(path, key if where == TOP else f"{where}.{key}", value[key], inner)
    elif isinstance(form, list):
        require(isinstance(value, list), path, where, "a list", value)
        forms = form if len(form) > 1 else form * len(value)
        require(len(value) == len(forms), path, where, f"{len(forms)} values", len(value))
        for number, (item, inner) in enumerate(zip(value, forms, strict=True)):
            conform(path, f"{where}.{number}", item, inner)
    elif isinstance(form, set):
        known = isinstance(value, str) and value in form
        require(known, path, where, f"one of {', '.join(sorted(form))}", value)
    else:
        kinds = form if isinstance(form, tuple) else (form,)
        fits = isinstance(value, kinds) and (not isinstance(value, bool) or form in (bool, object))
        expected = " or ".join(NAMES[kind] for kind in kinds if kind in NAMES)
        require(fits, path, where, expected, value)
        small = not isinstance(value, int) or abs(value) <= LARGEST
        require(small, path, where, f"at most {LARGEST} either way", value)


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
