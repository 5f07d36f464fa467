"""How soon nets that are tuned in different ways fit their training cases, for RESULTS.md."""

from typing import Any

from experiments.results_files import Source
from experiments.results_markdown import NONE, duration, table, wrap

TARGETS = (0.03, 0.01, 0.005)  # nats
ABOUT = (
    "Net 1 from its stack under the report's recipe and under other ways to tune it (what each "
    "sets stands in its command): epochs and wall time, validation included, until the "
    "cross-entropy of an epoch's training cases is at most so many nats. Time to compile is in the "
    "first epoch."
)


def sections(runs: list[Source]) -> list[str]:
    """The table, nothing without at least two runs that have their start and their cases alike."""
    plain = [run for run in runs if _plain(run.record["config"])]
    header = ["net", *(f"at most {target:g}" for target in TARGETS)]
    rows = [[run.name, *(_soon(run.record["nets"][0], t) for t in TARGETS)] for run in plain]
    return ["### How soon they fit", wrap(ABOUT), table(header, rows)] if len(rows) > 1 else []


def _plain(config: dict[str, Any]) -> bool:
    noise = config["reach"] or config["drop_visible"] or config["drop_hidden"]
    return config["start"] == "pretrained" and not noise


def _soon(net: dict[str, Any], target: float) -> str:
    seconds = 0.0
    tuning = (epoch for epoch in net["epochs"] if epoch["stage"] == "tuning")
    for number, epoch in enumerate(tuning, start=1):
        seconds += epoch["seconds"]
        if epoch["training_cost"] <= target:
            return f"{number}, {duration(seconds)}"
    return NONE
