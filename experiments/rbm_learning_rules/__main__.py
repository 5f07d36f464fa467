"""Starts `python -m experiments.rbm_learning_rules`."""

from experiments import rbm_learning_rules
from experiments.common import program

__doc__ = rbm_learning_rules.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(rbm_learning_rules.run, rbm_learning_rules.Config)
