"""How intensities become the states of binary pixels: every printed likelihood names its way.

- "threshold": 1 where the intensity is above one half.
- "fixed": drawn once with the intensity as probability, from a stored seed.
- "resampled": drawn anew at each presentation.
- "real": the intensities stand for themselves: values of real units, probabilities of binary ones.

Numbers of two ways cannot be compared: thresholded digits are simpler than drawn ones, and
intensities are no states, so that what a model of binary units says of them is no log-probability.

The fixed draws must be the same on every machine and with every version. NumPy keeps that promise
for the raw words of PCG64, not for what its `Generator` makes of them: these are compared in whole
numbers here. n: images, h, w: height and width in pixels.
"""

import numpy as np

from dbnjax.checks import require

WAYS = ("threshold", "fixed", "resampled", "real")
PARTS = ("train", "validation", "test")


def stored(pixels: np.ndarray, way: str, seed: int, part: str) -> np.ndarray:
    """Returns images as they are kept: 0 and 255 where a way decides once, or else unchanged.

    Args:
      pixels: uint8 `[n, h, w]`, 0 to 255.
      way: one of `WAYS`.
      seed: of the fixed draws, not negative.
      part: one of `PARTS`, which have draws of their own; image i has the same ones in any number
        of images. Give the arrays as their publishers divided them, "train" and "test": drawn
        after a split, an image would depend on where the split puts it.

    Returns:
      uint8 of the same shape.

    Raises:
      InputError: the pixels have another type, or there is no such way or part.

    Example:
      >>> stored(np.array([[[0, 127, 128, 255]]], np.uint8), "threshold", 0, "test").tolist()
      [[[0, 0, 255, 255]]]
    """
    require(
        pixels.dtype == np.uint8,
        f"pixels: expected uint8 from 0 to 255, got {pixels.dtype}; they may be scaled already",
    )
    require(way in WAYS, f"binarisation: expected one of {', '.join(WAYS)}, got {way!r}")
    if way == "threshold":
        return np.where(pixels > 127, 255, 0).astype(np.uint8)
    return draw(pixels, seed, part) if way == "fixed" else pixels


def presented(pixels: np.ndarray, way: str, seed: int, part: str) -> np.ndarray:
    """Returns images as they are judged: as stored, "resampled" ones as one presentation of them.

    Args:
      pixels: what `stored` returned.
      way: the same.
      seed: of this presentation.
      part: the same.
    """
    return draw(pixels, seed, part) if way == "resampled" else pixels


def draw(pixels: np.ndarray, seed: int, part: str) -> np.ndarray:
    """Draws each pixel once, 255 with the probability `pixel / 255`, or else 0.

    Args:
      pixels: uint8 `[n, h, w]`.
      seed: not negative.
      part: one of `PARTS`.

    Raises:
      InputError: the seed is negative or there is no such part.
    """
    require(seed >= 0, f"seed of the binarisation: expected 0 or more, got {seed}")
    require(part in PARTS, f"part: expected one of {', '.join(PARTS)}, got {part!r}")
    words = np.random.PCG64([seed, PARTS.index(part)])
    drawn = np.empty_like(pixels)
    for image, states in zip(pixels, drawn, strict=True):
        bits = words.random_raw(image.size).reshape(image.shape) >> np.uint64(40)
        states[:] = np.where(255 * bits < image.astype(np.uint64) << np.uint64(24), 255, 0)
    return drawn
