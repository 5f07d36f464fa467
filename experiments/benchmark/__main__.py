"""Starts `python -m experiments.benchmark`."""

from experiments import benchmark
from experiments.common import program

__doc__ = benchmark.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(benchmark.run, benchmark.Config)
