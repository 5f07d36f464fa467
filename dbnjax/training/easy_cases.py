"""Epochs that spend little on easy cases (TR 2006-004, "Details of the ... fine-tuning").

A case is easy if its cross-entropy was small when it was last learned from. In each sweep over the
data an easy case is taken with the probability p = 0.1 and then weighs 1 / p = 10; the others are
always taken and weigh one. With k_c the draw that takes case c, the sweep's summed gradient is

    E sum_c k_c w_c dC_c = sum_c P(k_c = 1) w_c dC_c = sum_c dC_c,

that of a plain sweep, since P(k_c = 1) w_c = 1 for either kind. So many sweeps make an epoch as
give as many cases as there are: an epoch costs what it costs without this. Minibatches are filled
with cases as they are taken and divided by their fixed size, so that a sweep's whole step stays the
same in expectation, while fewer, larger gradients make it up. What does not come from cases, such
as weight decay, acts once a minibatch, and so less often in a sweep that has fewer of them.

That holds for whole sweeps. An epoch ends within one, once it has its number of cases, and the
cases that it has of this sweep are hard ones a little too often: over an epoch the easy cases weigh
some 0.95 of what they should against the hard ones with 20 cases of which half are easy, 0.99 with
60, and 1.00 from 600 on. The expectation above is therefore that of many cases.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.learning import backprop
from dbnjax.models import feedforward
from dbnjax.training import loop
from dbnjax.types import Array, Key, Learner, PyTree, as_type, floating_type

TAKEN = 0.1  # probability of taking an easy case; "more extreme values are dangerous"
SWEEPS = 12  # of which a tenth of the cases fill an epoch with some to spare

Epoch = Callable[[Key, PyTree, PyTree, PyTree, loop.Data, Array], tuple[PyTree, loop.Report]]


class State(NamedTuple):
    """A learner's state and what it remembers of the cases.

    Attributes:
      learner: the learner's own.
      costs: `[n_cases]` each case's cross-entropy when it was last learned from; infinite before.
    """

    learner: Any
    costs: Array

    @property
    def params(self) -> PyTree:
        """The learner's parameters."""
        return self.learner.params


def start(learner: Any, n_cases: int) -> State:
    """Returns a state in which no case is known to be easy."""
    checks.check_count("n_cases", n_cases, 1)
    return State(learner, jnp.full(n_cases, jnp.inf, floating_type(learner.params)))


def draw(key: Key, easy: Array, n_drawn: int) -> tuple[Array, Array]:
    """Draws cases in as many sweeps as it takes.

    Args:
      key: a PRNG key.
      easy: `[n_cases]` booleans.
      n_drawn: how many to draw.

    Returns:
      Rows `[n_drawn]` int32 and their weights `[n_drawn]`. What `SWEEPS` sweeps cannot fill weighs
      nothing.
    """
    key_order, key_take = jax.random.split(key)
    keys = jax.random.split(key_order, SWEEPS)
    orders = jax.vmap(lambda k: jax.random.permutation(k, easy.shape[0]))(keys).reshape(-1)
    probability = jnp.where(easy, TAKEN, 1.0)[orders]
    taken = jax.random.bernoulli(key_take, probability)
    (places,) = jnp.nonzero(taken, size=n_drawn, fill_value=orders.shape[0])
    weights = (1.0 / probability).at[places].get(mode="fill", fill_value=0.0)
    return orders.at[places].get(mode="fill", fill_value=0), weights


def epoch_program(learner: Learner, prepare: loop.Prepare, batch_size: int) -> Epoch:
    """Compiles an epoch: `epoch(key, hyper, state, context, data, easy_below)`.

    As `loop.epoch_program`, with a `State` of this module, which is donated.

    Args:
      learner: from `backprop`, without dropout, whose cost would not be that of the whole net.
      prepare: makes a `backprop.Batch`.
      batch_size: cases in a minibatch, static.
    """
    checks.check_count("batch size", batch_size, 1)

    def epoch(
        key: Key, hyper: PyTree, state: State, context: PyTree, data: loop.Data, easy_below: Array
    ) -> tuple[State, loop.Report]:
        checks.check_batch_size(batch_size, data.labels.shape[0])
        key_rows, draws = jax.random.split(key)
        n_batches = data.labels.shape[0] // batch_size
        drawn = draw(key_rows, state.costs < easy_below, n_batches * batch_size)
        rows, weights = (x.reshape(n_batches, batch_size) for x in drawn)

        def step(state: State, numbered: tuple[Array, Array, Array]) -> tuple[State, PyTree]:
            i, chosen, weight = numbered
            key = jax.random.fold_in(draws, i)
            key_step, batch = loop.gather(prepare, key, context, data, chosen)
            batch = as_type(batch, floating_type(state.params))
            # The step computes the same: XLA makes one of the two.
            log_p = feedforward.log_probabilities(state.params, batch.visible)
            costs = state.costs.at[chosen].set(backprop.cross_entropy(log_p, batch))
            batch = batch._replace(weights=weight)
            own, info = learner.step(key_step, hyper, state.learner, batch)
            return State(own, costs), info

        state, infos = jax.lax.scan(step, state, (jnp.arange(n_batches), rows, weights))
        # The steps divide by the cases in a minibatch, a report by all that they stand for.
        infos = jax.tree.map(lambda x: x / weights.mean().astype(x.dtype), infos)
        return state, loop.report(state.learner, infos)

    return jax.jit(epoch, donate_argnums=2)
