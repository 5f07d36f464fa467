"""Few cases with a label among many without one: draws of them, and rounds of minibatches.

A draw takes as many cases of each class; a smaller one of the same seed is part of a larger one.
All other cases lose their label, which is then -1. A round is a fixed number of cases, whatever the
number of labels, so that one compiled program serves them all: the labelled cases are gone through
as often as it takes, and validation says when it is enough (`fit`).
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.training import early_stopping, loop, stages
from dbnjax.training.early_stopping import Watch
from dbnjax.training.fitting import finite
from dbnjax.types import Array, Key, Learner, PyTree

Seed = tuple[int, ...]  # as of `numpy.random.default_rng`


def check(name: str, labels: Array, n_classes: int, wanted: Sequence[int]) -> None:
    """Raises `InputError` unless so many labelled cases can be drawn, as many of each class.

    Args:
      name: of the numbers, for the message.
      labels: `[n_cases]` class numbers.
      n_classes: the labels run from 0 to n_classes - 1.
      wanted: numbers of labelled cases.
    """
    counts = np.bincount(np.asarray(labels), minlength=n_classes)
    for n in wanted:
        checks.require(
            n % n_classes == 0,
            f"{name}: expected multiples of {n_classes}, as many of each class, got {n}",
        )
        checks.require(
            n <= n_classes * int(counts.min()),
            f"{name}: expected at most {n_classes * int(counts.min())}, since there are "
            f"{int(counts.min())} training cases of class {int(counts.argmin())}, got {n}",
        )


def draw(labels: Array, n_classes: int, n: int, seed: Seed) -> np.ndarray:
    """Draws the cases that keep their label, `[n_classes, n / n_classes]` rows."""
    generator = np.random.default_rng(seed)
    of_class = [np.flatnonzero(np.asarray(labels) == c) for c in range(n_classes)]
    return np.stack([generator.permutation(rows)[: n // n_classes] for rows in of_class])


def rounds(
    data: loop.Data, rows: np.ndarray, n_cases: int, n_unlabelled: int, seed: Seed
) -> Callable[[int], loop.Data]:
    """Returns what makes the cases of round i, which is an epoch of them.

    A minibatch takes in turn of the rows of each class that have labels and, as often as there are
    to be cases without one beside them, of all rows that have none.

    Args:
      data: all cases.
      rows: those that keep their label, as of `draw`.
      n_cases: at least so many in a round.
      n_unlabelled: cases without a label beside each with one.
      seed: of the rounds, each of which adds its number.

    Raises:
      InputError: there are to be cases without a label, and there are none.
    """
    known = np.zeros(len(data.labels), bool)
    known[rows] = True
    rest = np.flatnonzero(~known)
    checks.require(
        not n_unlabelled or len(rest) > 0,
        f"labels: expected fewer than the {len(known)} training cases, so that some are without a "
        f"label, got {rows.size}",
    )
    groups = (*rows, *[rest] * (len(rows) * n_unlabelled))
    labels = jnp.where(jnp.asarray(known), data.labels, -1)
    each = -(-n_cases // len(groups))

    def of_round(i: int) -> loop.Data:
        generator = np.random.default_rng((*seed, 1 + i))
        by_class = np.stack([np.resize(generator.permutation(group), each) for group in groups])
        return loop.Data(data.pixels, labels, jnp.asarray(by_class, jnp.int32))

    return of_round


def fit(
    key: Key,
    learner: Learner,
    program: loop.Epoch,
    hyper: PyTree,
    params: PyTree,
    cases: Callable[[int], loop.Data],
    n_rounds: int,
    *,
    judge: Callable[[PyTree], tuple[int, float]],
    patience: int = 10,
    context: PyTree = None,
    name: str = "learning",
    progress: bool = True,
) -> tuple[Watch, list[int]]:
    """Learns by rounds until the rule of `early_stopping` holds or the rounds are over.

    Args:
      key: of every random draw.
      learner: any of `dbnjax.learning`.
      program: its epoch, of `loop.epoch_program`; one serves every draw and number of labels.
      hyper: its numbers.
      params: to start from, not changed.
      cases: those of each round, as of `rounds`.
      n_rounds: at most so many rounds.
      judge: `judge(params)`, errors among validation cases, and what they cost.
      patience: rounds that the fewest errors must lie back.
      context: what `prepare` of the program needs beside the cases.
      name: of the stage, in progress and messages.
      progress: whether a line of progress is shown.

    Returns:
      What has been seen, the best parameters included, and the errors after each round.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: a number of rounds is none.
    """
    key_init, key_rounds = jax.random.split(key)
    curve: list[int] = []

    def epoch(i: int, seen: Watch) -> tuple[Watch, bool, dict[str, float]]:
        key_round = jax.random.fold_in(key_rounds, i)
        state, report = program(key_round, hyper, seen.learner, context, cases(i))
        errors, cost = judge(state.params)
        curve.append(errors)
        seen = early_stopping.look(seen, state, errors, cost)
        numbers = {"validation_errors": float(errors), "validation_cost": cost}
        return seen, bool(report.finite) and finite(numbers), numbers

    stage = stages.Stage(
        name, n_rounds, epoch, done=lambda seen: early_stopping.done(seen, patience)
    )
    begin = early_stopping.watch(learner.init(key_init, params))
    seen: Watch = stages.run(stage, begin, {}, None, stages.Listener(progress=progress))
    return seen, curve
