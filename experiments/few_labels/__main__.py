"""Starts `python -m experiments.few_labels`."""

from experiments.common import program

if __name__ == "__main__":
    program.start(__package__)
