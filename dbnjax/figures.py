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


def receptive_fields(
    weights: ArrayLike, shape: tuple[int, int], n: int = 100, title: str = "Receptive fields"
) -> Figure:
    """Draws the weights into the first hidden units as images, on one symmetric colour scale.

    The scale ends at the 99.5th percentile of the absolute weights shown: one strong weight
    would leave the others pale.

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
    checks.check_finite("weights", weights)
    fields = weights.T[:n].reshape(-1, rows, columns)
    limit = float(np.percentile(np.abs(fields), 99.5)) or 1.0
    mosaic = _mosaic(_rows_of(fields, round(np.ceil(np.sqrt(len(fields))))))
    figure, axes = _mosaic_figure(mosaic, title)
    image = axes.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit)
    bar = figure.colorbar(image, ax=axes, extend="both", fraction=0.04, pad=0.02)
    bar.set_label("weight (nats per active pixel)")
    return figure


def image_rows(
    images: ArrayLike,
    row_labels: Sequence[str],
    column_labels: Sequence[str] | None = None,
    *,
    title: str,
    caption: str = "",
) -> Figure:
    """Draws a table of images, a labelled row for each class or for each chain.

    Figures 8 and 9 of the 2006 paper are such tables.

    Args:
      images: `[n_rows, n_columns, height, width]` in [0, 1].
      row_labels: one a row.
      column_labels: one a column, above the first row.
      title: what one sees.
      caption: how it was made, below the images.

    Raises:
      InputError: the images are not in [0, 1] or the labels do not fit their number.
    """
    images = _checked_images(images, ndim=4)
    _check_count("row labels", row_labels, len(images))
    mosaic = _mosaic(images)
    figure, axes = _mosaic_figure(mosaic, title, caption)
    axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
    n_columns, height, width = images.shape[1:]
    axes.set_yticks(_centres(len(images), height), row_labels)
    if column_labels is not None:
        _check_count("column labels", column_labels, n_columns)
        axes.set_xticks(_centres(n_columns, width), column_labels)
        axes.xaxis.tick_top()
    axes.tick_params(length=0)
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
      columns: images in a row; 10, or more where there are many images, unless given.

    Raises:
      InputError: the images are not in [0, 1] or the captions do not fit their number.
    """
    _check_count("captions", captions, len(np.asarray(images)))
    if not captions:
        return _note("nothing to show", title)
    images = _checked_images(images, ndim=3)
    columns = columns or max(10, round(np.sqrt(1.5 * len(images))))
    height, width = images.shape[1:]
    band = round(0.45 * height)
    mosaic = _mosaic(_rows_of(images, columns), band)
    figure, axes = _mosaic_figure(mosaic, title)
    axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
    pixel = 72 * figure.get_figwidth() / mosaic.shape[1]  # in points, as font sizes are
    longest = max(len(caption) for caption in captions)
    size = min(11.0, 0.7 * band * pixel, 1.35 * width * pixel / max(longest, 1))
    for index, caption in enumerate(captions):
        row, column = divmod(index, columns)
        foot = _centres(columns, width)[column], (row + 1) * band + row * height - 1
        axes.text(*foot, caption, ha="center", va="bottom", fontsize=size)
    return figure


def curves(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    x_label: str,
    y_label: str,
    title: str,
    log_y: bool = False,
) -> Figure:
    """Draws curves with a legend and a grid.

    Args:
      series: name to (x `[n]`, y `[n]`); a y that is not finite leaves a gap.
      x_label: with the unit.
      y_label: with the unit.
      title: what one sees.
      log_y: whether the y axis is logarithmic.

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
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    if log_y:
        axes.set_yscale("log")
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
    images = np.asarray(images)
    axes = "[n_rows, n_columns, height, width]" if ndim == 4 else "[n, height, width]"
    checks.require(
        images.ndim == ndim,
        f"images: expected {axes}, got shape {images.shape}; flat images need a reshape",
    )
    checks.check_unit_interval("images", images)
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


def _mosaic(images: np.ndarray, band: int = 1) -> np.ndarray:
    """Joins `[rows, columns, height, width]` into one image, a NaN band above each, one left."""
    spaced = np.pad(images, ((0, 0), (0, 0), (band, 0), (1, 0)), constant_values=np.nan)
    return np.concatenate(np.concatenate(spaced, axis=-2), axis=-1)


def _centres(count: int, size: int) -> np.ndarray:
    """Returns the middle of each of a mosaic's tiles along one axis, in its pixels."""
    return np.arange(count) * (size + 1) + (size + 1) / 2


def _mosaic_figure(mosaic: np.ndarray, title: str, caption: str = "") -> tuple[Figure, Axes]:
    width = float(np.clip(mosaic.shape[1] / 20, 4.0, WIDTH))  # 20 pixels an inch at the most
    height = width * mosaic.shape[0] / mosaic.shape[1]
    figure = Figure(figsize=(width, height + 0.9), layout="constrained")
    axes = figure.add_subplot(xticks=[], yticks=[])
    axes.set_title(textwrap.fill(title, round(10 * width)), pad=10)
    axes.set_xlabel(textwrap.fill(caption, round(13 * width)), fontsize="small")
    axes.spines[:].set_visible(False)
    return figure, axes


def _note(text: str, title: str) -> Figure:
    figure, axes = _mosaic_figure(np.zeros((1, 8)), title)
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    return figure
