"""Pictures of what a classifier gets wrong, and of what it gets right with little to spare."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from dbnjax.data.images import Images
from dbnjax.figures.images import gallery

CLOSE = 0.3  # between the two best probabilities (figure 7 of the 2006 paper)
N_HARD = 50  # cases of `hard`


def errors(test: Images, probabilities: np.ndarray, names: Sequence[str]) -> Figure:
    """Draws every test case that the net gets wrong, by true class (figure 6 of the paper).

    Args:
      test: labelled images.
      probabilities: `[n, n_classes]`.
      names: of the classes, in their order.
    """
    labels, guesses = test.known_labels(), probabilities.argmax(-1)
    wrong = in_scan_order(guesses != labels, labels)
    return gallery(
        test.pixels[wrong] / 255.0,
        [f"{names[labels[i]]}\u2192{names[guesses[i]]}" for i in wrong],
        title=f"All {len(wrong)} errors of {len(labels)} test cases by true class "
        "(true\u2192guess)",
    )


def close_calls(test: Images, probabilities: np.ndarray, names: Sequence[str]) -> Figure:
    """Draws the right guesses whose second best probability is close to the best (figure 7)."""
    labels = test.known_labels()
    best, second = np.argsort(-probabilities, axis=-1, kind="stable")[:, :2].T
    ordered = -np.sort(-probabilities, axis=-1)
    right = best == labels
    close = in_scan_order(right & (ordered[:, 0] - ordered[:, 1] <= CLOSE), labels)
    return gallery(
        test.pixels[close] / 255.0,
        [f"{names[best[i]]}, {names[second[i]]}" for i in close],
        title=f"All {len(close)} right guesses, of {right.sum()}, whose second best probability is "
        f"within {CLOSE} of the best (best guess, second guess)",
    )


def in_scan_order(chosen: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the indices of the chosen cases by true class, each class in the test set's order."""
    cases = np.flatnonzero(chosen)
    return cases[np.argsort(labels[cases], kind="stable")]


def hard(test: Images, probabilities: np.ndarray, names: Sequence[str]) -> Figure:
    """Draws the right guesses that the net is least sure of, by class (figure 2 of TR 2006-004)."""
    labels = test.known_labels()
    sure, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    least = np.argsort(np.where(right, sure, np.inf), kind="stable")[: min(N_HARD, right.sum())]
    chosen = np.zeros(len(labels), bool)
    chosen[least] = True
    cases = in_scan_order(chosen, labels)
    return gallery(
        test.pixels[cases] / 255.0,
        [f"{names[labels[i]]}: {100 * sure[i]:.0f} %" for i in cases],
        title=f"The {len(cases)} hardest test digits that it gets right, of {right.sum()}: class "
        "and the probability that it gives it",
        columns=10,
    )
