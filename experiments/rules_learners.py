"""The learning rules that are compared, and a moving average of what each learns."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax.learning import contrastive_divergence, persistent, phases, tempered, updates
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Draw, Key, Learner, PyTree

# Spaced evenly in rejected swaps on a 784-500 machine that centred PCD had taught digits, where
# neighbours swap with probability 0.4 or more.
BETAS = (1.0, 0.991, 0.981, 0.963, 0.922, 0.83, 0.714, 0.607, 0.518, 0.443, 0.38, 0.322, 0.27,
         0.221, 0.178, 0.138, 0.1, 0.064, 0.031, 0.0)  # fmt: skip
WARM_UP = 10  # the average begins as one over the last tenth of the updates


class Chains(NamedTuple):
    """How negative chains run.

    Attributes:
      n: persistent chains, over all temperatures.
      k: full Gibbs steps between two updates.
      visible: whether visible units are binary samples or intensities.
    """

    n: int
    k: int
    visible: Draw


@dataclasses.dataclass(frozen=True)
class Rule:
    """A learning rule.

    Attributes:
      make: its learner.
      rate: at which it starts if no other is given.
      fast: whether its hyper-parameters are an `updates.Hyper` with fast weights beside.
    """

    make: Callable[[Chains], Learner]
    rate: float
    fast: bool = False


def _divergence(k: int) -> Callable[[Chains], Learner]:
    """Chains that start at the data: as many as there are cases, k steps by the rule's name."""

    def make(chains: Chains) -> Learner:
        choices = phases.Choices(visible=chains.visible)
        return contrastive_divergence.contrastive_divergence(k, choices)

    return make


def _persistent(chains: Chains) -> Learner:
    return persistent.persistent_contrastive_divergence(chains.n, chains.k)


def _fast(chains: Chains) -> Learner:
    return persistent.fast_persistent_contrastive_divergence(chains.n, chains.k)


def _centred(chains: Chains) -> Learner:
    return persistent.persistent_contrastive_divergence(chains.n, chains.k, centred=True)


def _tempered(chains: Chains) -> Learner:
    at_each = max(chains.n // len(BETAS), 1)  # as many in all as the other rules have
    return tempered.parallel_tempering(BETAS, at_each, chains.k)


# Chains that live on must keep up with the parameters under them: half the rate of those that
# start at the data anew.
RULES = {
    "cd1": Rule(_divergence(1), 0.1),
    "cd10": Rule(_divergence(10), 0.1),
    "cd25": Rule(_divergence(25), 0.1),
    "pcd": Rule(_persistent, 0.05),
    "fast_pcd": Rule(_fast, 0.05, fast=True),
    "centred_pcd": Rule(_centred, 0.05),
    "tempered": Rule(_tempered, 0.05),
}


class Hyper(NamedTuple):
    """Numbers of a rule whose parameters are averaged.

    Attributes:
      rule: the rule's own.
      newest: least weight of the newest parameters in the average, (0, 1]; with 1 there is no
        other.
    """

    rule: Any
    newest: Array


class State(NamedTuple):
    """A rule's state beside the average.

    Attributes:
      rule: the rule's own.
      average: moving average of its parameters, which is what is judged.
      n_updates: scalar integer, updates so far.
    """

    rule: Any
    average: RBM
    n_updates: Array


def hyper(name: str, regular: updates.Hyper, first_rate: float, newest: float) -> Hyper:
    """Makes the hyper-parameters of an epoch.

    Fast weights keep the rate that learning started with (Tieleman and Hinton 2009).

    Args:
      name: of the rule.
      regular: of every rule.
      first_rate: the learning rate of the first epoch.
      newest: least weight of the newest parameters in the average.
    """
    own = persistent.fast_hyper(regular, first_rate) if RULES[name].fast else regular
    return Hyper(own, jnp.asarray(newest, jnp.float32))


def averaged(learner: Learner) -> Learner:
    """Makes a learner that keeps an average of another's parameters beside them.

    The newest parameters weigh 10 / (t + 10) after t updates, which forgets the start in
    proportion to the time passed (Shamir and Zhang 2013, polynomial decay), until this falls to
    `Hyper.newest`; from there the average is an exponential one.
    """

    def init(key: Key, params: RBM) -> State:
        copied = jax.tree.map(jnp.copy, params)
        return State(learner.init(key, params), copied, jnp.zeros((), jnp.int32))

    def step(key: Key, hyper: Hyper, state: State, batch: PyTree) -> tuple[State, PyTree]:
        own, info = learner.step(key, hyper.rule, state.rule, batch)
        newest = jnp.maximum(hyper.newest, WARM_UP / (state.n_updates + WARM_UP))
        average = optax.incremental_update(own.params, state.average, newest)
        return State(own, average, state.n_updates + 1), info

    return Learner(init=init, step=step)
