"""Nets that know two classes of 4x6 images: ink in the left half (0) or in the right half (1)."""

import jax.numpy as jnp
import numpy as np

from dbnjax import dbn, rbm, stack, units

SHAPE = (4, 6)
SIDES = np.tile(np.repeat([1.0, -1.0], 3), 4)  # +1 for pixels on the left


def pixels(labels):
    """Clean images of some classes, uint8 `[n, 4, 6]`."""
    signs = 1 - 2 * np.asarray(labels)[:, None]
    return np.where(signs * SIDES > 0, 255, 0).astype(np.uint8).reshape(-1, *SHAPE)


def detectors(visible, strengths):
    """A machine of two hidden units: for states like `strengths` and for the contrary."""
    weights = jnp.asarray(np.stack([strengths, -strengths], axis=1), jnp.float32)
    return rbm.create(visible, units.Bernoulli.zeros(2), weights)


def memory(n_features, strengths, label_strength):
    """A machine over features and two labels."""
    joint = units.Concat((units.Bernoulli.zeros(n_features), units.Categorical.zeros(2)))
    return detectors(joint, np.append(strengths, [label_strength, -label_strength]))


def single(strength=8.0):
    """One machine over pixels and labels."""
    return memory(SIDES.size, strength * SIDES, strength)


def deep(strength=8.0):
    """Two features, one for each half of the image, below a memory that obeys its labels."""
    lower = detectors(units.Bernoulli.zeros(SIDES.size), strength * SIDES)
    top = memory(2, strength * np.array([1.0, -1.0]), 20.0 * strength)
    return dbn.untie(stack.create((lower, top)))


def label_free(strength=8.0):
    """The two features below a memory without labels."""
    lower = detectors(units.Bernoulli.zeros(SIDES.size), strength * SIDES)
    top = detectors(units.Bernoulli.zeros(2), strength * np.array([1.0, -1.0]))
    return stack.create((lower, top))


def tiles(figure, size=SHAPE, above=1, below=0):
    """Cuts a figure's mosaic into its images, `[n, height, width]`, without its layout's help."""
    shown = np.asarray(figure.axes[0].images[0].get_array())
    height, width = above + size[0] + below, 1 + size[1]
    rows = shown.reshape(-1, height, shown.shape[1] // width, width).swapaxes(1, 2)
    return rows[:, :, above : above + size[0], 1:].reshape(-1, *size)


def texts(figure):
    """What stands in a figure."""
    return [text.get_text() for text in figure.axes[0].texts]
