"""Starts `python -m experiments.sweep`."""

from experiments import sweep
from experiments.common import program
from experiments.mnist_dbn import presets

__doc__ = sweep.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(sweep.run, sweep.Config, presets.PRESETS)
