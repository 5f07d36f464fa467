"""Any models of any learner, many of them learned at once: seeds, rates, one program for all.

Every array of the parameters, of a state and of the numbers has a leading axis of members. Each
member has first parameters and numbers of its own and, by its own key, draws and an order of the
cases of its own; the cases are shared. Compile an epoch once by `loop.ensemble_program`, and give
it to as many runs as have one shape. (`ensembles` learns whole stacks and nets by plans.)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.training import loop, selection, stages
from dbnjax.training.selection import ByErrors
from dbnjax.types import Array, Key, Learner, PyTree

SHOWN = stages.Listener()  # a line of progress, and nobody else


def numbered(keys: Key, number: int) -> Key:
    """Returns the key of one part of every member, `[n_members]`."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def copies(tree: PyTree, n: int) -> PyTree:
    """Gives every array a leading axis of n members that are alike.

    Example:
      >>> copies(jnp.ones(3), 2).shape
      (2, 3)
    """
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (n, *x.shape)), tree)


class Members(NamedTuple):
    """Who learns, and from what.

    Attributes:
      keys: `[n_members]`; epoch i of a member draws with `fold_in(key, i)`.
      learner: any of `dbnjax.learning`.
      program: its epoch, of `loop.ensemble_program`.
      hyper: `hyper(i)`, every member's numbers in epoch i, from 0, arrays `[n_members]`.
      params: every member's, to start from, not changed.
      data: cases, shared.
      context: what `prepare` of the program needs beside the cases, of every member.
    """

    keys: Key
    learner: Learner
    program: loop.Epoch
    hyper: Callable[[int], PyTree]
    params: PyTree
    data: loop.Data
    context: PyTree = ()

    def start(self) -> PyTree:
        """Returns the learner's state of every member before it learns."""
        return jax.vmap(self.learner.init)(self.keys, self.params)

    def epoch(self, i: int, state: PyTree) -> tuple[PyTree, loop.Report]:
        """Makes an epoch of every member; the state is given away."""
        keys = numbered(self.keys, i)
        return self.program(keys, self.hyper(i), state, self.context, self.data)


def learn(
    members: Members,
    n_epochs: int,
    name: str = "learning",
    listener: stages.Listener = SHOWN,
) -> PyTree:
    """Learns all members for so many epochs.

    Args:
      members: who learns, and from what.
      n_epochs: epochs.
      name: of the stage, in progress and messages.
      listener: who is told of it, as of `stages.run`; numbers are means over members.

    Returns:
      Every member's parameters.

    Raises:
      DivergenceError: a parameter of a member stopped being finite.

    Example:
      >>> from dbnjax import rbm, units, updates
      >>> from dbnjax.learning.contrastive_divergence import contrastive_divergence
      >>> keys, cd_1 = jax.random.split(jax.random.key(0), 2), contrastive_divergence()
      >>> six, four = units.Bernoulli.zeros(6), units.Bernoulli.zeros(4)
      >>> first = jax.vmap(lambda key: rbm.init(key, six, four))(keys)
      >>> epoch = loop.ensemble_program(cd_1, lambda key, context, v, labels: v, batch_size=5)
      >>> hyper, data = copies(updates.hyper(0.1), 2), loop.put_cases(np.ones((10, 6)), 5)
      >>> two = Members(keys, cd_1, epoch, lambda i: hyper, first, data)
      >>> learn(two, 3, listener=stages.Listener(progress=False)).weights.shape
      (2, 6, 4)
    """

    def epoch(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        state, report = members.epoch(i, state)
        info = {k: float(x.mean()) for k, x in report.info._asdict().items() if x is not None}
        return state, bool(report.finite.all()), info

    stage = stages.Stage(name, n_epochs, epoch)
    return stages.run(stage, members.start(), {}, None, listener).params


def select(
    members: Members,
    n_epochs: int,
    errors: Callable[[PyTree], Array],
    most: int,
    patience: int,
    name: str = "tuning",
    listener: stages.Listener = SHOWN,
) -> tuple[ByErrors, list[list[int]]]:
    """Learns all members, and keeps of each the parameters with the fewest validation errors.

    It ends early once the best epoch of every member lies far enough back. A member that is not
    finite counts as wrong everywhere, and disturbs no other.

    Args:
      members: as of `learn`.
      n_epochs: at most so many epochs.
      errors: `errors(params)`, every member's validation errors, `[n_members]` int32.
      most: the number of validation cases.
      patience: epochs that the best one of every member must lie back, at least 1.
      name: as of `learn`.
      listener: as of `learn`.

    Returns:
      The best parameters, and the validation errors after every epoch, a list for each member.

    Raises:
      InputError: there is no epoch, or the patience is none.
    """
    checks.check_count("n_epochs", n_epochs, 1)
    checks.check_count("patience", patience, 1)
    curves: list[Any] = []

    def epoch(i: int, seen: ByErrors) -> tuple[ByErrors, bool, dict[str, float]]:
        state, report = members.epoch(i, seen.learner)
        wrong = jnp.where(report.finite, errors(state.params), most)
        seen = selection.update(seen, state, state.params, i + 1, wrong)
        curves.append(np.asarray(wrong))
        numbers = {"errors": float(wrong.mean()), "fewest": float(seen.errors.mean())}
        return seen, True, numbers

    def done(seen: ByErrors) -> bool:
        return bool((len(curves) - seen.epoch >= patience).all())

    none = jnp.zeros(len(members.keys), jnp.int32)
    begin = ByErrors(members.start(), members.params, errors=none + most + 1, epoch=none)
    stage = stages.Stage(name, n_epochs, epoch, done)
    seen: ByErrors = stages.run(stage, begin, {}, None, listener)
    return seen, np.stack(curves, axis=1).tolist()
