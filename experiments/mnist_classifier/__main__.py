"""Starts `python -m experiments.mnist_classifier`."""

from experiments import mnist_classifier
from experiments.common import program
from experiments.mnist_classifier import config as classifier_config

__doc__ = mnist_classifier.__doc__  # what --help begins with

if __name__ == "__main__":
    program.launch(mnist_classifier.run, mnist_classifier.Config, classifier_config.PRESETS)
