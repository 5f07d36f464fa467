"""The mean log p of images under an RBM or a deep net, with what is known of its error.

Of a deep net it is the bound of equation 4.2 of the 2006 paper, by several recognition passes. log
Z of the top RBM is exact where it can be, or else estimated from below, which makes log p too high
on average, and if that is asked from above too: of several nets the one whose chains mix worst is
the one that a forward estimate flatters most.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.evaluation import ais, bounds
from dbnjax.models.dbn import DBN
from dbnjax.scoring import both_sides, log_z, means, tempered_samples
from dbnjax.types import Array, Key


class LessLogZ(NamedTuple):
    """A mean less some log Z.

    Attributes:
      interval: its value and the ends of its 95 % interval, None where they are not known.
      effective_chains: chains that count in log Z; None where it is exact.
    """

    interval: list[float | None]
    effective_chains: float | None


class Found(NamedTuple):
    """What is known of a mean log p.

    Attributes:
      below: by a log Z from below, or exact.
      above: by one from above; None where it is exact or was not asked for.
      samples: what there is to tell of the samples behind the latter, as of
        `tempered_samples.describe`; empty without it.
    """

    below: LessLogZ
    above: LessLogZ | None
    samples: dict[str, Any]


def estimate(
    key: Key,
    net: DBN,
    seen: Array,
    images: Array,
    n_samples: int,
    n_chains: int,
    betas: Array,
    n_betas: int = 0,
    n_steps: int = 0,
) -> Found:
    """Estimates the mean log p of images.

    Args:
      key: a PRNG key.
      net: without labels; an RBM alone is one without directed layers.
      seen: `[n, n_pixels]` training states, for the base rates.
      images: `[m, n_pixels]` states.
      n_samples: recognition passes of a deep net for each image.
      n_chains: chains of annealed importance sampling, in each direction.
      betas: `[n + 1]` its temperatures, from 0 to 1.
      n_betas: temperatures of the sampler behind an estimate from above; 0: there is none.
      n_steps: its steps.
    """
    key_z, key_scores = jax.random.split(key)
    log_w = log_z.scores(key_scores, net, images, None, n_samples)
    mean, error = float(log_w.mean()), recognition_error(log_w)
    exact = log_z.exact_log_z(net.memory)
    if exact is not None:
        return Found(LessLogZ(means.interval(mean - exact, 0.0, error), None), None, {})
    path = log_z.base_path(net, seen, None)
    if not n_betas:
        key_forward, *_ = jax.random.split(key_z, 3)  # as of `both_sides.estimate`
        forward = log_z.forward(key_forward, path, n_chains, betas)
        return Found(less_log_z(forward, mean, error), None, {})
    sides = both_sides.estimate(key_z, path, n_chains, betas, n_betas, n_steps)
    below, above = (less_log_z(side, mean, error) for side in (sides.forward, sides.reverse))
    return Found(below, above, tempered_samples.describe(sides.walked))


def recognition_error(log_w: np.ndarray) -> float:
    """The standard error of the mean bound that the recognition passes `[n_samples, n]` cause."""
    if len(log_w) == 1:
        return 0.0
    error = bounds.variational(jnp.asarray(log_w)).standard_error
    return float(np.linalg.norm(error)) / len(error)


def less_log_z(estimated: ais.Estimate, mean: float, error: float) -> LessLogZ:
    """Returns a mean less an estimate of log Z, and how many chains count in that."""
    value = mean - float(estimated.log_z)
    interval = means.interval(value, means.half_width(estimated), error)
    return LessLogZ(interval, float(estimated.effective_sample_size))
