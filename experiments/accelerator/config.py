"""Options of `experiments.accelerator`, and what they are checked for."""

import dataclasses
from pathlib import Path
from typing import Any

from dbnjax import checks
from experiments.common.options import option
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import presets

SECTIONS = ("protocol", "kernels", "protocols", "precision")
PRESETS = presets.PRESETS | {"": presets.PAPER}


@dataclasses.dataclass(frozen=True)
class Config(dbn_config.Config):
    """The main job's options, the paper's by default, and those of the sections' own."""

    preset: str = option(
        "paper", "Recipe of the nets: paper, best, 16x16.", tuple(filter(None, presets.PRESETS))
    )
    save_every: int = option(100, "Epochs between checkpoints: a whole run may take a minute.")
    workdir: str = option("", "Folder of the temporary work directories; empty: the system's.")
    steps: int = option(440, "Minibatches in an epoch of kernels.")
    n_protocols: int = option(64, "Nets of protocols that learn together.")
    sections: tuple[str, ...] = option(SECTIONS, f"What is measured: some of {','.join(SECTIONS)}.")
    output: str = option("runs/accelerator.json", "JSON file that sections are written to.")


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is measured."""
    unknown = [name for name in config.sections if name not in SECTIONS]
    checks.require(
        bool(config.sections) and not unknown,
        f"--sections: expected some of {', '.join(SECTIONS)}, got {', '.join(unknown) or 'none'}",
    )
    checks.check_count("--steps", config.steps, 2)
    checks.check_count("--n_protocols", config.n_protocols, 1)
    checks.require(config.labels, "--labels: expected labels, whose errors are compared, got none")
    checks.require(
        sum(config.up_down_epochs) > 0,
        f"--up_down_epochs: expected one epoch or more in all, got {config.up_down_epochs}",
    )


def main_job(config: Config, workdir: Path, **changes: Any) -> dbn_config.Config:
    """Returns the options of a run of the main job."""
    names = [field.name for field in dataclasses.fields(dbn_config.Config)]
    values = {name: getattr(config, name) for name in names}
    return dbn_config.Config(**{**values, "workdir": str(workdir), **changes})
