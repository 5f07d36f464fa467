"""Pictures that several experiments draw: of test cases, and of what a net generates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import figures
from dbnjax.data import classes as classes_lib
from dbnjax.data.images import Images
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
CLOSE = 0.3  # between the two best probabilities (figure 7)
N_HARD = 50  # digits of `hard`


def errors(test: Images, probabilities: np.ndarray, names: Sequence[str]) -> "Figure":
    """Draws every test case that the net gets wrong, by true class (figure 6).

    Args:
      test: labelled images.
      probabilities: `[n, n_classes]`.
      names: of the classes, in their order.
    """
    labels, guesses = test.known_labels(), probabilities.argmax(-1)
    wrong = in_scan_order(guesses != labels, labels)
    return figures.gallery(
        test.pixels[wrong] / 255.0,
        [f"{names[labels[i]]}\u2192{names[guesses[i]]}" for i in wrong],
        title=f"All {len(wrong)} errors of {len(labels)} test cases by true class "
        "(true\u2192guess)",
    )


def close_calls(test: Images, probabilities: np.ndarray, names: Sequence[str]) -> "Figure":
    """Draws the right guesses whose second best probability is close to the best (figure 7)."""
    labels = test.known_labels()
    best, second = np.argsort(-probabilities, axis=-1, kind="stable")[:, :2].T
    ordered = -np.sort(-probabilities, axis=-1)
    right = best == labels
    close = in_scan_order(right & (ordered[:, 0] - ordered[:, 1] <= CLOSE), labels)
    return figures.gallery(
        test.pixels[close] / 255.0,
        [f"{names[best[i]]}, {names[second[i]]}" for i in close],
        title=f"All {len(close)} right guesses, of {right.sum()}, whose second best probability is "
        f"within {CLOSE} of the best (best guess, second guess)",
    )


def in_scan_order(chosen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the indices of the chosen cases by true class, each class in the test set's order."""
    cases = np.flatnonzero(chosen)
    return cases[np.argsort(labels[cases], kind="stable")]


def hard(test: Images, probabilities: np.ndarray, names: Sequence[str]) -> "Figure":
    """Draws the right guesses that the net is least sure of, by class (figure 2 of TR 2006-004)."""
    labels = test.known_labels()
    sure, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    least = np.argsort(np.where(right, sure, np.inf), kind="stable")[: min(N_HARD, right.sum())]
    chosen = np.zeros(len(labels), bool)
    chosen[least] = True
    cases = in_scan_order(chosen, labels)
    return figures.gallery(
        test.pixels[cases] / 255.0,
        [f"{names[labels[i]]}: {100 * sure[i]:.0f} %" for i in cases],
        title=f"The {len(cases)} hardest test digits that it gets right, of {right.sum()}: class "
        "and the probability that it gives it",
        columns=10,
    )


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
        title="What the net has in mind, one class and one chain a row",
        caption="Label clamped; above each column the Gibbs iterations of the associative memory "
        f"since {start}. Pixel probabilities after one down-pass.",
    )
    return images, figure
