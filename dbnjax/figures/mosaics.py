"""Tables of images joined into one picture, which `dbnjax.figures` draws as one axes.

Whatever is to be drawn, the picture is at most WIDTH by TALLEST inches: what is higher is drawn
smaller and, where too little would be left of its width, squeezed.
"""

import textwrap
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH, NARROWEST, TALLEST = 8.0, 1.0, 24.0  # inches
BAND = 0.5  # what a line of text beside an image takes of the image's height
LONG = 4.0  # ratio of an image's sides from which it is not laid out as if it were a square
LINE = 0.15  # inches: the least height of a row of flat images, that of its label
LETTERS, OF_A_ROW = 40, 24  # of a label, and of one beside a row


Aspect = Literal["equal", "auto"]


class Shown(NamedTuple):
    """A mosaic in a figure.

    Attributes:
      figure: with the axes alone.
      axes: of the mosaic, in its pixels.
      scale: height and width of a pixel in points, as font sizes are.
    """

    figure: Figure
    axes: Axes
    scale: tuple[float, float]


def show(
    table: np.ndarray, title: str, caption: str = "", above: int = 1, below: int = 0, **look: Any
) -> Shown:
    """Draws a table of images, `[rows, columns, height, width]`.

    Args:
      table: the images; NaN is not drawn.
      title: above all.
      caption: below all.
      above: pixels of the mosaic above each image.
      below: likewise.
      look: how `imshow` draws it.
    """
    mosaic = join(table, above, below)
    rows, columns = mosaic.shape
    width, height, aspect = _size(rows, columns, _least(table.shape))
    figure = Figure(figsize=(width, height + 0.9), layout="constrained")
    axes = figure.add_subplot(xticks=[], yticks=[])
    axes.set_title(wrapped(title, round(10 * width), lines=8), pad=10)
    axes.set_xlabel(wrapped(caption, round(13 * width), lines=12), fontsize="small")
    axes.spines[:].set_visible(False)
    axes.imshow(mosaic, aspect=aspect, **look)
    down, across = 72 * height / rows, 72 * width / columns
    smaller = min(down, across)
    return Shown(figure, axes, (smaller, smaller) if aspect == "equal" else (down, across))


def square(images: tuple[int, ...]) -> int:
    """Returns in how many columns images `[n, height, width]` are about as wide as they are high.

    Images that are not very long count as squares.
    """
    n, height, width = images
    ratio = height / width
    if 1 / LONG <= ratio <= LONG:
        return round(np.ceil(np.sqrt(n)))
    return int(np.clip(round(np.sqrt(n * ratio)), 1, n))


def rows_of(images: np.ndarray, columns: int) -> np.ndarray:
    """Breaks `[n, height, width]` into `[rows, columns, height, width]`, padded with NaN."""
    n, height, width = images.shape
    missing = np.full((-n % columns, height, width), np.nan)
    return np.concatenate([images, missing]).reshape(-1, columns, height, width)


def join(images: np.ndarray, above: int = 1, below: int = 0) -> np.ndarray:
    """Joins `[rows, columns, height, width]` into one image, NaN above, below and left of each."""
    spaced = np.pad(images, ((0, 0), (0, 0), (above, below), (1, 0)), constant_values=np.nan)
    return np.concatenate(np.concatenate(spaced, axis=-2), axis=-1)


def centres(count: int, size: int, gap: int = 1) -> np.ndarray:
    """Returns the middle of each of a mosaic's tiles along one axis, in its pixels."""
    return np.arange(count) * (size + gap) + (size + 1) / 2


def write(
    shown: Shown, texts: Sequence[str], ys: np.ndarray, table: tuple[int, ...], side: str
) -> None:
    """Writes a text for each image of a mosaic, at a height for each row; `side` is what is there.

    `table` is the columns, the height and the width of the images.
    """
    columns, height, width = table
    down, across = shown.scale
    longest = max(len(text) for text in texts)
    size = min(11.0, 0.6 * BAND * height * down, 1.35 * width * across / max(longest, 1))
    xs = centres(columns, width)
    for index, text in enumerate(texts):
        row, column = divmod(index, columns)
        at = xs[column], ys[row]
        shown.axes.text(*at, text, ha="center", va=side, fontsize=max(size, 1.0))


def label(text: str, letters: int = LETTERS) -> str:
    """Returns a text as one line of a length that a figure has room for."""
    line = " ".join(str(text).split())
    return literal(line if len(line) <= letters else line[: letters - 1] + "…")


def wrapped(text: str, width: int, lines: int) -> str:
    """Returns a text in so many lines of so many letters at the most."""
    return literal(textwrap.fill(text, width, max_lines=lines))


def literal(text: str) -> str:
    """Keeps matplotlib from reading a text between two dollars as mathematics."""
    return text.replace("$", r"\$")


def _size(rows: int, columns: int, least: float) -> tuple[float, float, Aspect]:
    """Returns the inches of a mosaic, 20 pixels an inch at the most, and its pixels' aspect."""
    width = float(np.clip(columns / 20, 4.0, WIDTH))
    height = width * rows / columns
    if height > TALLEST and width * TALLEST / height >= NARROWEST:
        return width, TALLEST, "equal"
    bounded = float(np.clip(height, least, TALLEST))
    return width, bounded, "equal" if bounded == height else "auto"


def _least(table: tuple[int, ...]) -> float:
    """Returns the inches below which rows of flat images could not be told apart."""
    n_rows, _, height, width = table
    return min(LINE * n_rows, TALLEST) if width > LONG * height else 0.0
