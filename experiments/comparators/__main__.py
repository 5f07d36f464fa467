"""Starts `python -m experiments.comparators`."""

from experiments import comparators
from experiments.common import program

__doc__ = comparators.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(comparators.run, comparators.Config)
