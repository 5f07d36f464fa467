"""Starts `python -m experiments.few_labels`."""

from experiments import few_labels
from experiments.common import program

__doc__ = few_labels.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(few_labels.run, few_labels.Config)
