"""Options of `experiments.sweep`."""

import dataclasses

from experiments.common.options import option
from experiments.mnist_dbn import config as dbn_config


@dataclasses.dataclass(frozen=True)
class Config(dbn_config.Config):
    """The main job's options and the sweep's own; each is a flag."""

    workdir: str = option("runs/sweep", "Folder for all that the run writes.")
    grid: str = option("", "What varies: name=value,value;name=value of the flags here.")
    output: str | None = option(None, "JSON file of the table; else sweep.json in the workdir.")
    together: str = option(
        "auto", "All members in one program; auto: on an accelerator.", ("auto", "yes", "no")
    )
