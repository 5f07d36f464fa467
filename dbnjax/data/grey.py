"""Colour turned to grey."""

import numpy as np

GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
"""Luma of red, green and blue: Recommendation ITU-R BT.601."""


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """Turns colour pixels uint8 `[..., 3]` into grey ones uint8 `[...]` by the ITU-601 weights."""
    return np.rint(pixels @ GREY_WEIGHTS).astype(np.uint8)
