"""The classes of labelled images: numbers as the data have them, names, and 0 to n - 1 inside.

Everything that learns counts classes from 0 without gaps. Data do not: EMNIST's letters have labels
1 to 26 of 37 declared classes. Labels are renumbered once, where images are read to learn from; a
net keeps the data's own numbers and names, by which it is asked afterwards.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dbnjax.checks import check_labels, require

MOST_SHOWN = 40  # characters of the names in a message


class Classes(NamedTuple):
    """The classes that images are told apart by.

    Attributes:
      labels: the numbers that the data give them, rising.
      names: what people call them.
    """

    labels: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def plain(self) -> bool:
        """Whether the data count from 0 without gaps, too."""
        return self.labels == tuple(range(len(self.labels)))


def numbered(n: int) -> Classes:
    """Returns n classes that are called by their numbers."""
    return Classes(tuple(range(n)), tuple(map(str, range(n))))


def used(declared: Classes, labels: np.ndarray) -> Classes:
    """Returns the classes that labels really have.

    Args:
      declared: names of some classes; others are called by their numbers.
      labels: integers `[n]`.
    """
    names = dict(zip(*declared, strict=True))
    found = tuple(np.unique(labels).tolist())
    return Classes(found, tuple(names.get(label, str(label)) for label in found))


def renumber(name: str, classes: Classes, labels: np.ndarray) -> np.ndarray:
    """Turns the data's own labels into 0 to n - 1.

    Args:
      name: of the labels, for messages.
      classes: n classes.
      labels: integers `[n_cases]`; never negative, which would be a missing label.

    Raises:
      InputError: there are none, they are no integers, or some are of none of the classes.
    """
    if classes.plain:
        check_labels(name, labels, len(classes.labels))
        return labels
    require(
        labels.size > 0 and np.issubdtype(labels.dtype, np.integer),
        f"{name}: expected integer labels, got {labels.size} values of type {labels.dtype}",
    )
    unknown = np.setdiff1d(labels, classes.labels)
    known = ", ".join(map(str, classes.labels))
    known = known if len(known) <= MOST_SHOWN else f"{known[:MOST_SHOWN]}..."
    require(
        unknown.size == 0,
        f"{name}: expected labels among {known}, the classes that were learned from, got "
        f"{', '.join(map(str, unknown[:3]))}; they belong to another data set",
    )
    return np.searchsorted(classes.labels, labels).astype(np.int32)


def stored(classes: Classes) -> dict[str, Any]:
    """Returns classes as a saved net's metadata hold them."""
    return {"labels": list(classes.labels), "names": list(classes.names)}


def read(metadata: Any, n: int) -> Classes:
    """Returns the classes that a net's metadata tell, or those numbered 0 to n - 1.

    Args:
      metadata: of a saved net; what another program wrote there is none of ours.
      n: classes of the net.
    """
    found = metadata.get("classes") if isinstance(metadata, dict) else None
    if not isinstance(found, dict):
        return numbered(n)
    labels: Any = found.get("labels")
    names: Any = found.get("names")
    if (
        _is_list(labels, int, n)
        and _is_list(names, str, n)
        and labels == sorted(set(labels))
        and len(set(names)) == n
    ):
        return Classes(tuple(labels), tuple(names))
    return numbered(n)


def _is_list(found: Any, kind: type, n: int) -> bool:
    return isinstance(found, list) and len(found) == n and all(type(x) is kind for x in found)


def find(flag: str, classes: Classes, wanted: Sequence[str | int]) -> np.ndarray:
    """Returns the places of classes that are asked for by name, or by the data's number.

    Raises:
      InputError: none is asked for, or one is unknown.
    """
    places = {str(label): i for i, label in enumerate(classes.labels)}
    places |= {name: i for i, name in enumerate(classes.names)}
    unknown = [str(one) for one in wanted if str(one) not in places]
    known = ", ".join(classes.names)
    require(
        bool(wanted) and not unknown,
        f"{flag}: expected some of {known}, got {', '.join(unknown) or 'none'}; these are the "
        "classes that the net knows",
    )
    return np.array([places[str(one)] for one in wanted])
