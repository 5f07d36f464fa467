"""Temperatures for annealing, from 0 to 1, and the checks of a schedule on a path."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.models import path as path_lib
from dbnjax.models.path import Path
from dbnjax.types import Array, floating_type


def linear(n_steps: int) -> Array:
    """Returns the temperatures 0, 1/n, ..., 1, `[n_steps + 1]`."""
    checks.check_count("temperatures", n_steps, 1)
    return jnp.asarray(np.linspace(0.0, 1.0, n_steps + 1), float)


def piecewise(n_steps: int) -> Array:
    """Returns temperatures that crowd towards 1, where the machine changes most.

    Linear in three parts: one 29th of the steps up to 0.5, eight up to 0.9 and twenty up to 1, the
    500, 4,000 and 10,000 of Salakhutdinov and Murray 2008.

    Returns:
      `[n_steps + 1]`.
    """
    checks.check_count("temperatures", n_steps, 1)
    share = np.linspace(0.0, 1.0, n_steps + 1)
    betas = np.interp(share, [0.0, 1 / 29, 9 / 29, 1.0], [0.0, 0.5, 0.9, 1.0])
    return jnp.asarray(betas, float)


def check(path: Path, betas: Any) -> None:
    """Checks temperatures, and the machines that they visit.

    Args:
      path: two machines.
      betas: `[n_steps + 1]` from 0 to 1, as an estimate upwards takes them.

    Raises:
      InputError: they do not rise from 0 to 1, or a machine between cannot be normalised.
    """
    values = np.asarray(betas, floating_type(path))  # as the walk takes them
    checks.require(
        values.ndim == 1 and values.size >= 2,
        f"schedule: expected 2 temperatures or more in a row, got shape {values.shape}",
    )
    bad = int((~np.isfinite(values)).sum())
    checks.require(
        bad == 0,
        f"schedule: expected finite temperatures, got {bad} NaN or infinite of {values.size}; "
        "their spacing divides by zero somewhere",
    )
    checks.require(
        values[0] == 0.0 and values[-1] == 1.0,
        f"schedule: expected temperatures from 0 to 1, got {values[0]:g} to {values[-1]:g}; "
        "another end would estimate the log Z of another machine",
    )
    falls = np.flatnonzero(np.diff(values) <= 0.0)
    checks.require(
        falls.size == 0,
        f"schedule: expected rising temperatures, got {falls.size} steps that do not rise, the "
        f"first at {falls[:1].tolist()}; they fall, or are equal in {values.dtype}",
    )
    path_lib.check_normalisable(path, values)
