"""log Z of an RBM from below and from above, by annealed importance sampling in both directions.

Forward chains (Salakhutdinov and Murray 2008) give an estimate that is on average too low. Reverse
chains (Grosse, Ghahramani and Adams 2015) give one that is on average too high, as far as the
samples that they begin with are exact; these come from parallel tempering (`tempered_samples`).
Where the two lie far apart, neither may be trusted.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import jax

from dbnjax.evaluation import ais
from dbnjax.models.path import Path
from dbnjax.scoring import log_z, tempered_samples
from dbnjax.scoring.log_z import Advance
from dbnjax.scoring.tempered_samples import Walked
from dbnjax.types import Array, Key

# Surrounds a part of the work, given its title, the number of its calls and what a call is.
Part = Callable[[str, int, str], AbstractContextManager[Advance]]


class Sides(NamedTuple):
    """Estimates of log Z.

    Attributes:
      forward: from below.
      reverse: from above, as good as its samples.
      walked: the chains that led to these.
    """

    forward: ais.Estimate
    reverse: ais.Estimate
    walked: Walked


@contextlib.contextmanager
def silently(title: str, n_calls: int, unit: str) -> Iterator[Advance]:
    """Shows no progress of a part."""
    del title, n_calls, unit
    yield log_z.silent


def annealing(part: Part, title: str, betas: Array) -> AbstractContextManager[Advance]:
    """Surrounds a walk through temperatures `[n + 1]`."""
    n = len(betas) - 1
    return part(title, log_z.n_calls(n, log_z.CALL), f"call of {min(n, log_z.CALL)} temperatures")


def estimate(
    key: Key,
    path: Path,
    n_chains: int,
    betas: Array,
    n_betas: int,
    n_steps: int,
    read: Callable[[Array], Array] | None = None,
    part: Part = silently,
) -> Sides:
    """Estimates log Z of the target of a path from both sides.

    Args:
      key: a PRNG key.
      path: from base rates, as of `log_z.base_path`.
      n_chains: chains in each direction.
      betas: `[n + 1]` temperatures of annealing, from 0 to 1.
      n_betas: temperatures of the sampler behind the estimate from above.
      n_steps: its steps.
      read: as of `tempered_samples.sample`.
      part: surrounds each of the parts forward, samples and reverse.
    """
    key_forward, key_samples, key_reverse = jax.random.split(key, 3)
    with annealing(part, "forward", betas) as advance:
        forward = log_z.forward(key_forward, path, n_chains, betas, advance)
    unit = f"call of {tempered_samples.CALL} steps"
    with part("samples", tempered_samples.n_calls(n_steps), unit) as advance:
        samples = tempered_samples.sample(
            key_samples, path, n_chains, n_betas, n_steps, advance, read
        )
    with annealing(part, "reverse", betas) as advance:
        reverse = log_z.reverse(key_reverse, path, samples.v, betas, advance)
    return Sides(forward, reverse, samples.walked)
