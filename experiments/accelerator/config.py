"""Options of `experiments.accelerator`, and what they are checked for."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from dbnjax import checks
from experiments.common.options import HOW, PLACE, Presets, option
from experiments.mnist_dbn import config as dbn_config

SECTIONS = ("protocol", "kernels", "protocols", "precision")


@dataclasses.dataclass(frozen=True)
class Config(dbn_config.Config):
    """`mnist_dbn`'s options, the paper's by default, and those of the sections' own."""

    PRESETS: ClassVar[Presets] = dbn_config.PRESETS | {"": dbn_config.PAPER}

    preset: str = option(
        "paper", "Recipe of the nets: paper, best, 16x16.", tuple(filter(None, dbn_config.PRESETS))
    )
    save_every: int = option(
        100, "Epochs between checkpoints: a whole run may take a minute.", least=1, role=HOW
    )
    workdir: str = option(
        "", "Folder of the temporary work directories; empty: the system's.", role=PLACE
    )
    steps: int = option(440, "Minibatches in an epoch of kernels.", least=2)
    n_protocols: int = option(64, "Nets of protocols that learn together.", least=1)
    sections: tuple[str, ...] = option(
        SECTIONS, f"What is measured: some of {','.join(SECTIONS)}.", some_of=SECTIONS
    )
    output: str = option(
        "runs/accelerator.json", "JSON file that sections are written to.", role=PLACE
    )

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is measured."""
        super().check_options()
        checks.require(
            self.labels, "--labels: expected labels, whose errors are compared, got none"
        )
        checks.require(
            sum(self.up_down_epochs) > 0,
            f"--up_down_epochs: expected one epoch or more in all, got {self.up_down_epochs}",
        )


def main_job(config: Config, workdir: Path, **changes: Any) -> dbn_config.Config:
    """Returns the options of a run of `mnist_dbn`."""
    names = [field.name for field in dataclasses.fields(dbn_config.Config)]
    values = {name: getattr(config, name) for name in names}
    return dbn_config.Config(**{**values, "workdir": str(workdir), **changes})
