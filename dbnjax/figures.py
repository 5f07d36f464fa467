"""Pictures of what a net learned, imagined and mistook; every function returns a `Figure`.

matplotlib's object-oriented interface throughout: no display, no global state, nothing to close.
Images are gathered in one mosaic, so that a figure of two hundred digits is one axes and is drawn
in a fraction of a second. Ink is drawn dark on white.
"""

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from dbnjax import checks, files

WIDTH = 8.0  # inches
DPI = 150
BAND = 0.5  # what a line of text beside an image takes of the image's height
MOST_COLUMNS = 20  # of a gallery: its images stay larger than twice 28 pixels


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
    mosaic = _mosaic(_rows_of(images, round(np.ceil(np.sqrt(len(images))))))
    figure, axes = _mosaic_figure(mosaic, title, caption)
    image = axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit)
    bar = figure.colorbar(image, ax=axes, extend="both", fraction=0.04, pad=0.02)
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
    images = _checked_images(images, ndim=4)
    _check_count("row labels", row_labels, len(images))
    n_columns, height, width = images.shape[1:]
    band = 0 if image_labels is None else round(BAND * height)
    mosaic = _mosaic(images, below=band)
    figure, axes = _mosaic_figure(mosaic, title, caption)
    axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
    axes.set_yticks(_centres(len(images), height, gap=1 + band), row_labels)
    if column_labels is not None:
        _check_count("column labels", column_labels, n_columns)
        axes.set_xticks(_centres(n_columns, width), column_labels)
        axes.xaxis.tick_top()
    axes.tick_params(length=0)
    if image_labels is not None:
        _check_count("image labels", image_labels, len(images) * n_columns)
        tops = np.arange(len(images)) * (1 + height + band) + 1 + height
        _write(axes, image_labels, tops, images.shape[1:], "top")
    return figure


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
    _check_count("captions", captions, len(np.asarray(images)))
    if not captions:
        return _note("nothing to show", title)
    images = _checked_images(images, ndim=3)
    columns = columns or int(np.clip(round(np.sqrt(1.5 * len(images))), 10, MOST_COLUMNS))
    table = _rows_of(images, columns)
    height = images.shape[1]
    band = round(BAND * height)
    mosaic = _mosaic(table, above=band)
    figure, axes = _mosaic_figure(mosaic, title)
    axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
    feet = np.arange(len(table)) * (band + height) + band - 1
    _write(axes, captions, feet, table.shape[1:], "bottom")
    return figure


def curves(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    x_label: str,
    y_label: str,
    title: str,
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """Draws curves with a legend and a grid.

    Args:
      series: name to (x `[n]`, y `[n]`); a y that is not finite leaves a gap.
      x_label: with the unit.
      y_label: with the unit.
      title: what one sees.
      log_y: whether the y axis is logarithmic.
      marks: name to x, each a dotted vertical line with its name above it.

    Raises:
      InputError: there is no curve, or an x and its y differ in length.
    """
    checks.require(len(series) > 0, "curves: expected at least one, got none")
    figure = Figure(figsize=(WIDTH, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for name, (x, y) in series.items():
        checks.require(
            np.ndim(x) == np.ndim(y) == 1 and len(np.asarray(x)) == len(np.asarray(y)),
            f"curve {name}: expected x and y of one length, got shapes {np.shape(x)} and "
            f"{np.shape(y)}",
        )
        marker = "o" if len(np.asarray(x)) <= 40 else ""
        axes.plot(x, y, marker=marker, markersize=4, linewidth=1.6, label=name)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.set_title(title, pad=20 if marks else 6)
    if log_y:
        axes.set_yscale("log")
    for name, x in (marks or {}).items():
        axes.axvline(x, color="0.4", linestyle=":", linewidth=1.2)
        axes.text(x, 1.01, name, transform=axes.get_xaxis_transform(), fontsize="small")
    axes.grid(alpha=0.3, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Writes a PNG, whole or not at all, and makes its folder if needed.

    Raises:
      InputError: the file cannot be written.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", bbox_inches="tight")
    files.write_bytes(path, buffer.getvalue())


def _checked_images(images: ArrayLike, ndim: int) -> np.ndarray:
    images = _with_axes(images, ndim)
    checks.check_unit_interval("images", images)
    return images


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


def _rows_of(images: np.ndarray, columns: int) -> np.ndarray:
    """Breaks `[n, height, width]` into `[rows, columns, height, width]`, padded with NaN."""
    n, height, width = images.shape
    missing = np.full((-n % columns, height, width), np.nan)
    return np.concatenate([images, missing]).reshape(-1, columns, height, width)


def _mosaic(images: np.ndarray, above: int = 1, below: int = 0) -> np.ndarray:
    """Joins `[rows, columns, height, width]` into one image, NaN above, below and left of each."""
    spaced = np.pad(images, ((0, 0), (0, 0), (above, below), (1, 0)), constant_values=np.nan)
    return np.concatenate(np.concatenate(spaced, axis=-2), axis=-1)


def _centres(count: int, size: int, gap: int = 1) -> np.ndarray:
    """Returns the middle of each of a mosaic's tiles along one axis, in its pixels."""
    return np.arange(count) * (size + gap) + (size + 1) / 2


def _write(
    axes: Axes, texts: Sequence[str], ys: np.ndarray, table: tuple[int, ...], side: str
) -> None:
    """Writes a text for each image of a mosaic, at a height for each row; `side` is what is there.

    `table` is the columns, the height and the width of the images.
    """
    columns, height, width = table
    mosaic_width = columns * (width + 1)
    pixel = 72 * _inches(mosaic_width) / mosaic_width  # in points, as font sizes are
    longest = max(len(text) for text in texts)
    size = min(11.0, 0.6 * BAND * height * pixel, 1.35 * width * pixel / max(longest, 1))
    xs = _centres(columns, width)
    for index, text in enumerate(texts):
        row, column = divmod(index, columns)
        axes.text(xs[column], ys[row], text, ha="center", va=side, fontsize=size)


def _mosaic_figure(mosaic: np.ndarray, title: str, caption: str = "") -> tuple[Figure, Axes]:
    width = _inches(mosaic.shape[1])
    height = width * mosaic.shape[0] / mosaic.shape[1]
    figure = Figure(figsize=(width, height + 0.9), layout="constrained")
    axes = figure.add_subplot(xticks=[], yticks=[])
    axes.set_title(textwrap.fill(title, round(10 * width)), pad=10)
    axes.set_xlabel(textwrap.fill(caption, round(13 * width)), fontsize="small")
    axes.spines[:].set_visible(False)
    return figure, axes


def _inches(mosaic_width: int) -> float:
    """Returns the width of a mosaic's figure: 20 pixels an inch at the most."""
    return float(np.clip(mosaic_width / 20, 4.0, WIDTH))


def _note(text: str, title: str) -> Figure:
    figure, axes = _mosaic_figure(np.zeros((1, 8)), title)
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    return figure
