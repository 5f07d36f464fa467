"""How soon nets that are tuned in different ways fit their training cases, for RESULTS.md."""

import statistics
from typing import Any

from experiments.common.record_files import Source
from experiments.common.tables import NONE, duration, table, wrap

TARGETS = (0.03, 0.01, 0.005)  # nats
ABOUT = (
    "Net 1 from its stack under the report's recipe and under other ways to tune it (what each "
    "sets stands in its command): epochs, and so many times the median wall time of an epoch, "
    "validation included and compilation left out, until the cross-entropy of an epoch's training "
    "cases is at most so many nats."
)


def sections(runs: list[Source]) -> list[str]:
    """The table, nothing without at least two runs that have their start and their cases alike."""
    plain = [run for run in runs if _plain(run.record["config"])]
    plain = [run for run in plain if _begun(run.record) == _begun(plain[0].record)]
    header = ["net", *(f"at most {target:g}" for target in TARGETS)]
    rows = [[run.name, *(_soon(run.record["nets"][0], t) for t in TARGETS)] for run in plain]
    return ["### How soon they fit", wrap(ABOUT), table(header, rows)] if len(rows) > 1 else []


def _plain(config: dict[str, Any]) -> bool:
    noise = config["reach"] or config["drop_visible"] or config["drop_hidden"]
    return config["start"] == "pretrained" and not noise


def _begun(record: dict[str, Any]) -> tuple[Any, ...]:
    """What two runs share whose first nets have the same weights and the same cases at first."""
    config = record["config"]
    return record["seed"], config["split_seed"], config["folds"], record["pretraining"][:1]


def _soon(net: dict[str, Any], target: float) -> str:
    tuning = [epoch for epoch in net["epochs"] if epoch["stage"] == "tuning"]
    seconds = statistics.median(epoch["seconds"] for epoch in tuning)
    for number, epoch in enumerate(tuning, start=1):
        if epoch["training_cost"] <= target:
            return f"{number}, {duration(number * seconds)}"
    return NONE
