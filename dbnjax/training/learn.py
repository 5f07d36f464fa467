"""Any model learned by any learner from any cases, in one call with a history.

`fits` has the short cases: an RBM, a deep belief net and a classifier from arrays.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.training import fitting, given, loop, stages
from dbnjax.types import Learner, PyTree
from dbnjax.weights import io


class Fitted(NamedTuple):
    """A model that was fitted.

    Attributes:
      model: the model, a pytree of arrays.
      history: of each epoch of this call in order its stage, its number from 1, and what was
        measured after it; epochs that an earlier call left in a place are in its records.
    """

    model: Any
    history: list[dict[str, Any]]


def learn(
    learner: Learner,
    params: PyTree,
    cases: PyTree,
    hyper: Callable[[int], PyTree],
    n_epochs: int,
    *,
    batch_size: int = 100,
    prepare: loop.Prepare = lambda key, context, cases, labels: cases,
    context: PyTree = None,
    measure: Callable[[PyTree], Mapping[str, Any]] = lambda params: {},
    name: str = "learning",
    seed: int = 0,
    progress: bool = True,
    after: given.After = lambda *told: None,
    place: stages.Place | None = None,
) -> Fitted:
    """Fits any model by any learner.

    Args:
      learner: any of `dbnjax.learning`.
      params: to start from, not changed; with a place, of a kind that `weights.io` knows.
      cases: `[n_cases, ...]` arrays, any pytree of them (`loop.put_cases`), or `loop.Data`.
      hyper: the learner's numbers in each epoch, counted from 0.
      n_epochs: epochs.
      batch_size: cases in a minibatch.
      prepare: makes a learner's batch of the cases of a minibatch, as of `loop.epoch_program`.
      context: what `prepare` needs beside the cases.
      measure: numbers of the parameters after each epoch, for the history.
      name: of the stage, in progress and history.
      seed: of every random draw.
      progress: whether a line of progress is shown.
      after: `after(name, epoch, state, numbers)`, called after each epoch, from 1. The next epoch
        may take the memory of the state, which has `params`: keep copies of what is kept.
      place: where to write records and checkpoints, and to resume from; None for nowhere.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: cases, numbers or a place cannot be used.
    """
    checks.check_seed(seed)
    data = cases if isinstance(cases, loop.Data) else loop.put_cases(cases, batch_size)
    program = loop.epoch_program(learner, prepare, batch_size)
    key_init, key_epochs = jax.random.split(jax.random.key(seed))
    _check_batch(learner, params, data, hyper, batch_size, prepare, context)
    history: list[dict[str, Any]] = []

    def epoch(i: int, state: PyTree) -> tuple[PyTree, bool, dict[str, float]]:
        state, report = program(jax.random.fold_in(key_epochs, i), hyper(i), state, context, data)
        info = {k: v for k, v in report.info._asdict().items() if v is not None}
        numbers = {k: float(v) for k, v in {**info, **measure(state.params)}.items()}
        return state, bool(report.finite) and fitting.finite(numbers), numbers

    stage = stages.Stage(name, n_epochs, epoch)
    listener = given.listener(history, progress, after)
    state = learner.init(key_init, params)
    described = {} if place is None else io.describe(params)
    state = stages.run(stage, state, described, place, listener)
    return Fitted(state.params, history)


def _check_batch(
    learner: Learner,
    params: PyTree,
    data: loop.Data,
    hyper: Callable[[int], PyTree],
    batch_size: int,
    prepare: loop.Prepare,
    context: PyTree,
) -> None:
    """Makes a step on the first cases outside of any compiled program, where values are checked."""
    key = jax.random.key(0)
    key_step, batch = loop.gather(prepare, key, context, data, jnp.arange(batch_size))
    learner.step(key_step, hyper(0), learner.init(key, params), batch)
