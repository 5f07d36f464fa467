"""Named recipes of the main job: what each sets in the place of the flags' own defaults."""

from typing import Any

PAPER: dict[str, Any] = {
    "dataset": "mnist",
    "layers": (500, 500, 2000),
    "labels": True,
    "batch_size": 100,
    "pixels": "mean",
    "data_biases": False,
    "k": 1,
    "greedy_features": "mean",
    "greedy_epochs": 30,
    "greedy_rate": 0.1,
    "greedy_momentum": 0.9,
    "memory_rule": "cd",
    "memory_features": "mean",
    "memory_epochs": 30,
    "memory_rate": 0.1,
    "memory_momentum": 0.9,
    "early_momentum": 0.5,
    "schedule": "linear",
    "decay": 2e-4,
    "up_down_epochs": (100, 100, 100),
    "up_down_steps": (3, 6, 10),
    "up_down_rate": 0.02,
    "up_down_schedule": "linear",
    "up_down_momentum": 0.0,
    "up_down_decay": 0.0,
    "up_down_labels": "mean",
    "up_down_statistics": "sample",
    "all_epochs": 59,  # what the paper took
    "all_rate": 0.02,
    "all_schedule": "linear",
    "all_momentum": 0.0,
    "baselines": False,
}
"""The 2006 protocol (section 6.1); rates, momentum and decay, which it does not print, are ours."""

BEST: dict[str, Any] = PAPER | {
    "batch_size": 50,
    "pixels": "sample",
    "data_biases": True,
    "greedy_features": "sample",
    "greedy_epochs": 40,
    "memory_features": "sample",
    "memory_epochs": 80,
    "decay": 5e-5,
    "up_down_epochs": (10,),
    "up_down_steps": (10,),
    "up_down_rate": 0.05,
    "up_down_statistics": "mean",
    "all_epochs": 20,
    "all_rate": 0.03,
}
"""What validation found: binary samples as the data of every machine, falling rates, and in
up-down ten Gibbs iterations from the start with means in the memory's statistics."""

SMALL: dict[str, Any] = BEST | {
    "side": 16,
    "layers": (300, 300, 1200),
    "pixels": "mean",  # so few pixels cannot afford the noise of samples
    "greedy_features": "mean",
    "greedy_epochs": 20,
    "memory_epochs": 40,
    "all_epochs": 0,
}
"""The nets of footnote 6: images of 16 x 16, three fifths of the units; quick on all of MNIST."""

PRESETS: dict[str, dict[str, Any]] = {"": {}, "paper": PAPER, "best": BEST, "16x16": SMALL}
