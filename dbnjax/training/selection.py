"""The best parameters so far, of one learner or of every member of an ensemble.

Fewest errors are best, the first of equals; or, where a cost is kept too, of equals those of the
least cost.
"""

from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from dbnjax.training.fitting import owned
from dbnjax.types import Array, PyTree


class ByErrors(NamedTuple):
    """A learner's state and the parameters with the fewest errors so far, the first of equals.

    Attributes:
      learner: what learning goes on from; of an ensemble every array has a leading axis of members.
      best: the parameters with the fewest errors.
      errors: int32, their errors; `[n_members]` of an ensemble, as all that follow.
      epoch: int32, after which they stood, from 1; 0 for those of the start.
    """

    learner: Any
    best: PyTree
    errors: Array
    epoch: Array

    @property
    def params(self) -> PyTree:
        """The parameters that learning goes on from."""
        return self.learner.params


class ByErrorsThenCost(NamedTuple):
    """As `ByErrors`; of equals those of the least cost.

    Attributes:
      learner: what learning goes on from.
      best: the parameters with the fewest errors.
      errors: int32, their errors.
      cost: their cost, a float.
      epoch: int32, after which they stood, from 1; 0 for those of the start.
    """

    learner: Any
    best: PyTree
    errors: Array
    cost: Array
    epoch: Array

    @property
    def params(self) -> PyTree:
        """The parameters that learning goes on from."""
        return self.learner.params


Seen = TypeVar("Seen", bound=Any)  # one of the above, or what has the fields of one


def update(
    seen: Seen, learner: Any, params: PyTree, epoch: Any, errors: Any, cost: Any = None
) -> Seen:
    """Takes in an epoch's end.

    Args:
      seen: what was seen before.
      learner: the learner's state after the epoch.
      params: the parameters in it, copied if they are kept.
      epoch: its number, from 1.
      errors: theirs, a scalar or `[n_members]`.
      cost: theirs, for `ByErrorsThenCost`.
    """
    errors, number = jnp.asarray(errors, jnp.int32), jnp.full_like(seen.epoch, epoch)
    found = {"errors": errors, "epoch": number}
    better = errors < seen.errors
    if "cost" in seen._fields:
        found["cost"] = jnp.asarray(cost, seen.cost.dtype)
        better |= (errors == seen.errors) & (found["cost"] < seen.cost)
    if better.ndim:
        best = choose(better, params, seen.best)
    else:
        best = owned(params) if better else seen.best
    kept = {name: jnp.where(better, x, getattr(seen, name)) for name, x in found.items()}
    updated: Seen = seen._replace(learner=learner, best=best, **kept)
    return updated


@jax.jit
@jax.vmap
def choose(first: Array, a: PyTree, b: PyTree) -> PyTree:
    """Returns each member's tree from the first of two ensembles, or from the second.

    Args:
      first: `[n_members]` bool, whether from the first.
      a: the first ensemble, every array `[n_members, ...]`.
      b: the second.
    """
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)
