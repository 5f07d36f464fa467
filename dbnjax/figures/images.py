"""Mosaics of images: weights, samples and errors of a net; what writes a figure."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from dbnjax import checks, files
from dbnjax.figures import mosaics
from dbnjax.figures.mosaics import BAND, OF_A_ROW, label

DPI = 150
MOST_COLUMNS = 20  # of a gallery: its images stay larger than twice 28 pixels
MOST_IMAGES = 800  # of a gallery
MOST_LINES = 50  # rows or columns of a table
MOST_NAMED = 20  # curves in a legend
MOST_POINTS = 20_000  # among which a legend looks for the best place


def receptive_fields(
    weights: ArrayLike, shape: tuple[int, int], n: int = 100, title: str = "Receptive fields"
) -> Figure:
    """Draws the weights into the first hidden units as `signed_images`.

    Args:
      weights: `[n_visible, n_hidden]`; with units beyond the pixels, pass the pixels' rows.
      shape: rows and columns of an image; their product is n_visible.
      n: how many hidden units, fewer where the layer is smaller.
      title: what one sees.

    Raises:
      InputError: the weights do not fit the image or are not finite.
    """
    weights = np.asarray(weights)
    rows, columns = shape
    checks.require(
        min(shape) > 0, f"shape: expected rows and columns of an image, 1 or more, got {shape}"
    )
    checks.require(
        weights.ndim == 2 and weights.shape[0] == rows * columns and weights.shape[1] > 0,
        f"weights: expected shape ({rows * columns}, n_hidden) for images of {rows} x {columns}, "
        f"got {weights.shape}; pass the rows of the pixels alone",
    )
    fields = weights.T[:n].reshape(-1, rows, columns)
    return signed_images(fields, "weight (nats per active pixel)", title)


def signed_images(images: ArrayLike, scale_label: str, title: str, caption: str = "") -> Figure:
    """Draws images of either sign in a square, on one symmetric colour scale: red is positive.

    The scale ends at the 99.5th percentile of the absolute values: one strong value would leave
    the others pale.

    Args:
      images: `[n, height, width]`, n at least 1.
      scale_label: what the colours stand for, with the unit.
      title: what one sees.
      caption: how it was made, below the images.

    Raises:
      InputError: there is no such image or a value is not finite.
    """
    images = _with_axes(images, ndim=3)
    checks.require(len(images) > 0, "images: expected at least one, got none")
    checks.check_finite("images", images)
    limit = float(np.percentile(np.abs(images), 99.5)) or 1.0
    table = mosaics.rows_of(images, mosaics.square(images.shape))
    figure, axes, _ = mosaics.show(table, title, caption, cmap="RdBu_r", vmin=-limit, vmax=limit)
    bar = figure.colorbar(axes.images[0], ax=axes, extend="both", fraction=0.04, pad=0.02)
    bar.set_label(scale_label)
    return figure


def image_rows(
    images: ArrayLike,
    row_labels: Sequence[str],
    column_labels: Sequence[str] | None = None,
    *,
    title: str,
    caption: str = "",
    image_labels: Sequence[str] | None = None,
) -> Figure:
    """Draws a table of images, a labelled row for each class or for each chain.

    Figures 8 and 9 of the 2006 paper are such tables.

    Args:
      images: `[n_rows, n_columns, height, width]` in [0, 1].
      row_labels: one a row.
      column_labels: one a column, above the first row.
      title: what one sees.
      caption: how it was made, below the images.
      image_labels: one an image, row after row, beneath it.

    Raises:
      InputError: the images are not in [0, 1] or the labels do not fit their number.
    """
    images = _with_axes(images, ndim=4)
    n_rows, n_columns, height, width = images.shape
    _check_count("row labels", row_labels, n_rows)
    if column_labels is not None:
        _check_count("column labels", column_labels, n_columns)
    if image_labels is not None:
        _check_count("image labels", image_labels, n_rows * n_columns)
    if images.size == 0:
        return _note("nothing to show", title)
    checks.check_unit_interval("images", images)
    shown = images[:MOST_LINES, :MOST_LINES]
    rows, columns = shown.shape[:2]
    caption += _left_out(rows, n_rows, "rows") + _left_out(columns, n_columns, "columns")
    band = 0 if image_labels is None else max(1, round(BAND * height))
    drawn = mosaics.show(shown, title, caption, below=band, cmap="gray_r", vmin=0, vmax=1)
    axes = drawn.axes
    middles = mosaics.centres(rows, height, gap=1 + band)
    axes.set_yticks(middles, [label(text, OF_A_ROW) for text in row_labels[:rows]])
    if column_labels is not None:
        texts = [label(text) for text in column_labels[:columns]]
        axes.set_xticks(mosaics.centres(columns, width), texts)
        axes.xaxis.tick_top()
    axes.tick_params(length=0)
    if image_labels is not None:
        texts = [
            label(image_labels[row * n_columns + column])
            for row in range(rows)
            for column in range(columns)
        ]
        tops = np.arange(rows) * (1 + height + band) + 1 + height
        mosaics.write(drawn, texts, tops, shown.shape[1:], "top")
    return drawn.figure


def gallery(
    images: ArrayLike, captions: Sequence[str], title: str, columns: int | None = None
) -> Figure:
    """Draws images with a caption above each: all the errors of a net, with its guesses.

    Figure 6 of the 2006 paper is such a gallery.

    Args:
      images: `[n, height, width]` in [0, 1]; n may be 0.
      captions: one short text an image, such as "4→9".
      title: what one sees.
      columns: images in a row; 10, up to 20 where there are many images, unless given.

    Raises:
      InputError: the images are not in [0, 1] or the captions do not fit their number.
    """
    images = np.asarray(images)
    _check_count("captions", captions, len(images))
    if images.size == 0:
        return _note("nothing to show", title)
    images = _with_axes(images, ndim=3)
    checks.check_unit_interval("images", images)
    n = min(len(images), MOST_IMAGES)
    columns = columns or int(np.clip(round(np.sqrt(1.5 * n)), 10, MOST_COLUMNS))
    table = mosaics.rows_of(images[:n], columns)
    height = images.shape[1]
    band = max(1, round(BAND * height))
    caption = _left_out(n, len(images), "images").strip()
    drawn = mosaics.show(table, title, caption, above=band, cmap="gray_r", vmin=0, vmax=1)
    feet = np.arange(len(table)) * (band + height) + band - 1
    texts = [label(text) for text in captions[:n]]
    mosaics.write(drawn, texts, feet, table.shape[1:], "bottom")
    return drawn.figure


def save(figure: Figure, path: str | Path) -> None:
    """Writes a PNG, whole or not at all, and makes its folder if needed.

    Raises:
      InputError: the file cannot be written.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", bbox_inches="tight")
    files.write_bytes(path, buffer.getvalue())


def _with_axes(images: ArrayLike, ndim: int) -> np.ndarray:
    images = np.asarray(images)
    axes = "[n_rows, n_columns, height, width]" if ndim == 4 else "[n, height, width]"
    checks.require(
        images.ndim == ndim,
        f"images: expected {axes}, got shape {images.shape}; flat images need a reshape",
    )
    return images


def _check_count(name: str, labels: Sequence[str], count: int) -> None:
    checks.require(
        len(labels) == count, f"{name}: expected {count}, one for each, got {len(labels)}"
    )


def _left_out(shown: int, n: int, what: str) -> str:
    """Says, after a text, that not all could be shown, if that is so."""
    return f" (The first {shown} of {n} {what}.)" if shown < n else ""


def _note(text: str, title: str) -> Figure:
    figure, axes, _ = mosaics.show(np.full((1, 1, 1, 8), np.nan), title)
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    return figure
