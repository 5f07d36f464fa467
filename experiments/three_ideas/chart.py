"""The figure of `three_ideas`: test errors by method, a panel a depth, a colour an era."""

from typing import Any

from matplotlib.figure import Figure

from dbnjax.figures.charts import Values, dots
from experiments.common import statistics
from experiments.three_ideas import report

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


def draw(record: dict[str, Any]) -> Figure:
    """Draws the test errors of all cells, beside those of the paper."""
    panels: dict[str, dict[str, dict[str, Values]]] = {}
    for cell in record["cells"]:
        errors = statistics.per_cent(cell["test"], record["cases"]["test"])
        series = panels.setdefault(heading(cell), {}).setdefault(ERAS[cell["era"]], {})
        series[METHODS[cell["method"]]] = (errors, statistics.half_width(errors))
    methods = {cell["method"] for cell in record["cells"]}
    categories = [words for method, words in METHODS.items() if method in methods]
    for cell in record["cells"]:
        panels[heading(cell)][report.PAPER] = {
            METHODS[method]: ([error], 0.0)
            for (method, depth), error in report.ERRORS_OF_PAPER.items()
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
