"""Maximum likelihood for a belief net by Gibbs sampling of its posterior (Neal 1992).

Read `passes` and `sampling.belief_net_gibbs` first. With hidden states drawn from the posterior of
each case, the delta rule (2007 review, equation 1) follows the gradient of log p(v); there is no
second phase, since the net is normalised as it is. The chains of a step start at states that the
net draws without regard to the case, so that the gradient is right in the limit of many sweeps
and biased towards the prior after few. `evaluation.belief_nets.gradient` is exact where the hidden
layers can be enumerated.
"""

from typing import NamedTuple

import jax
import optax

from dbnjax import checks
from dbnjax.learning import passes, phases, updates
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models.belief_net import BeliefNet
from dbnjax.sampling import belief_net_gibbs
from dbnjax.types import Array, Key, Learner, PyTree


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the net.
      velocity: a pytree like the net, or the memory of the learner's optimiser.
    """

    params: BeliefNet
    velocity: PyTree


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      log_joint: log p of the cases and of the hidden states drawn for them, in nats, mean over
        cases.
    """

    log_joint: Array


def gibbs_posterior(
    n_sweeps: int, optimiser: optax.GradientTransformation | None = None
) -> Learner:
    """Makes a learner of a belief net with binary hidden units.

    `step(key, hyper, state, batch)` takes a `passes.Hyper` and visible states `[..., n_visible]`.

    Args:
      n_sweeps: of the posterior's chains for each case, static.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.
    """
    checks.check_count("n_sweeps", n_sweeps, 1)

    def init(key: Key, params: BeliefNet) -> State:
        del key
        return State(params, updates.at_rest(params, optimiser))

    def step(key: Key, hyper: passes.Hyper, state: State, batch: Array) -> tuple[State, Info]:
        key_start, key_chain = jax.random.split(key)
        net = state.params
        v = phases.as_cases(net.layers[-1].unit, batch)
        start = belief_net_gibbs.start(key_start, net, v)
        states = belief_net_gibbs.chain(key_chain, net, start, n_sweeps)
        gradient = passes.net_gradient(net, states)
        moved = passes.ascend(hyper, net, state.velocity, gradient, optimiser)
        return State(*moved), Info(belief_net_lib.log_joint(net, states).mean())

    return updates.learner(init, step)
