"""Starts `python -m experiments.three_ideas`."""

from experiments import three_ideas
from experiments.common import program

__doc__ = three_ideas.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(three_ideas.run, three_ideas.Config)
