"""Starts `python -m experiments.three_ideas`."""

from experiments.common import program

if __name__ == "__main__":
    program.start(__package__)
