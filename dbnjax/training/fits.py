"""One call fits a model to arrays: an RBM, a deep belief net, a classifier.

Each function takes NumPy or JAX arrays, makes minibatches of them, and returns the model as a plain
pytree with the history of its epochs. Visible units are binary and have values in [0, 1], or, of a
single RBM, what is said. What these functions compose can be called by itself for everything that
they do not ask: plans of each layer (`pretraining`, `fine_tuning`, `tuning`), checkpoints
(`stages.Place`), any learner over any cases (`learn`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dbnjax import checks
from dbnjax.learning import backprop, contrastive_divergence
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import feedforward
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.models.rbm import RBM
from dbnjax.training import (
    evaluate,
    fine_tuning,
    fitting,
    given,
    keys,
    pretraining,
    tuning,
)
from dbnjax.training.learn import Fitted, learn
from dbnjax.types import Array, Learner
from dbnjax.units import Bernoulli

Validation = tuple[Any, Any]  # cases and their class numbers
CD_1 = contrastive_divergence.contrastive_divergence()


def fit_rbm(
    v: Any,
    visible: Any,
    n_hidden: int,
    *,
    hidden: Any = Bernoulli,
    n_epochs: int = 30,
    batch_size: int = 100,
    rate: float | None = None,
    learner: Learner | None = None,
    validation: Any = None,
    seed: int = 0,
    progress: bool = True,
    after: given.After = lambda *told: None,
) -> Fitted:
    """Fits an RBM to cases by CD-1, or by any learner of one.

    Visible parameters start at the moments of the data (Hinton 2010, section 8); the rate falls
    linearly to zero, and momentum is 0.5 for the first 5 epochs, then 0.9. The history has what the
    learner tells, the mean size of the weights and, with validation, the free-energy gap in nats.

    Args:
      v: `[n_cases, n_visible]` states of the visible units, or their means.
      visible: type of the visible units, such as `units.Bernoulli` or `units.Gaussian`.
      n_hidden: hidden units.
      hidden: their type.
      n_epochs: epochs.
      batch_size: cases in a minibatch, or all cases if these are fewer.
      rate: learning rate at the start; None for 0.05, or 0.005 where visible units are not binary.
      learner: takes an `updates.Hyper` and visible states; None for CD-1.
      validation: `[n, n_visible]` cases to measure the gap by, or None.
      seed: of every random draw.
      progress: whether a line of progress is shown.
      after: as of `learn`.

    Raises:
      DivergenceError: a parameter stopped being finite; a smaller rate may help.
      InputError: cases are no states of the units, or a number cannot be used.

    Example:
      >>> v = jax.random.bernoulli(jax.random.key(0), 0.5, (20, 6))
      >>> fit_rbm(v, Bernoulli, n_hidden=4, n_epochs=2, progress=False).model.weights.shape
      (6, 4)
    """
    cases = given.states("cases", v, visible)
    measure = _monitor(cases, validation, visible)
    plan = given.rbm_plan(visible, n_hidden, n_epochs, rate)
    return learn(
        learner or CD_1,
        _first(seed, cases, visible, hidden, n_hidden),
        cases,
        pretraining.layer_hyper(plan),
        n_epochs,
        batch_size=min(batch_size, len(cases)),
        measure=measure,
        name="RBM",
        seed=seed,
        progress=progress,
        after=after,
    )


def _first(seed: int, cases: np.ndarray, visible: Any, hidden: Any, n_hidden: int) -> RBM:
    """Makes an RBM with small weights whose visible parameters are the moments of the cases."""
    checks.check_count("n_hidden", n_hidden, 1)
    given.check_unit_type("hidden", hidden)
    key = jax.random.fold_in(jax.random.key(seed), keys.FIRST)
    first = rbm_lib.init(key, visible.zeros(cases.shape[1]), hidden.zeros(n_hidden))
    return rbm_lib.match_data(first, *map(jnp.asarray, given.moments(cases)))


def _monitor(cases: np.ndarray, validation: Any, visible: Any) -> Callable[[RBM], dict[str, Any]]:
    """Returns what measures an RBM after an epoch, beside its learner's own numbers."""
    seen: list[Array] = []
    if validation is not None:
        held_out = given.states("validation", validation, visible, cases.shape[1])
        seen = [given.some(part, pretraining.MONITORED) for part in (cases, held_out)]

    def measure(params: RBM) -> dict[str, Any]:
        numbers: dict[str, Any] = {"mean_size_of_weights": jnp.abs(params.weights).mean()}
        if seen:
            numbers["free_energy_gap"] = evaluate.free_energy_gap(params, *seen)[0]
        return numbers

    return measure


