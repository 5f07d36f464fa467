"""The learning rules that are compared, and a moving average of what each learns."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dbnjax.learning import contrastive_divergence, persistent, phases, tempered, updates
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Draw, Key, Learner, PyTree

BETAS = tuple(np.linspace(1.0, 0.0, 10).tolist())


@dataclasses.dataclass(frozen=True)
class Rule:
    """A learning rule.

    Attributes:
      make: its learner, from the number of persistent chains and from whether the visible units
        are binary samples or intensities.
      rate: at which it starts if no other is given.
      fast: whether its hyper-parameters are an `updates.Hyper` with fast weights beside.
    """

    make: Callable[[int, Draw], Learner]
    rate: float
    fast: bool = False


def _divergence(k: int) -> Callable[[int, Draw], Learner]:
    def make(n_chains: int, visible: Draw) -> Learner:
        del n_chains
        choices = phases.Choices(visible=visible)
        return contrastive_divergence.contrastive_divergence(k, choices)

    return make


# Chains that live on must keep up with the parameters under them: half the rate of those that
# start at the data anew.
RULES = {
    "cd1": Rule(_divergence(1), 0.1),
    "cd10": Rule(_divergence(10), 0.1),
    "cd25": Rule(_divergence(25), 0.1),
    "pcd": Rule(lambda n, _: persistent.persistent_contrastive_divergence(n), 0.05),
    "fast_pcd": Rule(
        lambda n, _: persistent.fast_persistent_contrastive_divergence(n), 0.05, fast=True
    ),
    "centred_pcd": Rule(
        lambda n, _: persistent.persistent_contrastive_divergence(n, centred=True), 0.05
    ),
    "tempered": Rule(lambda n, _: tempered.parallel_tempering(BETAS, n), 0.05),
}


class Hyper(NamedTuple):
    """Numbers of a rule whose parameters are averaged.

    Attributes:
      rule: the rule's own.
      newest: weight of the newest parameters in the average, (0, 1]; with 1 there is no other.
    """

    rule: Any
    newest: Array


class State(NamedTuple):
    """A rule's state beside the average.

    Attributes:
      rule: the rule's own.
      average: exponential moving average of its parameters, which is what is judged.
    """

    rule: Any
    average: RBM


def hyper(name: str, regular: updates.Hyper, first_rate: float, newest: float) -> Hyper:
    """Makes the hyper-parameters of an epoch.

    Fast weights keep the rate that learning started with (Tieleman and Hinton 2009).

    Args:
      name: of the rule.
      regular: of every rule.
      first_rate: the learning rate of the first epoch.
      newest: weight of the newest parameters in the average.
    """
    own = persistent.fast_hyper(regular, first_rate) if RULES[name].fast else regular
    return Hyper(own, jnp.asarray(newest, jnp.float32))


def averaged(learner: Learner) -> Learner:
    """Makes a learner that keeps an average of another's parameters beside them."""

    def init(key: Key, params: RBM) -> State:
        return State(learner.init(key, params), jax.tree.map(jnp.copy, params))

    def step(key: Key, hyper: Hyper, state: State, batch: PyTree) -> tuple[State, PyTree]:
        own, info = learner.step(key, hyper.rule, state.rule, batch)
        average = optax.incremental_update(own.params, state.average, hyper.newest)
        return State(own, average), info

    return Learner(init=init, step=step)
