"""The main job at the size of a test."""

import dataclasses
from pathlib import Path

from dbnjax.training import metrics
from experiments.mnist_dbn.config import Config

EPOCHS = {"rbm_1": 2, "rbm_2": 2, "rbm_3": 2, "up_down_1": 2, "up_down_2": 1}


def config(folder: Path, workdir: Path, **changes) -> Config:
    small = Config(
        dataset="mnist",
        data_dir=str(folder),
        workdir=str(workdir),
        n_train=20,
        n_validation=10,
        layers=(12, 10, 16),
        batch_size=10,
        greedy_epochs=2,
        memory_epochs=2,
        memory_chains=10,
        up_down_epochs=(2, 1),
        up_down_steps=(2, 3),
        n_gibbs=2,
        n_passes=2,
        baselines=False,
    )
    return dataclasses.replace(small, **changes)


def epochs_of(workdir: Path) -> list[tuple[str, int]]:
    records = metrics.read(workdir / "metrics.jsonl")
    return [(r["stage"], r["epoch"]) for r in records if "epoch" in r]
