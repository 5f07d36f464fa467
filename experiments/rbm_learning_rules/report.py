"""What the comparison of learning rules comes to: a record, a table and the figure."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dbnjax.training import metrics
from experiments.common import binarised, provenance, statistics, workdir
from experiments.rbm_learning_rules import config as rules_config
from experiments.rbm_learning_rules import judge
from experiments.rbm_learning_rules.judge import ABOVE, INTERVAL
from experiments.rbm_learning_rules.train import Task, rate_of

AXES = {"updates": "updates", "seconds": "seconds of learning"}


def result(task: Task) -> dict[str, Any]:
    """Returns all that RESULTS.md and the figure need of a finished run."""
    below = task.config.below
    config = dataclasses.replace(task.config, below=below and Path(below).name)
    named = (*workdir.PLACES, *rules_config.FREE)  # places of the one who runs it
    n_updates = len(task.data.labels) // config.batch_size
    machine = f"{task.start.visible.size}-{config.n_hidden}"
    return {
        "model": f"RBM {machine}",
        "below": [rbm.visible.size for rbm in task.lower],
        "pixels": binarised.in_words(config),
        "judged": config.judged,
        "cases": {"train": len(task.data.labels), config.judged: len(task.judged)},
        "rules": {name: curve(task, name, n_updates) for name in config.rules},
        "command": provenance.command(
            "experiments.rbm_learning_rules", config, {}, rules_config.FREE
        ),
        "config": {k: v for k, v in dataclasses.asdict(config).items() if k not in named},
        **workdir.origin(task.place.workdir),
    }


def curve(task: Task, name: str, n_updates: int) -> dict[str, Any]:
    """Returns where a rule stood when it was judged."""
    records = [r for r in metrics.read(task.place.metrics) if r.get("stage") == name]
    seconds = np.cumsum([record["learning_seconds"] for record in records])
    judged = [i for i, record in enumerate(records) if "log_p" in record]
    found: dict[str, Any] = {key: [records[i].get(key) for i in judged] for key in INTERVAL}
    updates = [(i + 1) * n_updates for i in judged]
    last = records[judged[-1]]
    first, *others = (f"{ABOVE}{key}" for key in INTERVAL)
    found["reverse"] = [last.get(key) for key in (first, *others)] if first in last else []
    found["doubts"] = judge.doubts(task.config, last)
    rate = rate_of(task.config, name)
    return found | {"rate": rate, "updates": updates, "seconds": seconds[judged].tolist()}


def draw(record: dict[str, Any]) -> Figure:
    """Draws what the rules reach against updates and against seconds, with 95 % intervals."""
    figure = Figure(figsize=(10.0, 4.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (key, label) in zip(panels, AXES.items(), strict=True):
        for name, found in record["rules"].items():
            log_p = np.array(found["log_p"])
            ends = np.array([found["low"], found["high"]], float)  # NaN where not known: no bar
            errors = np.abs(ends - log_p)
            line = panel.errorbar(found[key], log_p, errors, marker="o", markersize=4, capsize=2,
                                  linewidth=1.4, label=name)  # fmt: skip
            if found["reverse"]:
                panel.plot([found[key][-1]] * 2, [log_p[-1], found["reverse"][0]], linewidth=1.0,
                           color=line[0].get_color(), linestyle=":", marker="v", markersize=5,
                           fillstyle="none", markevery=[1])  # fmt: skip
        panel.set(xscale="log", xlabel=label)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(f"{of_rules(record)} (nats an image)")
    if any(found["reverse"] for found in record["rules"].values()):
        panels[0].plot([], [], "v", color="gray", fillstyle="none", label="by log Z from above")
    panels[0].legend(frameon=False)
    figure.suptitle(f"Learning rules, {record['model']}; pixels: {record['pixels']}")
    return figure


def table(record: dict[str, Any]) -> str:
    """Lays out where each rule ended, as text."""
    heading = f"{'rule':<14}{'rate':>8}{'updates':>10}{'seconds':>10}"
    lines = [
        f"{record['model']}; pixels: {record['pixels']}",
        f"{heading}   {of_rules(record):<32}log p, log Z from above",
    ]
    for name, found in record["rules"].items():
        end = statistics.interval([found[key][-1] for key in INTERVAL])
        above = statistics.interval(found["reverse"]) if found["reverse"] else ""
        numbers = f"{found['rate']:>8g}{found['updates'][-1]:>10}{found['seconds'][-1]:>10.1f}"
        lines.append(f"{name:<14}{numbers}   {end:<32}{above}".rstrip())
    doubts = [f"warning: {name}: {text}" for name, found in record["rules"].items()
              for text in found["doubts"]]  # fmt: skip
    return "\n".join([*lines, *doubts])


def of_rules(record: dict[str, Any]) -> str:
    """Names what a comparison of learning rules judged."""
    bound = "bound on log p" if record["below"] else "log p"
    return f"{bound} of {record['judged']} images"
