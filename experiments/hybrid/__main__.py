"""Starts `python -m experiments.hybrid`."""

from experiments import hybrid
from experiments.common import program

__doc__ = hybrid.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(hybrid.run, hybrid.Config)
