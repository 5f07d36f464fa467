"""Curves and dots with intervals; every function returns a `Figure`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from dbnjax import checks
from dbnjax.figures import mosaics
from dbnjax.figures.images import MOST_NAMED, MOST_POINTS, _left_out
from dbnjax.figures.mosaics import WIDTH, label

Values = tuple[Sequence[float], float]  # single values, and half the interval of their mean
SPREAD = 0.72  # of a category's width, over which its series stand


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
    for number, (name, (x, y)) in enumerate(series.items()):
        checks.require(
            np.ndim(x) == np.ndim(y) == 1 and len(np.asarray(x)) == len(np.asarray(y)),
            f"curve {name}: expected x and y of one length, got shapes {np.shape(x)} and "
            f"{np.shape(y)}",
        )
        marker = "o" if len(np.asarray(x)) <= 40 else ""
        named = label(name) if number < MOST_NAMED else "_"  # which a legend leaves out
        axes.plot(x, y, marker=marker, markersize=4, linewidth=1.6, label=named)
    axes.set(xlabel=x_label + _left_out(MOST_NAMED, len(series), "names"), ylabel=y_label)
    axes.set_title(mosaics.wrapped(title, 100, lines=8), pad=20 if marks else 6)
    if log_y:
        axes.set_yscale("log")
    for name, x in (marks or {}).items():
        axes.axvline(x, color="0.4", linestyle=":", linewidth=1.2)
        axes.text(x, 1.01, label(name), transform=axes.get_xaxis_transform(), fontsize="small")
    axes.grid(alpha=0.3, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    points = sum(len(np.asarray(x)) for x, _ in series.values())
    axes.legend(frameon=False, loc="best" if points <= MOST_POINTS else "upper right")
    return figure


def dots(
    panels: Mapping[str, Mapping[str, Mapping[str, Values]]],
    categories: Sequence[str],
    y_label: str,
    title: str,
    caption: str = "",
) -> Figure:
    """Draws means of series by category with intervals, and beside each what it is a mean of.

    Args:
      panels: title to series name to category to values. A category that a series lacks is a gap;
        a series without any interval is drawn as grey crosses.
      categories: from left to right.
      y_label: with the unit.
      title: what one sees.
      caption: what the intervals are, below the panels.

    Raises:
      InputError: there is no panel.
    """
    checks.require(len(panels) > 0, "dots: expected at least one panel, got none")
    names = list(dict.fromkeys(name for found in panels.values() for name in found))
    width = max(5.0, 1.05 * len(categories)) * len(panels)
    figure = Figure(figsize=(width, 5.6), layout="constrained")
    all_axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for axes, (heading, found) in zip(all_axes, panels.items(), strict=True):
        for i, name in enumerate(names):
            offset = SPREAD * ((i + 0.5) / len(names) - 0.5)
            _draw(axes, found.get(name, {}), categories, offset, f"C{i}", name)
        axes.set_xticks(range(len(categories)), categories, fontsize="small")
        axes.set(title=heading, xlim=(-0.5, len(categories) - 0.5))
        axes.grid(alpha=0.3, axis="y")
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[0].set_ylabel(y_label)
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside upper center",
                  frameon=False, ncols=2, title=title)  # fmt: skip
    figure.supxlabel(caption, fontsize="small")
    return figure


def means(
    series: Mapping[str, Mapping[int, Values]], x_label: str, y_label: str, title: str, caption: str
) -> Figure:
    """Draws means, their intervals and the single values against a count, both axes logarithmic.

    Args:
      series: name to count to single values, and half the interval of their mean; a value of 0
        lies below the axis.
      x_label: of the counts.
      y_label: with the unit.
      title: what one sees.
      caption: what the points and intervals are.

    Raises:
      InputError: there is no value.
    """
    values = [value for of in series.values() for one, _ in of.values() for value in one]
    checks.require(len(values) > 0, "means: expected at least one value, got none")
    figure = Figure(figsize=(WIDTH, 5.4), layout="constrained")
    axes = figure.add_subplot()
    for i, (name, of) in enumerate(series.items()):
        beside = 1.03 ** (i - (len(series) - 1) / 2)  # so that intervals do not hide each other
        x = [count * beside for count in of]
        middles = [np.mean(one) for one, _ in of.values()]
        halves = [half for _, half in of.values()]
        axes.errorbar(x, middles, halves, marker="o", markersize=4, capsize=3, linewidth=1.4,
                      color=f"C{i}", label=label(name))  # fmt: skip
        for place, (one, _) in zip(x, of.values(), strict=True):
            axes.plot([place] * len(one), one, ".", color=f"C{i}", markersize=3, alpha=0.6)
    counts = sorted({count for of in series.values() for count in of})
    axes.set(xscale="log", yscale="log", xlabel=x_label, ylabel=y_label)
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set_yticks(*_ticks(values))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    axes.set_title(title)
    figure.supxlabel(caption, fontsize="small")
    return figure


def _ticks(values: Sequence[float]) -> tuple[list[float], list[str]]:
    """Returns round numbers that span values, and how they are written."""
    low, high = min(values), max(values)
    ladder = [m * 10.0**e for e in range(-2, 2) for m in (1, 2, 5)] + [100.0]
    chosen = [tick for tick in ladder if low / 2.5 <= tick <= high * 2.5]
    return chosen, [f"{tick:g}" for tick in chosen]


def histories(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], titles: Mapping[str, str], title: str
) -> Figure:
    """Draws what was measured after each epoch of some runs, a panel for each number.

    Args:
      runs: name to a history, as of `training.learn.Fitted`: records with an "epoch" and numbers.
      titles: name of each number that is drawn to the title of its panel, with the unit.
      title: what one sees.

    Raises:
      InputError: there is no run or no number.
    """
    checks.require(len(runs) > 0 and len(titles) > 0, "histories: expected runs and numbers")
    n_columns = min(len(titles), 2)
    n_rows = -(-len(titles) // n_columns)
    figure = Figure(figsize=(WIDTH, 3.4 * n_rows + 1.0), layout="constrained")
    panels = np.atleast_1d(figure.subplots(n_rows, n_columns)).ravel()
    for axes, (name, heading) in zip(panels, titles.items(), strict=False):
        for number, (run, history) in enumerate(list(runs.items())[:MOST_NAMED]):
            told = [(record["epoch"], record[name]) for record in history if name in record]
            if told:
                x, y = zip(*told, strict=True)
                axes.plot(x, y, color=f"C{number}", linewidth=1.6, label=label(run))
        axes.set_title(heading, fontsize="medium")
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(titles) :]:
        axes.set_axis_off()
    handles = {
        text: line
        for axes in panels
        for line, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", frameon=False, ncols=3
    )
    figure.suptitle(mosaics.wrapped(title, 100, lines=4))
    return figure


class Estimated(NamedTuple):
    """A curve of estimates.

    Attributes:
      y: `[n]`.
      low: `[n]` lower ends of the 95 % intervals, None or NaN where there is none.
      high: `[n]` upper ends.
      other: another estimate of the last one, None without one.
    """

    y: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]
    other: float | None


def estimates(
    curves: Mapping[str, Estimated],
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    y_label: str,
    title: str,
    other: str,
) -> Figure:
    """Draws estimates with their intervals against several quantities, on logarithmic scales.

    Args:
      curves: by name.
      panels: label of the x axis to name to x `[n]`, all positive.
      y_label: with the unit.
      title: what one sees.
      other: what the other estimates are, which are drawn as open triangles.

    Raises:
      InputError: there is no panel.
    """
    checks.require(len(panels) > 0, "estimates: expected at least one panel, got none")
    figure = Figure(figsize=(5.0 * len(panels), 4.6), layout="constrained")
    all_axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for axes, (x_label, found) in zip(all_axes, panels.items(), strict=True):
        for name, curve in curves.items():
            ends = np.array([curve.low, curve.high], float)  # NaN where not known: no bar
            line = axes.errorbar(found[name], curve.y, np.abs(ends - np.array(curve.y)), marker="o",
                                 markersize=4, capsize=2, linewidth=1.4, label=name)  # fmt: skip
            if curve.other is not None:
                axes.plot([found[name][-1]] * 2, [curve.y[-1], curve.other], linewidth=1.0,
                          color=line[0].get_color(), linestyle=":", marker="v", markersize=5,
                          fillstyle="none", markevery=[1])  # fmt: skip
        axes.set(xscale="log", xlabel=x_label)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[0].set_ylabel(y_label)
    if any(curve.other is not None for curve in curves.values()):
        all_axes[0].plot([], [], "v", color="gray", fillstyle="none", label=other)
    all_axes[0].legend(frameon=False)
    figure.suptitle(title)
    return figure


def _draw(
    axes: Axes,
    series: Mapping[str, Values],
    categories: Sequence[str],
    offset: float,
    colour: str,
    name: str,
) -> None:
    x = [categories.index(category) + offset for category in series]
    means = [float(np.mean(values)) for values, _ in series.values()]
    halves = [half for _, half in series.values()]
    if not any(halves):
        axes.plot(x, means, "x", color="0.3", label=name)
        return
    axes.errorbar(x, means, halves, linestyle="", marker="o", markersize=5, capsize=3,
                  color=colour, label=name)  # fmt: skip
    for place, (values, _) in zip(x, series.values(), strict=True):
        axes.plot([place + 0.07] * len(values), values, ".", color=colour, markersize=3, alpha=0.7)
