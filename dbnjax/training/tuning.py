"""What tuning by backpropagation learns from."""

import jax

from dbnjax.learning import backprop
from dbnjax.training import greedy, loop
from dbnjax.types import Array, Key


def cases(n_classes: int) -> loop.Prepare:
    """Makes the `prepare` function of tuning: intensities and one-of-K labels."""

    def prepare(key: Key, context: None, pixels: Array, labels: Array) -> backprop.Batch:
        del context
        visible = greedy.intensities(key, pixels, "mean")
        return backprop.Batch(visible, jax.nn.one_hot(labels, n_classes))

    return prepare
