"""Images shifted by a pixel or two, made on the device (TR 2006-004, "geometric prior knowledge").

Shifts of up to two pixels, counted along the edges, are thirteen: the image itself and 12 extra
versions. Each time that a case is learned from it is one of them, so that in the mean all are seen
equally often, and no copy of the data is kept. Pixels that come in at an edge are blank.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.training.loop import Prepare
from dbnjax.types import Array, Key, PyTree


def shifts(reach: int) -> list[tuple[int, int]]:
    """Returns all shifts (down, right) of at most `reach` steps along the edges, none first."""
    steps = range(-reach, reach + 1)
    found = [(down, right) for down in steps for right in steps if abs(down) + abs(right) <= reach]
    return sorted(found, key=lambda shift: abs(shift[0]) + abs(shift[1]))


def sources(shape: Sequence[int], moved: Sequence[tuple[int, int]]) -> np.ndarray:
    """Returns where each pixel of each shifted image comes from, `[n_shifts, n_pixels]` int32.

    Args:
      shape: height and width.
      moved: shifts (down, right); height * width stands for a blank.
    """
    height, width = shape
    rows, columns = np.divmod(np.arange(height * width), width)
    table = []
    for down, right in moved:
        row, column = rows - down, columns - right
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        table.append(np.where(inside, row * width + column, height * width))
    return np.array(table, np.int32)


def translate(pixels: Array, table: Array, number: Array) -> Array:
    """Shifts each image by one of the shifts of a table.

    Args:
      pixels: `[n, n_pixels]`.
      table: `[n_shifts, n_pixels]` from `sources`.
      number: `[n]` which shift.

    Returns:
      `[n, n_pixels]` in the type of `pixels`.
    """
    blank = jnp.zeros((*pixels.shape[:-1], 1), pixels.dtype)
    return jnp.take_along_axis(jnp.concatenate([pixels, blank], -1), table[number], axis=-1)


def translating(prepare: Prepare, shape: Sequence[int], reach: int = 2) -> Prepare:
    """Makes a `prepare` function that shifts every image at random before it does its work.

    Args:
      prepare: what turns uint8 pixels into a batch.
      shape: height and width of the images.
      reach: how far, in steps along the edges; 2 in the paper.

    Raises:
      InputError: a shift would push a whole image out.
    """
    checks.check_counts("shape of the images", shape, 1)
    checks.require(
        checks.is_whole(reach) and 0 <= reach < min(shape),
        f"translations: expected 0 to {min(shape) - 1} pixels for images of {shape[0]} x "
        f"{shape[1]}, got {checks.in_words(reach)}",
    )
    table = jnp.asarray(sources(shape, shifts(reach)))

    def prepared(key: Key, context: PyTree, pixels: Array, labels: Array) -> PyTree:
        key_shift, key_rest = jax.random.split(key)
        number = jax.random.randint(key_shift, pixels.shape[:1], 0, table.shape[0])
        return prepare(key_rest, context, translate(pixels, table, number), labels)

    return prepared
