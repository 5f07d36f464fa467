"""Command lines of every experiment with values that nobody meant, up to the check of the options.

Nothing is learned: the doors end where a command has read its cases or begins to work.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import idx_files
import mutated_nets
import mutations
import numpy as np
from mutations import Rng

from dbnjax.data import sources
from dbnjax.training import sharding
from experiments import classify, explaining_away, generate
from experiments.accelerator import main as accelerator
from experiments.common import binarised, cases, program, stacks
from experiments.common import options as common_options
from experiments.comparators import config as comparators_config
from experiments.hybrid import config as hybrid_config
from experiments.likelihood import config as likelihood_config
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import presets
from experiments.rbm_learning_rules import config as rules_config
from experiments.sweep import members as sweep_members
from experiments.three_ideas import config as ideas_config

Options = Any


def learned(config: Options) -> None:
    dbn_config.check(config)
    with sharding.using(config.mesh, sharding.AXES):
        cases.read(config)


def swept(config: Options) -> None:
    sweep_members.check_together(sweep_members.make(config, config.grid))


def classified(config: Options) -> None:
    config.check_options()
    stacks.divide(config, sources.load(config.dataset, config.data_dir), config.folds)


def scored(config: Options) -> None:
    likelihood_config.check_options(config)
    binarised.read(config)


def ruled(config: Options) -> None:
    rules_config.check(config)
    binarised.read(config)


# What a command does with its options before it works; None: it works at once.
BEGIN: dict[str, Callable[[Options], Any] | None] = {
    "accelerator": accelerator.check,
    "benchmark": None,
    "classify": classify.run,
    "comparators": comparators_config.check,
    "explaining_away": explaining_away.run,
    "few_labels": common_options.Options.check_options,
    "generate": generate.run,
    "hybrid": hybrid_config.check,
    "likelihood": scored,
    "mnist_classifier": classified,
    "mnist_dbn": learned,
    "paper_figures": None,
    "rbm_learning_rules": ruled,
    "results": None,
    "results_charts": None,
    "scaling": None,
    "shifted_digits": None,
    "ship": None,
    "sweep": swept,
    "three_ideas": ideas_config.check,
}
PRESETS = {
    "accelerator": presets.PRESETS,
    "mnist_dbn": presets.PRESETS,
    "sweep": presets.PRESETS,
}
# Flags that stay as they are: what they name is read, written or worked at for long.
FIXED = ("output", "net", "data_dir", "images", "dataset", "n_steps", "n_samples", "n_gibbs")


def words(rng: Rng, config: type, folder: Path) -> list[str]:
    """A few flags of a command, most of them its own, and now and then something else."""
    names = [name for name in config.__dataclass_fields__ if name not in FIXED]
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
    name = str(rng.choice(list(BEGIN)))
    config = importlib.import_module(f"experiments.{name}").Config
    given = words(rng, config, folder)
    sound = {"net": mutated_nets.file(folder, "dbn"), "data_dir": str(folder), "dataset": "mnist"}
    sound |= {"output": str(folder / "a.npy"), "n_steps": 2, "n_samples": 2, "n_gibbs": 2}
    pixels = np.arange(12 * 16, dtype=np.uint8).reshape(12, 4, 4)
    for prefix in ("train", "t10k"):
        idx_files.write_idx(folder / f"{prefix}-images-idx3-ubyte", pixels)
        idx_files.write_idx(folder / f"{prefix}-labels-idx1-ubyte", np.arange(12) % 3)
    fields = config.__dataclass_fields__
    given += [f"--{flag}={value}" for flag, value in sound.items() if flag in fields]
    return f"{name} {given!r}", lambda: begin(name, config, given)


def begin(name: str, config: type, given: list[str]) -> None:
    """Parses a command line as `common.program.launch` does, among no other command's flags."""
    try:
        common_options.define(config)
        left = program.parse(["experiment", *given])
        program.checks.require(len(left) == 1, f"unexpected arguments: {left[1:]}")
        options = common_options.from_flags(config, PRESETS.get(name, common_options.NO_PRESETS))
    finally:
        for flag in [one for one in config.__dataclass_fields__ if one in common_options.FLAGS]:
            delattr(common_options.FLAGS, flag)
        common_options.FLAGS.unparse_flags()
    door = BEGIN[name]
    if door is not None:
        door(options)
