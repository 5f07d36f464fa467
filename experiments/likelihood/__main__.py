"""Starts `python -m experiments.likelihood`."""

from experiments import likelihood
from experiments.common import program

__doc__ = likelihood.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(likelihood.run, likelihood.Config)
