"""Starts `python -m experiments.rbm_learning_rules`."""

from experiments.common import program

if __name__ == "__main__":
    program.start(__package__)
