"""Pictures that several experiments draw of what a net generates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import figures
from dbnjax.data import classes as classes_lib
from dbnjax.inference import generate
from dbnjax.models import dbn as dbn_lib
from dbnjax.scoring import chains
from dbnjax.types import Array, Key
from experiments.common import nets
from experiments.common.nets import Net

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # for which `--help` need not wait

FILM_STEPS = 1000  # iterations between two looks at a chain that begins with noise (figure 8)
FROM_RANDOM_STEPS = 20  # and with a random image (figure 9)


def as_images(net: Net, pixels: np.ndarray) -> np.ndarray:
    """Gives pixels `[..., n_pixels]` their height and width; real units are cut to [0, 1]."""
    return np.clip(pixels, 0.0, 1.0).reshape(*pixels.shape[:-1], *net.shape)


def label_states(net: Net, digits: Sequence[str] | None = None) -> tuple[Array, list[str]]:
    """Returns one-of-K states of classes, `[n, n_labels]`, and the names of these classes.

    Args:
      net: a net with labels.
      digits: names of classes, each as often as it is wanted; None for every class once.

    Raises:
      InputError: the net has no labels, or none of such a name.
    """
    classes = nets.classes(net, dbn_lib.label_unit(net.dbn.memory).size)
    rows = classes_lib.find("--digits", classes, classes.names if digits is None else digits)
    return jnp.eye(len(classes.names))[rows], [classes.names[row] for row in rows]


def clamped_chains(
    key: Key,
    net: Net,
    n_looks: int,
    from_random: bool = False,
    n_steps: int = 0,
    digits: Sequence[str] | None = None,
) -> "tuple[np.ndarray, Figure]":
    """Looks at one chain per class again and again, its label clamped.

    Args:
      key: a PRNG key.
      net: a net with labels.
      n_looks: images of each chain.
      from_random: whether the chains begin with an up-pass of a random binary image, which is shown
        first (figure 9), in the place of noise (figure 8).
      n_steps: Gibbs iterations between two looks; 0: as in the paper's figure.
      digits: as of `label_states`.

    Returns:
      The images `[n_rows, n_looks, height, width]` in [0, 1], and their figure.
    """
    labels, names = label_states(net, digits)
    key_image, key_start, key_film = jax.random.split(key, 3)
    n_steps = n_steps or (FROM_RANDOM_STEPS if from_random else FILM_STEPS)
    times = n_steps * np.arange(1, n_looks + 1)
    start = "a start from noise"
    if from_random:
        start = "an up-pass of a random binary image, shown first"
        times -= n_steps
        pixels = jax.random.bernoulli(key_image, 0.5, (len(labels), nets.count_pixels(net.dbn)))
        state = generate.start_at_images(key_start, net.dbn, pixels.astype(jnp.float32), labels)
    else:
        state = generate.start_at_random(key_start, net.dbn, len(labels))
    _, seen = chains.film(key_film, net.dbn, state, times, generate.label_clamp(net.dbn, labels))
    images = as_images(net, np.stack(seen, axis=1))
    figure = figures.image_rows(
        images,
        names,
        [str(time) for time in times],
        title="Samples of the net, one class and one chain per row",
        caption="Label clamped; above each column the Gibbs iterations of the associative memory "
        f"since {start}. Pixel probabilities after one down-pass.",
    )
    return images, figure
