"""The learning rules that are compared."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from dbnjax.learning import (
    averaging,
    contrastive_divergence,
    persistent,
    phases,
    tempered,
    updates,
)
from dbnjax.types import Draw, Learner

# Spaced evenly in rejected swaps on a 784-500 machine that centred PCD had taught digits, where
# neighbours swap with probability 0.4 or more.
BETAS = (1.0, 0.991, 0.981, 0.963, 0.922, 0.83, 0.714, 0.607, 0.518, 0.443, 0.38, 0.322, 0.27,
         0.221, 0.178, 0.138, 0.1, 0.064, 0.031, 0.0)  # fmt: skip


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


# Of 0.05, 0.1 and 0.2 the best after five epochs of MNIST, on validation images; 0.1 of cd25, as of
# cd10, without a trial.
RULES = {
    "cd1": Rule(_divergence(1), 0.05),
    "cd10": Rule(_divergence(10), 0.1),
    "cd25": Rule(_divergence(25), 0.1),
    "pcd": Rule(_persistent, 0.1),
    "fast_pcd": Rule(_fast, 0.1, fast=True),
    "centred_pcd": Rule(_centred, 0.2),
    "tempered": Rule(_tempered, 0.05),
}


def hyper(name: str, regular: updates.Hyper, first_rate: float, newest: float) -> averaging.Hyper:
    """Makes the hyper-parameters of an epoch.

    Fast weights keep the rate that learning started with (Tieleman and Hinton 2009).

    Args:
      name: of the rule.
      regular: of every rule.
      first_rate: the learning rate of the first epoch.
      newest: least weight of the newest parameters in the average.
    """
    own = persistent.fast_hyper(regular, first_rate) if RULES[name].fast else regular
    return averaging.hyper(own, newest)
