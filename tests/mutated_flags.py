"""Command lines of every experiment with values that nobody meant, up to the check of the options.

Nothing is learned: the doors end where a command has read its cases and begins to work.
"""

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import command_lines
import idx_files
import mutated_nets
import mutations
import numpy as np
from mutations import Rng

from dbnjax import checks
from experiments import registry
from experiments.common import options, program, workdir

# Experiments whose whole run is short; others end where they make a work directory, or have none.
SHORT = ("classify", "explaining_away", "generate")
# Flags that stay as they are: what they name is read, written or worked at for long.
FIXED = ("output", "net", "data_dir", "images", "dataset", "n_steps", "n_samples", "n_gibbs")


class BegunError(Exception):
    """A command begins to work."""


def words(rng: Rng, names: list[str], folder: Path) -> list[str]:
    """A few flags of a command, most of them its own, and now and then something else."""
    names = [name for name in names if name not in FIXED]
    given = []
    for name in rng.choice(names, min(len(names), int(rng.integers(1, 4)))):
        value = mutations.strange_word(rng)
        given.append(value if rng.random() < 0.02 else f"--{name}={value}")
    if rng.random() < 0.1:
        file = folder / "flags"
        file.write_bytes(mutations.damaged_bytes(rng, b"--seed=1\n--seed=2\n")[0])
        odd = ["--", "-", "--=", "--no", "---seed=1", "--seed", f"--flagfile={file}", "--noseed"]
        given.insert(0, odd[rng.integers(len(odd))])
    return given


def command_line(rng: Rng, folder: Path) -> tuple[str, Callable[[], Any]]:
    """An experiment's command line as it is parsed, and what is done with it."""
    experiment = registry.find(str(rng.choice(registry.names())))
    names = [field.name for field in dataclasses.fields(experiment.config)]
    given = words(rng, names, folder)
    sound = {"net": mutated_nets.file(folder, "dbn"), "data_dir": str(folder), "dataset": "mnist"}
    sound |= {"output": str(folder / "a.npy"), "n_steps": 2, "n_samples": 2, "n_gibbs": 2}
    pixels = np.arange(12 * 16, dtype=np.uint8).reshape(12, 4, 4)
    for prefix in ("train", "t10k"):
        idx_files.write_idx(folder / f"{prefix}-images-idx3-ubyte", pixels)
        idx_files.write_idx(folder / f"{prefix}-labels-idx1-ubyte", np.arange(12) % 3)
    given += [f"--{flag}={value}" for flag, value in sound.items() if flag in names]
    return f"{experiment.name} {given!r}", lambda: begin(experiment, given)


def begin(experiment: registry.Experiment, given: list[str]) -> None:
    """Parses a command line as `common.program.launch` does, and runs it until it works."""
    try:
        options.define(experiment.config)
        left = program.parse(["experiment", *given])
        checks.require(len(left) == 1, f"unexpected arguments: {left[1:]}")
        config = options.from_flags(experiment.config)
    finally:
        command_lines.forget(experiment.config)
    config.check_options()
    if experiment.name not in SHORT and experiment.tiny is None:
        return
    begins = mock.patch.object(workdir, "begin", side_effect=BegunError)
    with begins, contextlib.suppress(BegunError):
        experiment.run(config)
