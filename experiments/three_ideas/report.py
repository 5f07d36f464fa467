"""What `three_ideas` reports: a row a cell, where pretraining helps, a chart."""

from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from matplotlib.figure import Figure

from dbnjax.figures.charts import Values, dots
from dbnjax.scoring import statistics
from experiments.common import records, resumable
from experiments.common.records import MadeRun, Source
from experiments.common.tables import NONE as EMPTY
from experiments.common.tables import Headline, Table, charted, duration, spread, table, wrap
from experiments.three_ideas.config import NONE, Era, Method

TITLE = "Three ideas, side by side"  # of its page of results

FIGURE = "three_ideas.png"
SHOWS = "test errors by method, depth and era"  # the chart, for those who do not see it

PAPER = "Bengio et al. 2006, of 50,000 cases"
# Test errors in per cent of the lecture's chart, by method and depth.
ERRORS_OF_PAPER = {
    (NONE, "shallow"): 1.9,
    (NONE, "deep"): 2.4,
    ("supervised", "deep"): 2.0,
    ("cross_entropy", "deep"): 1.4,
    ("rbm", "deep"): 1.2,
}
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


class Options(TypedDict):
    tuning_epochs: int
    patience: int


class Cases(TypedDict):
    training: int
    validation: int
    test: int


class Tried(TypedDict):
    rate: float
    validation: list[int]


class Cell(TypedDict):
    """The nets of an era, a method and a depth; lists have an entry a seed."""

    era: Era
    method: Method
    depth: str
    layers: list[int]
    seeds: list[int]
    rate: float
    tried: list[Tried]
    epochs: list[int]
    training: list[int]
    validation: list[int]
    test: list[int]
    curves: list[list[int]]
    seconds: dict[str, float]


class Record(MadeRun):
    """What `result.json` holds."""

    config: Options
    cases: Cases
    cells: list[Cell]


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: the cells differ in their numbers of seeds, or have none.
    """
    lists = ("seeds", "training", "validation", "test", "epochs")
    records.check_lengths(path, "cells", record["cells"], lists)


def gains(record: dict[str, Any]) -> dict[tuple[str, str, str], tuple[float, float, float]]:
    """Returns by era, depth and method what it gains over no pretraining, in points of per cent."""
    n = record["cases"]["test"]
    errors = {
        (cell["era"], cell["depth"], cell["method"]): statistics.per_cent(cell["test"], n)
        for cell in record["cells"]
    }
    return {
        (era, depth, method): statistics.gain(errors[era, depth, NONE], its_own)
        for (era, depth, method), its_own in errors.items()
        if method != NONE and (era, depth, NONE) in errors
    }


def verdicts(record: dict[str, Any]) -> list[str]:
    """Says for each era and depth which methods are ahead of no pretraining, or behind.

    That is, the 95 % interval of the difference, over seeds alone, leaves out zero.
    """
    gained, lines = gains(record), []
    for era, depth in dict.fromkeys(name[:2] for name in gained):
        of_these = {name: g for (*place, name), g in gained.items() if place == [era, depth]}
        ahead = [name for name, (_, low, _) in of_these.items() if low > 0]
        behind = [name for name, (_, _, high) in of_these.items() if high < 0]
        lines.append(
            f"{era}, {depth}: ahead of no pretraining: {', '.join(ahead) or 'no method'}; "
            f"behind: {', '.join(behind) or 'no method'}"
        )
    return lines


def lay_out(
    record: dict[str, Any], splits: tuple[str, ...] = ("training", "validation", "test")
) -> Table:
    """Lays out the cells with their errors on some splits and what they gain."""
    n, gained = record["cases"], gains(record)
    header = ["era", "hidden units", "method", "rate", "epochs", *(f"{s}, %" for s in splits)]
    rows = []
    for cell in record["cells"]:
        gain = gained.get((cell["era"], cell["depth"], cell["method"]))
        paper = ERRORS_OF_PAPER.get((cell["method"], cell["depth"]))
        rows.append(
            [
                cell["era"],
                "-".join(map(str, cell["layers"])),
                cell["method"],
                f"{cell['rate']:g}",
                f"{np.mean(cell['epochs']):.0f}",
                *(spread(cell[split], n[split]) for split in splits),
                EMPTY if gain is None else "{:.2f} ({:.2f} to {:.2f})".format(*gain),
                EMPTY if paper is None else f"{paper:.1f}",
                duration(sum(cell["seconds"].values())),
            ]
        )
    return Table([*header, "gain over none, points", PAPER, "wall time"], rows)


def note(record: dict[str, Any]) -> str:
    """Says where pretraining helps."""
    says = "\nWhere the 95 % interval over seeds, of one test set, leaves out zero:"
    return "\n".join([says, *verdicts(record)])


def chart(record: dict[str, Any]) -> Figure:
    """Draws the test errors by method, a panel a depth and a colour an era, beside the paper's."""
    panels: dict[str, dict[str, dict[str, Values]]] = {}
    methods = {cell["method"] for cell in record["cells"]}
    for cell in record["cells"]:
        errors = statistics.per_cent(cell["test"], record["cases"]["test"])
        series = panels.setdefault(heading(cell), {}).setdefault(ERAS[cell["era"]], {})
        series[METHODS[cell["method"]]] = (errors, statistics.half_width(errors))
    for cell in record["cells"]:
        panels[heading(cell)][PAPER] = {
            METHODS[method]: ([error], 0.0)
            for (method, depth), error in ERRORS_OF_PAPER.items()
            if depth == cell["depth"] and method in methods
        }
    categories = [words for method, words in METHODS.items() if method in methods]
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


