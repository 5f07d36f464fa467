"""Wake-sleep with independent top units (2007 review, Box 1; Hinton et al. 1995).

Read `passes` and `models.helmholtz` first. Wake: recognition draws every hidden layer for a case,
and the generative weights learn to predict each layer from the one above it. That follows the
gradient of the bound, sum_h Q(h | v) [log p(v, h) - log Q(h | v)], by the generative parameters
alone. Sleep: the net draws as many fantasies as there are cases, all units sampled, and
recognition learns to infer each layer from the one below it: this descends the mean over p(v) of
KL(p(h | v) || Q(h | v)), where the bound has the divergence turned round. Where p(h | v) has
several modes, the first is least for a Q that covers all of them, and the bound pays for what lies
between.

`wake_sleep` has a memory on top, `up_down` its contrastive form. Both leave the visible units of
the down-pass means; here they are sampled, as Box 1 has it, so that data should be states too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax.learning import passes, phases, updates
from dbnjax.models import belief_net as belief_net_lib
from dbnjax.models import helmholtz as helmholtz_lib
from dbnjax.models.belief_net import conditional
from dbnjax.models.helmholtz import Helmholtz
from dbnjax.types import Array, Key, Learner, PyTree


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the net and its recognition.
      velocity: a pytree like these, or the memory of the learner's optimiser.
    """

    params: Helmholtz
    velocity: PyTree


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      reconstruction_error: squared error of predicting the data from the first hidden states,
        summed over visible units, mean over cases.
      recognition: log Q of the fantasies' hidden layers given what they produced, in nats, mean
        over fantasies; the nearer to zero, the more surely recognition infers them.
    """

    reconstruction_error: Array
    recognition: Array


def wake_sleep(optimiser: optax.GradientTransformation | None = None) -> Learner:
    """Makes a learner of a net with independent top units and of its recognition.

    `step(key, hyper, state, batch)` takes a `passes.Hyper` and visible states `[..., n_visible]`.

    Args:
      optimiser: any of optax's in the place of the momentum, as `updates` describes.
    """

    def init(key: Key, params: Helmholtz) -> State:
        del key
        params.check()
        return State(params, updates.at_rest(params, optimiser))

    def step(key: Key, hyper: passes.Hyper, state: State, batch: Array) -> tuple[State, Info]:
        key_wake, key_sleep = jax.random.split(key)
        machine, net = state.params, state.params.net
        v = phases.as_cases(net.layers[-1].unit, batch)
        awake = helmholtz_lib.up_pass(key_wake, machine, v)
        asleep = belief_net_lib.ancestral_sample(key_sleep, net, len(v))
        below, above = tuple(reversed(asleep))[:-1], tuple(reversed(asleep))[1:]
        dreams = list(zip(machine.recognition, below, above, strict=True))
        gradient = Helmholtz(
            recognition=tuple(phases.layer_gradient(*dream) for dream in dreams),
            net=passes.net_gradient(net, awake),
        )
        predicted = conditional(net.layers[-1], awake[-2]).mean()
        log_q = [conditional(layer, x).log_prob(y).mean() for layer, x, y in dreams]
        info = Info(
            reconstruction_error=((v - predicted) ** 2).sum(-1).mean(),
            recognition=jnp.stack(log_q).sum(),
        )
        moved = passes.ascend(hyper, machine, state.velocity, gradient, optimiser)
        return State(*moved), info

    return updates.learner(init, step)
