"""Persistent contrastive divergence (Tieleman 2008), plain and with fast weights (2009).

Read `phases` and `updates` first.

The negative chains are not restarted at the data: they live on from step to step while the
parameters change slowly under them, so the gradient approaches that of the log-likelihood as the
rate falls. Fast weights are a second, quickly forgotten set of parameters added for the chains
only; they learn fast, push the chains away from where they linger, and decay towards nothing.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax import checks
from dbnjax.learning import phases, updates
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, Learner

CHOICES = phases.Choices(positive="mean", visible="sample", negative="mean")
FAST_CHOICES = phases.Choices(positive="mean", visible="sample", negative="sample")


class State(NamedTuple):
    """The machine's state and the chains.

    Attributes:
      machine: parameters, velocity and running means.
      chains: `[n_chains, n_hidden]` hidden states of the persistent chains.
      fast: an offset to the parameters, shaped like the machine, or None.
    """

    machine: updates.State
    chains: Array
    fast: RBM | None

    @property
    def params(self) -> RBM:
        """The machine's parameters."""
        return self.machine.params


class FastHyper(NamedTuple):
    """Numbers for fast weights, beside those of the regular ones.

    Attributes:
      regular: an `updates.Hyper`.
      rate: learning rate of the fast weights.
      retention: what remains of them after each step (19/20 in the 2009 paper).
    """

    regular: updates.Hyper
    rate: Array
    retention: Array


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      activity: mean hidden activity on the data.
      chain_activity: the same at the end of the chains.
    """

    activity: Array
    chain_activity: Array


def fast_hyper(
    regular: updates.Hyper, rate: float | None = None, retention: float = 0.95
) -> FastHyper:
    """Makes a `FastHyper`; the fast rate defaults to the regular one.

    Raises:
      InputError: the rate is below 0, or the retention outside [0, 1].
    """
    checks.check_within("fast rate", regular.rate if rate is None else rate, 0.0)
    checks.check_within("retention", retention, 0.0, 1.0)
    fast_rate = regular.rate if rate is None else rate
    return FastHyper(regular, *updates.numbers(fast_rate, retention))


def _learner(
    n_chains: int,
    k: int,
    choices: phases.Choices,
    centred: bool,
    fast: bool,
    optimiser: optax.GradientTransformation | None,
) -> Learner:
    checks.check_count("n_chains", n_chains, 1)
    checks.check_count("k", k, 1)
    phases.check_persistent_choices(choices)

    def init(key: Key, params: RBM) -> State:
        # Chains start where the hidden units are without a field.
        chains = params.hidden.sample(key, params.hidden.no_field(n_chains))
        offset = jax.tree.map(jnp.zeros_like, params) if fast else None
        return State(updates.initial_state(params, centred, optimiser), chains, offset)

    def advance(
        key: Key, hyper: updates.Hyper, state: State, batch: Array
    ) -> tuple[State, RBM, Info]:
        key_hidden, key_chain = jax.random.split(key)
        rbm = state.machine.params
        cases = phases.as_cases(rbm.visible, batch)
        chained = rbm if state.fast is None else jax.tree.map(jnp.add, rbm, state.fast)
        positive = phases.positive_phase(key_hidden, rbm, cases, choices)
        negative = phases.negative_phase(
            key_chain, chained, state.chains, k, choices, hyper.n_steps
        )
        if state.fast is not None:
            # The chains run under the sum; what is measured is the regular machine's energy.
            negative = negative._replace(
                visible_statistics=rbm.visible.statistics(negative.visible),
                hidden_statistics=rbm.hidden.statistics(negative.hidden),
            )
        gradient = phases.rbm_gradient(positive, negative, state.machine.offsets)
        info = Info(positive.hidden.mean(), negative.hidden.mean())
        machine = updates.ascend(hyper, state.machine, gradient, positive, optimiser)
        return State(machine, negative.hidden_state, state.fast), gradient, info

    def step(key: Key, hyper: updates.Hyper, state: State, batch: Array) -> tuple[State, Info]:
        state, _, info = advance(key, hyper, state, batch)
        return state, info

    def fast_step(key: Key, hyper: FastHyper, state: State, batch: Array) -> tuple[State, Info]:
        state, gradient, info = advance(key, hyper.regular, state, batch)
        moved = jax.tree.map(
            lambda f, g: hyper.retention * f + hyper.rate * g, state.fast, gradient
        )
        return state._replace(fast=moved), info

    return updates.learner(init, fast_step if fast else step)


def persistent_contrastive_divergence(
    n_chains: int,
    k: int = 1,
    choices: phases.Choices = CHOICES,
    centred: bool = False,
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a PCD-k learner; `step` takes an `updates.Hyper`.

    Args:
      n_chains: number of persistent chains, static; need not be the batch size.
      k: full Gibbs steps between updates, static; the most of them where the hyper-parameters have
        a number of their own.
      choices: what is sampled and what is averaged; the visible units must be sampled.
      centred: subtract moving averages from the states in the weights' gradient.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.

    Raises:
      InputError: `choices.visible` is not "sample".
    """
    return _learner(n_chains, k, choices, centred, fast=False, optimiser=optimiser)


def fast_persistent_contrastive_divergence(
    n_chains: int,
    k: int = 1,
    choices: phases.Choices = FAST_CHOICES,
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a PCD-k learner with fast weights; `step` takes a `FastHyper`.

    The chains run under `params + fast`; after each update
    `fast = retention * fast + rate * gradient`. The regular parameters never see the fast ones.

    Args:
      n_chains: number of persistent chains, static.
      k: full Gibbs steps between updates, static; the most of them where the hyper-parameters have
        a number of their own.
      choices: what is sampled and what is averaged; both layers of the
        chains must be sampled.
      optimiser: any of optax's in the place of the regular momentum, as `updates` describes; the
        fast weights have none.

    Raises:
      InputError: `choices.visible` or `choices.negative` is not "sample".
    """
    checks.require(
        choices.negative == "sample",
        f"fast weights: expected choices.negative='sample', got {choices.negative!r}; the chains' "
        "means belong to another machine than the one whose energy is measured",
    )
    return _learner(n_chains, k, choices, centred=False, fast=True, optimiser=optimiser)
