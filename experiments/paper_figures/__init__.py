"""Draws the figures of the 2006 paper, and what else there is to see, from a saved net.

    python -m experiments.paper_figures --net=net.safetensors --data_dir=FOLDER --output=figures

writes PNG files:

receptive_fields  what the first hidden units listen to (TR 2006-004, figure 3)
errors            every test error, by true class, with the guess (figure 6)
close_calls       right guesses whose second best probability is within 0.3 of the best (figure 7)
samples           ten samples of each class, label clamped, 1,000 iterations apart (figure 8)
from_random       clamped chains from a random image, looked at every 20 iterations (figure 9)
free              the memory running freely, its own label beneath each image
units_1, ...      what single units of each hidden layer generate
error             training and validation error after each epoch of up-down, from the net's record
hard              the right guesses that a classifier is least sure of (TR 2006-004, figure 2)

What the net or the options do not allow is skipped with a line that says why: errors, close_calls
and hard need --data_dir, a folder of IDX files with the test set; a classifier draws no samples.
784-500-500-2000 on two CPU cores: 40 s for the whole set.

    python -m experiments.paper_figures --net=mnist_classifier --data_dir=FOLDER --only=hard

draws the last of them from the classifier that comes with dbnjax.
"""

from experiments import exports

__getattr__ = exports(__name__)
