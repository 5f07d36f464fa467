"""`mnist_dbn` at the size of a test."""

from pathlib import Path

from dbnjax.training import metrics
from experiments.mnist_dbn.config import TINY, Config

EPOCHS = {"rbm_1": 2, "rbm_2": 2, "up_down_1": 1, "up_down_2": 1}


def config(folder: Path, workdir: Path, **changes) -> Config:
    """The smallest run, whose programs are compiled once for many tests, up to up-down."""
    places = {"dataset": "mnist", "data_dir": str(folder), "workdir": str(workdir)}
    ends = {"memory_epochs": 2, "all_epochs": 0, "tail_epochs": 0, "baselines": False}
    return Config(**{**TINY, **places, **ends, **changes})


def epochs_of(workdir: Path) -> list[tuple[str, int]]:
    """The stages and epochs that a run has recorded."""
    records = metrics.read(workdir / "metrics.jsonl")
    return [(r["stage"], r["epoch"]) for r in records if "epoch" in r]