REPORT = resumable.Report(
    Record, lay_out, note, lambda record: {FIGURE: lambda: chart(record)}, "figure and numbers"
)

ABOUT = """\
The lecture's three ideas on {training:,} training images: no pretraining, each layer supervised,
each layer unsupervised by auto-encoders or RBMs, then a softmax layer and backpropagation through
all of it. {validation:,} validation images chose {chosen}; pixels are intensities, the answer is
the softmax, errors are those of {test:,} test images. Means over seeds with 95 % t-intervals;
the gain over no pretraining is that of the same era and depth, with Welch's interval."""
ABOUT_VERDICTS = """\
Where the interval of the gain leaves out zero; it is over seeds alone, of one test set, and nothing
is corrected for the number of comparisons:"""


def headline(runs: list[Source]) -> list[Headline]:
    """The deep nets of 2006 with RBMs and without pretraining."""
    found = {
        cell["method"]: f"{spread(cell['test'], run.record['cases']['test'])} %"
        for run in runs
        for cell in run.record["cells"]
        if (cell["era"], cell["depth"]) == ("2006", "deep")
    }
    if not {"rbm", NONE} <= found.keys():
        return []
    paper = [ERRORS_OF_PAPER[method, "deep"] for method in ("rbm", NONE)]
    return [
        Headline(
            "test error of deep nets of 2006: RBMs, no pretraining",
            f"{found['rbm']}, {found[NONE]}",
            f"{paper[0]} %, {paper[1]} % ({PAPER})",
        )
    ]


def sections(runs: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md, nothing without a run."""
    return charted("three_ideas", SHOWS, runs, section)


def section(record: dict[str, Any]) -> list[str]:
    """A row a cell, with what it gains over no pretraining."""
    seeds = dict.fromkeys(seed for cell in record["cells"] for seed in cell["seeds"])
    eras = "; ".join(f"{era}: {words}" for era, words in ERAS.items())
    rates = max(len(cell["tried"]) for cell in record["cells"])
    chosen = f"one of {rates} rates and the epoch" if rates > 1 else "the epoch, at the era's rate"
    about = f"{ABOUT.format(**record['cases'], chosen=chosen)} Seeds {', '.join(map(str, seeds))}. "
    about += f"{capped(record)} Eras: {eras}."
    return [
        wrap(about),
        table(*lay_out(record, ("validation", "test"))),
        wrap(ABOUT_VERDICTS),
        "\n".join(wrap(f"- {line}.") for line in verdicts(record)),
    ]


def capped(record: dict[str, Any]) -> str:
    """In how many cells the best epoch lies close to the last that was given."""
    most, patience = record["config"]["tuning_epochs"], record["config"]["patience"]
    late = sum(max(cell["epochs"]) > most - patience for cell in record["cells"])
    return (
        f"Tuning had at most {most} epochs; in {late} of {len(record['cells'])} cells the best one "
        f"of some seed is among the last {patience}, and more might give fewer errors."
    )
