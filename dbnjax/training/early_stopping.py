"""When to stop tuning, and which net to keep (TR 2006-004, "Details of the ... fine-tuning").

Learning goes on until two things hold: the validation cross-entropy, which changes smoothly, has
passed its minimum, and the fewest validation errors so far, which fluctuate, lie at least
`patience` epochs back. The net kept is that of the fewest errors, the earliest of equals.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from dbnjax import checks
from dbnjax.training import selection
from dbnjax.training.fitting import owned
from dbnjax.types import Array, PyTree

NONE_YET = jnp.iinfo(jnp.int32).max


class Watch(NamedTuple):
    """A learner's state and what has been seen of it; arrays, so that it may be checkpointed.

    Attributes:
      learner: the state, which has `params`.
      best: the parameters with the fewest errors.
      errors: int32, those errors.
      epoch: int32, the epoch after which they were counted, from 1.
      least: the least cross-entropy.
      least_epoch: int32, the epoch after which it was measured.
      n_epochs: int32, epochs so far.
    """

    learner: Any
    best: PyTree
    errors: Array
    epoch: Array
    least: Array
    least_epoch: Array
    n_epochs: Array

    @property
    def params(self) -> PyTree:
        """The parameters that learning goes on from."""
        return self.learner.params


def watch(learner: Any) -> Watch:
    """Begins to watch a learner's state; nothing has been measured yet."""
    zero = jnp.zeros((), jnp.int32)
    best = owned(learner.params)
    return Watch(learner, best, zero + NONE_YET, zero, jnp.full((), jnp.inf, float), zero, zero)


def look(seen: Watch, learner: Any, errors: int, cross_entropy: float) -> Watch:
    """Takes in an epoch's end.

    Args:
      seen: what was seen before.
      learner: the state after the epoch.
      errors: its validation errors.
      cross_entropy: its validation cross-entropy.
    """
    now = seen.n_epochs + 1
    seen = selection.update(seen, learner, learner.params, now, errors)
    if cross_entropy < seen.least:
        seen = seen._replace(least=jnp.asarray(cross_entropy, float), least_epoch=now)
    return seen._replace(n_epochs=now)


def done(seen: Watch, patience: int = 10) -> bool:
    """Returns whether both conditions hold.

    Args:
      seen: what was seen so far.
      patience: epochs that the fewest errors must lie back, 10 in the paper.
    """
    checks.check_count("patience", patience, 0)
    past_minimum = seen.n_epochs > seen.least_epoch
    return bool(past_minimum & (seen.n_epochs - seen.epoch >= patience))
