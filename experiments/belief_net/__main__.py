"""Starts `python -m experiments.belief_net`."""

from experiments.common import program

if __name__ == "__main__":
    program.start(__package__)
