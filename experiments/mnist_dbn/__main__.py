"""Starts `python -m experiments.mnist_dbn`."""

from experiments import mnist_dbn
from experiments.common import program
from experiments.mnist_dbn import presets

__doc__ = mnist_dbn.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(mnist_dbn.run, mnist_dbn.Config, presets.PRESETS)
