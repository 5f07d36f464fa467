"""Contrastive divergence, CD-k (2006 paper, section 3, eq. 3.2; Hinton 2002).

Read `phases` and `updates` first.

The chain starts at the data and makes k full Gibbs steps; the step follows the difference of
statistics between its two ends. The gradient is biased: the way in which the end of the chain
depends on the parameters is ignored, so it is the gradient of KL(P0 || P_inf) - KL(Pk || P_inf)
with Pk held fixed.
"""

from typing import NamedTuple

import jax
import optax

from dbnjax import checks
from dbnjax.learning import phases, updates
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, Learner

CHOICES = phases.Choices(positive="mean", visible="mean", negative="mean")


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      reconstruction_error: squared difference between the data and the end of the chain,
        summed over visible units, mean over cases.
      activity: mean hidden activity on the data.
    """

    reconstruction_error: Array
    activity: Array


def contrastive_divergence(
    k: int = 1,
    choices: phases.Choices = CHOICES,
    centred: bool = False,
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes a CD-k learner.

    `init(key, params)` starts at rest and draws nothing. `step(key, hyper, state, batch)` takes
    an `updates.Hyper`, an `updates.State` and visible states `[..., n_visible]`.

    Args:
      k: full Gibbs steps, static; the most of them where the hyper-parameters have a number of
        their own.
      choices: what is sampled and what is averaged.
      centred: subtract moving averages from the states in the weights' gradient.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.

    Example:
      >>> from dbnjax import units
      >>> from dbnjax.models import rbm
      >>> machine = rbm.init(jax.random.key(0), units.Bernoulli.zeros(6), units.Bernoulli.zeros(4))
      >>> learner = contrastive_divergence(k=1)
      >>> state = learner.init(jax.random.key(1), machine)
      >>> batch = jnp.ones((5, 6))
      >>> state, info = learner.step(jax.random.key(2), updates.hyper(0.1), state, batch)
      >>> info.reconstruction_error.shape
      ()
    """
    checks.check_count("k", k, 1)
    phases.check_choices(choices)

    def init(key: Key, params: RBM) -> updates.State:
        del key
        return updates.initial_state(params, centred, optimiser)

    def step(
        key: Key, hyper: updates.Hyper, state: updates.State, batch: Array
    ) -> tuple[updates.State, Info]:
        key_hidden, key_chain = jax.random.split(key)
        rbm = state.params
        cases = phases.as_cases(rbm.visible, batch)
        positive = phases.positive_phase(key_hidden, rbm, cases, choices)
        negative = phases.negative_phase(
            key_chain, rbm, positive.hidden_state, k, choices, hyper.n_steps
        )
        gradient = phases.rbm_gradient(positive, negative, state.offsets)
        error = ((positive.visible - negative.visible) ** 2).sum(-1).mean()
        info = Info(reconstruction_error=error, activity=positive.hidden.mean())
        return updates.ascend(hyper, state, gradient, positive, optimiser), info

    return updates.learner(init, step)
