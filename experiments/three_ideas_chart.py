"""The figure of `three_ideas`: test errors by method, a panel a depth, a colour an era."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dbnjax import checks
from experiments import ideas_report

Values = tuple[Sequence[float], float]  # single values, and half the interval of their mean
SPREAD = 0.72  # of a category's width, over which its series stand
METHODS = {
    "none": "no\npretraining",
    "supervised": "supervised,\nby layer",
    "squared_tied": "auto-encoder,\nsquared,\ntied",
    "squared": "auto-encoder,\nsquared,\nuntied",
    "cross_entropy_tied": "auto-encoder,\ncross-entropy,\ntied",
    "cross_entropy": "auto-encoder,\ncross-entropy,\nuntied",
    "rbm": "RBM",
}
ERAS = {
    "2006": "logistic, first weights of 2006, momentum",
    "glorot": "logistic, Glorot and Bengio 2010, momentum",
    "rectified": "rectified, He et al. 2015, Adam",
}


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


def draw(record: dict[str, Any]) -> Figure:
    """Draws the test errors of all cells, beside those of the paper."""
    panels: dict[str, dict[str, dict[str, Values]]] = {}
    for cell in record["cells"]:
        errors = ideas_report.per_cent(cell["test"], record["cases"]["test"])
        series = panels.setdefault(heading(cell), {}).setdefault(ERAS[cell["era"]], {})
        series[METHODS[cell["method"]]] = (errors, ideas_report.half_width(errors))
    methods = {cell["method"] for cell in record["cells"]}
    categories = [words for method, words in METHODS.items() if method in methods]
    for cell in record["cells"]:
        panels[heading(cell)][ideas_report.PAPER] = {
            METHODS[method]: ([error], 0.0)
            for (method, depth), error in ideas_report.ERRORS_OF_PAPER.items()
            if depth == cell["depth"] and method in methods
        }
    cases = ", ".join(f"{n:,} {name}" for name, n in record["cases"].items())
    caption = (
        f"{cases} cases. Points: means over {len(record['cells'][0]['seeds'])} seeds with the 95 % "
        "t-interval of the mean; small dots: single seeds."
    )
    title = "Three ideas for training a net"
    return dots(panels, categories, "test error (%)", title, caption)


def heading(cell: dict[str, Any]) -> str:
    """Returns the title of a cell's panel."""
    return f"{cell['depth']}: {'-'.join(map(str, cell['layers']))} hidden units"