def fit_dbn(
    v: Any,
    labels: Any,
    layers: Sequence[int] = (200, 500),
    *,
    layer_epochs: int = 50,
    up_down_epochs: Sequence[int] = (5, 5, 5),
    batch_size: int = 20,
    validation: Validation | None = None,
    seed: int = 0,
    progress: bool = True,
    after: given.After = lambda *told: None,
) -> Fitted:
    """Fits a deep belief net with labels: greedily, then by up-down (2006 paper, sections 4 to 6).

    All units are binary, with a softmax group of labels beside the penultimate layer. Every RBM
    learns by CD-1 from probabilities, as in the paper, at a rate that falls to zero; up-down has 3,
    6 and 10 Gibbs iterations. With validation cases the net of the epoch of up-down with the fewest
    errors among them is returned.

    Args:
      v: `[n_cases, n_visible]` uint8 pixels, or probabilities or states in [0, 1].
      labels: `[n_cases]` class numbers from 0, none of them left out.
      layers: hidden units from the bottom up.
      layer_epochs: epochs of each RBM; the memory, the top one, has twice as many.
      up_down_epochs: epochs of up-down of each of its three phases; empty for none.
      batch_size: cases in a minibatch.
      validation: cases and labels that choose among the epochs of up-down; None for the last one.
      seed: of every random draw.
      progress: whether lines of progress are shown.
      after: as of `learn`.

    Returns:
      The net, a `DBN`: `inference.classify` and `inference.generate` ask it.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: cases, labels or a number cannot be used.
    """
    up_down = given.up_down_plan(up_down_epochs, batch_size)
    task, history = given.task(v, labels, batch_size, validation, seed, progress, after)
    plan = given.stack_plan(layers, layer_epochs, batch_size)
    memory = dataclasses.replace(plan.layers[-1], n_epochs=2 * layer_epochs)
    plan = dataclasses.replace(plan, layers=(*plan.layers[:-1], memory))
    net = dbn_lib.untie(pretraining.learn_stack(task, plan))
    if not up_down_epochs:
        return Fitted(net, history)
    selected = fine_tuning.fine_tune(task, up_down, net)
    chosen: DBN = selected.learner.params if validation is None else selected.best
    return Fitted(chosen, history)


def fit_classifier(
    v: Any,
    labels: Any,
    layers: Sequence[int] = (200, 200),
    *,
    layer_epochs: int = 20,
    tune_epochs: int = 60,
    batch_size: int = 20,
    validation: Validation | None = None,
    seed: int = 0,
    progress: bool = True,
    after: given.After = lambda *told: None,
) -> Fitted:
    """Fits a feedforward classifier: a stack of RBMs, then backpropagation (TR 2006-004).

    Hidden units are logistic; the stack, learned without labels, gives their first weights. With
    validation cases learning stops by the rule of `early_stopping`, and the net with the fewest
    errors among them is returned.

    Args:
      v: `[n_cases, n_visible]` uint8 pixels, or probabilities or states in [0, 1].
      labels: `[n_cases]` class numbers from 0, none of them left out.
      layers: hidden units from the bottom up.
      layer_epochs: epochs of each RBM; 0 leaves their first weights as they are.
      tune_epochs: epochs of backpropagation, at most.
      batch_size: cases in a minibatch.
      validation: cases and labels that choose; None for the last net.
      seed: of every random draw.
      progress: whether lines of progress are shown.
      after: as of `learn`.

    Returns:
      The net, a `Feedforward`: `feedforward.log_probabilities` asks it.

    Raises:
      DivergenceError: a parameter stopped being finite.
      InputError: cases, labels or a number cannot be used.
    """
    checks.check_count("tune_epochs", tune_epochs, 0)
    task, history = given.task(v, labels, batch_size, validation, seed, progress, after)
    plan = given.stack_plan(layers, layer_epochs, batch_size)
    stack = pretraining.learn_stack(dataclasses.replace(task, n_labels=0), plan)
    net = feedforward.unroll(jax.random.fold_in(task.key, keys.SOFTMAX), stack, task.n_labels)
    rate = fitting.schedule("linear", 0.1, tune_epochs)
    tuned = tuning.TuningPlan(
        learner=backprop.backprop(optax.sgd(1.0, momentum=0.9)),
        hyper=lambda i: backprop.hyper(rate(i)),
        n_epochs=tune_epochs,
        n_classes=task.n_labels,
        batch_size=batch_size,
    )
    if validation is None:
        learned = tuning.go_on(task, tuned, net, task.data, target=-1.0, name="tuning")
        return Fitted(learned.learner.params, history)
    best: Feedforward = tuning.tune(task, tuned, net).best
    return Fitted(best, history)
