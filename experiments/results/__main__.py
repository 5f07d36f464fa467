"""Starts `python -m experiments.results`."""

from experiments import results
from experiments.common import program

__doc__ = results.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(results.run, results.Config)
