"""Starts `python -m experiments.accelerator`."""

from experiments import accelerator
from experiments.accelerator.config import PRESETS
from experiments.common import program

__doc__ = accelerator.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(accelerator.run, accelerator.Config, PRESETS)
