"""The accelerator's options at the size of a test, and its tables read."""

import dataclasses

import small_job

from experiments import accelerator

SIZES = {"layers": (8, 6), "greedy_epochs": 1, "memory_epochs": 1}
TUNED = {"up_down_epochs": (2,), "up_down_steps": (1,)}
OWN = {"steps": 3, "rounds": 1, "members": (1, 3), "triad_mb": 1}


def config(folder, place, **changes):
    """Options of sections of seconds, on IDX files of a folder."""
    job = dataclasses.asdict(small_job.config(folder, place / "work", **SIZES, **TUNED))
    own = {**OWN, "preset": "paper", "n_protocols": 2, "output": str(place / "found.json")}
    return accelerator.Config(**{**job, **own, **changes})


def row(found, name):
    """The cells beside a name in what a section found."""
    (cells,) = [cells for cells in found.rows if cells[0] == name]
    return cells[1:]
