"""What the comparison comes to: a record, a table beside the paper's numbers, a chart."""

import dataclasses
from importlib import metadata
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dbnjax.training import metrics
from experiments.common import provenance, statistics, workdir
from experiments.comparators import config as comparators_config
from experiments.comparators.config import LINES
from experiments.comparators.rows import Outcome, Task

MODULE = "experiments.comparators"


def finished(path: Path) -> dict[str, dict[str, Any]]:
    """Returns the records of the rows that are finished, by name, in the order of the table."""
    records = {r["name"]: r for r in metrics.read(path) if "name" in r}
    return {name: records[name] for name in LINES if name in records}


def record(name: str, outcome: Outcome) -> dict[str, Any]:
    """Returns a row as `metrics.jsonl` and `result.json` hold it."""
    told = outcome._asdict()
    return {"name": name, **told, "test": len(outcome.wrong)}


def result(task: Task) -> dict[str, Any]:
    """Returns all that RESULTS.md and the chart need of the finished rows."""
    rows = finished(task.place.metrics)
    config = dataclasses.replace(task.config, rows=tuple(rows))
    origin = workdir.origin(task.place.workdir)
    cases = {split: len(images.pixels) for split, images in task.splits._asdict().items()}
    named = (*workdir.PLACES, *comparators_config.FREE)
    theirs = any(comparators_config.by_sklearn(name) for name in rows)
    peers = {"scikit-learn": metadata.version("scikit-learn")} if theirs else {}
    return {
        **origin,
        "versions": origin["versions"] | peers,
        "seed": config.seed,
        "command": provenance.command(MODULE, config, {}, comparators_config.HIDDEN),
        "config": {k: v for k, v in dataclasses.asdict(config).items() if k not in named},
        "cases": cases | {"all": len(task.everything.pixels)},
        "rows": list(rows.values()),
    }


def title(name: str) -> str:
    """Returns what the table and the chart call a row."""
    by = ", scikit-learn" if name.startswith("sklearn") else ""
    return LINES[name].title + by


def per_cent(errors: int, n: int) -> str:
    """Returns a count with its rate and Wilson's 95 % interval, in per cent."""
    low, high = (100 * end for end in statistics.wilson(errors, n))
    return f"{errors} ({100 * errors / n:.2f} %; {low:.2f} to {high:.2f})"


def table(found: dict[str, Any]) -> str:
    """Lays out the rows beside Table 1 of the paper, as text."""
    cases = found["cases"]
    heads = ("training", f"validation ({cases['validation']})", f"test ({cases['test']})", "paper")
    widths = (10, 20, 32, 9)
    header = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    lines = [f"{'errors':<58}{header}{'seconds':>10}"]
    for row in found["rows"]:
        validation = "" if row["validation"] is None else str(row["validation"])
        test, paper = per_cent(row["test"], cases["test"]), LINES[row["name"]].paper
        cells = (str(row["cases"]), validation, test, f"{paper:.2f} %")
        told = "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        lines.append(f"{title(row['name']):<58}{told}{row['seconds']:>10.1f}")
    return "\n".join(lines)


def draw(found: dict[str, Any]) -> Figure:
    """Draws test errors as bars with Wilson's 95 % intervals, the paper's numbers as marks."""
    rows, n = found["rows"], found["cases"]["test"]
    figure = Figure(figsize=(9.0, 1.4 + 0.42 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(rows))
    rates = [100 * row["test"] / n for row in rows]
    ends = [[100 * end for end in statistics.wilson(row["test"], n)] for row in rows]
    below = [rate - low for rate, (low, _) in zip(rates, ends, strict=True)]
    above = [high - rate for rate, (_, high) in zip(rates, ends, strict=True)]
    axes.barh(places, rates, xerr=[below, above], color="0.75", ecolor="0.3", capsize=3)
    papers = [LINES[row["name"]].paper for row in rows]
    axes.plot(papers, places, "d", color="C3", label="2006 paper")
    axes.set_yticks(places, [f"{title(row['name'])} ({row['cases']:,})" for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="test errors (%)", title="Comparators of Table 1, with 95 % intervals")
    axes.grid(alpha=0.3, axis="x")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure
