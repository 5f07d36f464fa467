"""The temperatures of parallel tempering: their check, and their spacing after a pilot run."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.types import Array

_LEAST_REJECTION = 1e-6  # per unit of beta


def check(betas: Any) -> None:
    """Raises `InputError` unless betas `[n_betas]` fall from 1, at least two of them."""
    values = checks.as_numbers("betas", betas).astype(np.float32)
    checks.require(
        values.ndim == 1 and values.size >= 2,
        f"betas: expected 2 temperatures or more in one row, got shape {values.shape}; one alone "
        "is plain Gibbs sampling",
    )
    checks.require(
        bool(((values >= 0.0) & (values <= 1.0)).all()),
        f"betas: expected temperatures in [0, 1], got {values.tolist()}; 1 is the target and 0 the "
        "base, beyond which there are no machines",
    )
    checks.require(
        bool(values[0] == 1.0),
        f"betas: expected 1 first, the target's temperature, got {values[0]:g}; "
        "they run from the target towards the base",
    )
    checks.require(
        bool((np.diff(values) < 0).all()),
        f"betas: expected each below the one before it, got {values.tolist()}; "
        "close ones may be equal in float32",
    )


def respaced(betas: Any, acceptance: Any, n: int) -> Array:
    """Spaces temperatures evenly in the rejection that a pilot run met on its way down.

    The rejections of neighbours, summed from the target to beta, measure how far apart two
    machines on the path are. Temperatures at equal distances reject alike, and states make the
    most round trips. No pair counts for more than 1, however far apart it is: where one hardly
    ever swapped, a second pilot at the new temperatures finds better ones.

    Source: Syed et al. 2022, sections 4.1 and 5.1; here interpolated linearly.

    Args:
      betas: `[n_betas]` the pilot's temperatures, from 1 downwards.
      acceptance: `[n_betas - 1]` mean over steps of the pilot's `tempering.Info.acceptance`.
      n: number of temperatures to return, 2 or more.

    Returns:
      `[n]` falling from 1 to the pilot's last one; evenly spaced if every swap was accepted.

    Raises:
      InputError: betas do not fall from 1 within [0, 1], there is not one acceptance in [0, 1] for
        each two neighbours, or n temperatures cannot be told apart in float32.

    Example:
      >>> respaced([1.0, 0.5, 0.0], [0.5, 0.0], 4).tolist()
      [1.0, 0.5, 0.25, 0.0]
    """
    check(betas)
    checks.check_count("n", n, 2)
    values = np.float64(np.float32(betas))
    accepted = checks.as_numbers("acceptance", acceptance).astype(np.float64)
    checks.require(
        accepted.shape == (values.size - 1,),
        f"acceptance: expected {values.size - 1} means, one for each two neighbours, got shape "
        f"{accepted.shape}; it may not have been averaged over steps",
    )
    checks.require(
        bool(((accepted >= 0.0) & (accepted <= 1.0)).all()),
        f"acceptance: expected probabilities in [0, 1], got {accepted.tolist()}; a NaN comes from "
        "a machine that diverged, a larger number from a sum in place of a mean",
    )
    # Distances must rise: a pair that never rejects counts by its width, next to nothing.
    lengths = np.maximum(1.0 - accepted, _LEAST_REJECTION * -np.diff(values))
    distance = np.append(0.0, np.cumsum(lengths))
    spaced = np.interp(np.linspace(0.0, distance[-1], n), distance, values).astype(np.float32)
    check(spaced)
    return jnp.asarray(spaced, float)
