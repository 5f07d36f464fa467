"""The error that people see: one line with what was expected, what came and the likely cause."""

from typing import Any

import numpy as np

LONGEST = 2000  # characters of a message


class InputError(ValueError):
    """Something that the caller gave cannot be used; the message is one whole line.

    Experiments print the message and exit; they show no traceback for it. Names and values that it
    quotes may hold line breaks or be whole files: they become blanks, and a long line is cut.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(message: str) -> str:
    """Returns a message without line breaks, cut where nobody reads on."""
    line = " ".join(message.splitlines())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} ..."


def require(condition: bool, message: str) -> None:
    """Raises `InputError(message)` unless the condition holds."""
    if not condition:
        raise InputError(message)


def in_words(given: Any) -> str:
    """Names what came: a whole number, an array's type and shape, anything else by its type."""
    if is_whole(given):
        return str(given)
    if hasattr(given, "shape") and hasattr(given, "dtype") and given.shape:
        return f"{given.dtype}{list(given.shape)}"
    return f"{' '.join(repr(given).split())[:40]} ({type(given).__name__})"


def is_whole(number: Any) -> bool:
    """Returns whether something is a whole number by its type: Python's or NumPy's, no bool."""
    return isinstance(number, int | np.integer) and not isinstance(number, bool)
