"""Learning with parallel tempering in the negative phase (Desjardins et al. 2010).

Read `phases`, `updates` and `sampling.tempering` first.

As in persistent contrastive divergence the negative chains live on from step to step. Here they
live at several temperatures and swap, so that those of the machine itself, which alone give the
negative statistics, do not stay behind in a few modes as it sharpens.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dbnjax import checks
from dbnjax.learning import phases, updates
from dbnjax.models.path import Path
from dbnjax.models.rbm import RBM
from dbnjax.sampling import gibbs, ladder, tempering
from dbnjax.types import Array, Key, Learner, floating_type

CHOICES = phases.Choices(positive="mean", visible="sample", negative="mean")


class State(NamedTuple):
    """The machine's state, the chains and the far end of their path.

    Attributes:
      machine: parameters, velocity and running means.
      chains: `[n_chains, n_betas, n_hidden]` hidden states; the chains lead, as in every learner,
        so that they are sharded alike.
      base: the visible units of the path's base, constant: those that learning started with. The
        biases that it learns would not do, as with growing weights they leave the data's means.
    """

    machine: updates.State
    chains: Array
    base: Any

    @property
    def params(self) -> RBM:
        """The machine's parameters."""
        return self.machine.params


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      activity: mean hidden activity on the data.
      chain_activity: the same at the end of the machine's own chains.
      acceptance: of the two neighbouring temperatures that swap least, the mean probability.
    """

    activity: Array
    chain_activity: Array
    acceptance: Array


def parallel_tempering(
    betas: Sequence[float],
    n_chains: int,
    k: int = 1,
    choices: phases.Choices = CHOICES,
    centred: bool = False,
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a learner with tempered chains; `step` takes an `updates.Hyper`.

    The base of the path has no weights, the machine's current hidden units and the visible units
    of `init`: start from `rbm.match_data`, or the temperatures below 1 are of little use.

    Args:
      betas: temperatures from 1 downwards, static; 0 is allowed.
      n_chains: number of persistent chains at each temperature, static.
      k: full steps between updates, each with its swaps, static.
      choices: what is sampled and what is averaged; the visible units must be sampled.
      centred: subtract moving averages from the states in the weights' gradient.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.

    Raises:
      InputError: betas do not fall from 1 within [0, 1], a count is below 1, or `choices.visible`
        is not "sample".

    Example:
      >>> from dbnjax import rbm, units
      >>> machine = rbm.init(jax.random.key(0), units.Bernoulli.zeros(6), units.Bernoulli.zeros(4))
      >>> learner = parallel_tempering((1.0, 0.5, 0.0), n_chains=8)
      >>> state = learner.init(jax.random.key(1), machine)
      >>> batch = jnp.ones((5, 6))
      >>> state, info = learner.step(jax.random.key(2), updates.hyper(0.1), state, batch)
      >>> info.acceptance.shape
      ()
    """
    ladder.check(betas)
    checks.check_count("n_chains", n_chains, 1)
    checks.check_count("k", k, 1)
    phases.check_persistent_choices(choices)
    temperatures = np.asarray(betas, float)

    def init(key: Key, params: RBM) -> State:
        checks.check_type("tempered chains", floating_type(params))
        # Chains start where the hidden units are without a field.
        chains = params.hidden.sample(key, params.hidden.no_field(n_chains, len(temperatures)))
        return State(updates.initial_state(params, centred, optimiser), chains, params.visible)

    def step(key: Key, hyper: updates.Hyper, state: State, batch: Array) -> tuple[State, Info]:
        key_hidden, key_chain, key_negative = jax.random.split(key, 3)
        rbm = state.machine.params
        cases = phases.as_cases(rbm.visible, batch)
        positive = phases.positive_phase(key_hidden, rbm, cases, choices)
        walk, swaps = _walk(key_chain, state, temperatures, k)
        negative = _negative_phase(key_negative, rbm, walk, choices)
        gradient = phases.rbm_gradient(positive, negative, state.machine.offsets)
        info = Info(positive.hidden.mean(), negative.hidden.mean(), swaps.acceptance.mean(0).min())
        machine = updates.ascend(hyper, state.machine, gradient, positive, optimiser)
        return State(machine, walk.hidden.swapaxes(0, 1), state.base), info

    return updates.learner(init, step)


def _walk(
    key: Key, state: State, temperatures: np.ndarray, k: int
) -> tuple[gibbs.State, tempering.Info]:
    """Moves the chains by k steps on the way from the base to the RBM of a state."""
    rbm = state.machine.params
    uncoupled = RBM(visible=state.base, hidden=rbm.hidden, weights=jnp.zeros_like(rbm.weights))
    path = Path(base=uncoupled, target=rbm, uncoupled=True)
    hidden = state.chains.swapaxes(0, 1)
    # Only the hidden half of a state is read by a step; the visible half gives the shape.
    begin = gibbs.State(rbm.visible.no_field(*hidden.shape[:-1]), hidden)
    return tempering.chain(key, path, jnp.asarray(temperatures, floating_type(rbm)), begin, k)


def _negative_phase(key: Key, rbm: RBM, walk: gibbs.State, choices: phases.Choices) -> phases.Phase:
    """Returns the statistics of the RBM's own chains, as if their visible states were data."""
    measured = dataclasses.replace(choices, positive=choices.negative)
    return phases.positive_phase(key, rbm, walk.visible[0], measured)
