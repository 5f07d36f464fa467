"""Starts `python -m experiments.paper_figures`."""

from experiments.common import program

if __name__ == "__main__":
    program.start(__package__)
