"""What the ink of images looks like, so that a net can tell images unlike those it learned from.

A net gives inverted or transposed digits a class as it does any other image. Two things give them
away. The mean intensity of inverted images lies outside that of every single image learned from.
And transposed ones are, on average, nearer to the transposed mean image: with the mean image M of
those learned from, the projection of an image x on M - g(M), for a turn or reflection g, has a mean
a > 0 over images as they were and -a over images turned by g.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

MARGIN = 0.8  # beyond the darkest and the brightest image learned from
FEWEST = 10  # images whose orientation is judged
CLEAR = 0.6  # of the way to the images turned round, at which they are taken for such
SURE = 3.5  # standard errors
POWER = 0.5  # least a, in standard deviations of the projections: else orientation shows too little

Turn = Callable[[np.ndarray], np.ndarray]
TURNS: dict[str, Turn] = {
    "mirrored": lambda x: x[..., :, ::-1],
    "upside down": lambda x: x[..., ::-1, :],
    "turned by 180 degrees": lambda x: x[..., ::-1, ::-1],
}
TURNS_OF_SQUARES: dict[str, Turn] = {
    "transposed, as EMNIST's files are": lambda x: x.swapaxes(-1, -2),
    "turned to the left": lambda x: np.rot90(x, 1, (-2, -1)),
    "turned to the right": lambda x: np.rot90(x, 3, (-2, -1)),
    "transposed and turned": lambda x: np.rot90(x.swapaxes(-1, -2), 2, (-2, -1)),
}


def record(pixels: np.ndarray) -> dict[str, Any]:
    """Returns what a net remembers of the images that it learned from, JSON-able.

    Args:
      pixels: uint8 `[n, h, w]`.

    Returns:
      `mean`, the mean image in whole numbers from 0 to 255, and `range`, the mean intensities of
      the darkest and of the brightest image.
    """
    means = pixels.mean((1, 2))
    return {
        "mean": np.rint(pixels.mean(0)).astype(int).tolist(),
        "range": [float(means.min()), float(means.max())],
    }


def doubt(metadata: dict[str, Any], pixels: np.ndarray) -> str | None:
    """Says in what way images are unlike those that a net learned from, None if they are alike.

    Args:
      metadata: of the net; without what `record` returned, as its `ink`, nothing is said.
      pixels: uint8 `[n, h, w]`, of the net's own size.
    """
    known = metadata.get("ink")
    if not isinstance(known, dict):
        return None
    try:
        mean, (low, high) = np.array(known.get("mean"), float), map(float, known.get("range", ()))
    except (TypeError, ValueError, OverflowError):  # another program's
        return None
    if mean.shape != pixels.shape[1:] or not 0 <= low <= high <= 255:
        return None
    return _intensity(low, high, float(pixels.mean())) or _orientation(mean, pixels)


def _intensity(low: float, high: float, found: float) -> str | None:
    if MARGIN * low <= found <= high / MARGIN:
        return None
    said = (
        f"mean intensity {found / 255:.3f}, while single images that the net learned from had "
        f"{low / 255:.3f} to {high / 255:.3f}"
    )
    inverted = low <= 255 - found <= high
    return said + ("; they look inverted: dark ink on a bright ground" if inverted else "")


def _orientation(mean: np.ndarray, pixels: np.ndarray) -> str | None:
    if len(pixels) < FEWEST:
        return None
    square = mean.shape[0] == mean.shape[1]
    own = pixels.mean(0)
    turned = {
        name: float((turn(mean) * own).sum())
        for name, turn in (TURNS | (TURNS_OF_SQUARES if square else {})).items()
        if _is_turned(mean, turn(mean), pixels)
    }
    if not turned:
        return None
    likeliest = max(turned, key=lambda name: turned[name])
    return f"on average nearer to the net's images {likeliest}, as images of one class alone may be"


def _is_turned(mean: np.ndarray, other: np.ndarray, pixels: np.ndarray) -> bool:
    """Says whether images are clearly those whose mean image is the other one."""
    direction = (mean - other).ravel()
    expected = float(mean.ravel() @ direction)
    seen = pixels.reshape(len(pixels), -1) @ direction
    spread, found = float(seen.std()), float(seen.mean())
    error = spread / len(pixels) ** 0.5
    return (
        expected > POWER * spread and found + error < -CLEAR * expected and found + SURE * error < 0
    )
