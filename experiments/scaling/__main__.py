"""Starts `python -m experiments.scaling`."""

from experiments import scaling
from experiments.common import program

__doc__ = scaling.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(scaling.run, scaling.Config)
