"""An average of what any learner learns, beside it.

Persistent chains push the parameters about, the more so the higher the rate; an average over the
last updates lies nearer to what they move around. Nothing here knows what is learned.

Source: Shamir and Zhang 2013, section 4 (polynomial decay, eta = 9).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from dbnjax import checks
from dbnjax.learning import updates
from dbnjax.types import Array, Key, Learner, PyTree

_SPAN = 10  # the average begins as one over the last tenth of the updates


class Hyper(NamedTuple):
    """Numbers of a learner whose parameters are averaged.

    Attributes:
      learner: the learner's own.
      newest: least weight of the newest parameters in the average, (0, 1]; 1 for no average.
    """

    learner: Any
    newest: Array


class State(NamedTuple):
    """A learner's state with the average.

    Attributes:
      learner: the learner's own.
      average: moving average of its parameters.
      n_updates: scalar integer, updates so far.
    """

    learner: Any
    average: PyTree
    n_updates: Array

    @property
    def params(self) -> PyTree:
        """The averaged parameters, which are those to use."""
        return self.average


def hyper(learner: Any, newest: float) -> Hyper:
    """Makes a `Hyper` from the learner's own and a Python number.

    Raises:
      InputError: the number is outside (0, 1].
    """
    checks.check_within("newest", newest, 0.0, 1.0, without=0.0)
    return Hyper(learner, *updates.numbers(newest))


def averaged(learner: Learner) -> Learner:
    """Makes a learner that keeps an average of another's parameters beside them.

    The newest parameters weigh 10 / (t + 10) after t updates, which forgets the start in
    proportion to the time passed, until this falls to `Hyper.newest`; from there the average is an
    exponential one.

    Args:
      learner: whose state has `params`.

    Example:
      >>> from dbnjax import contrastive_divergence, rbm, units, updates
      >>> machine = rbm.init(jax.random.key(0), units.Bernoulli.zeros(6), units.Bernoulli.zeros(4))
      >>> learner = averaged(contrastive_divergence.contrastive_divergence())
      >>> state = learner.init(jax.random.key(1), machine)
      >>> numbers = hyper(updates.hyper(0.1), newest=0.01)
      >>> state, info = learner.step(jax.random.key(2), numbers, state, jnp.ones((5, 6)))
      >>> state.params.weights.shape
      (6, 4)
    """

    def init(key: Key, params: PyTree) -> State:
        return State(learner.init(key, params), params, jnp.zeros((), jnp.int32))

    def step(key: Key, hyper: Hyper, state: State, batch: PyTree) -> tuple[State, PyTree]:
        own, info = learner.step(key, hyper.learner, state.learner, batch)
        passed = (state.n_updates + _SPAN).astype(hyper.newest.dtype)
        newest = jnp.maximum(hyper.newest, _SPAN / passed)
        average = optax.incremental_update(own.params, state.average, newest)
        return State(own, average, state.n_updates + 1), info

    return updates.learner(init, step)
