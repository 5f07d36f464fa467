"""Plain wake-sleep with a memory on top: the variant that section 5 of the 2006 paper warns of.

Read `passes` first. It differs from up-down in what it dreams of: the down-pass starts from the
memory's equilibrium distribution, not from a few iterations after an up-pass. The equilibrium is
followed by persistent chains, labels sampled, that never see the data; the memory learns from them
too. So recognition is learned for dreams that early in training resemble no data, and modes that
recognition ignores are averaged in.
"""

from typing import NamedTuple

import jax
import optax

from dbnjax import checks
from dbnjax.learning import passes, phases, updates
from dbnjax.models import dbn as dbn_lib
from dbnjax.models.dbn import DBN
from dbnjax.types import Array, Key, Learner, PyTree


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the net.
      velocity: a pytree like the net, or the memory of the learner's optimiser.
      chains: `[n_chains, n_top]` top states of the memory's persistent chains.
    """

    params: DBN
    velocity: PyTree
    chains: Array


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      reconstruction_error: as in `up_down`.
      chain_activity: mean activity of the top units at the end of the chains.
    """

    reconstruction_error: Array
    chain_activity: Array


def wake_sleep(
    n_chains: int, n_steps: int, optimiser: optax.GradientTransformation | None = None
) -> Learner:
    """Makes a wake-sleep learner.

    `step(key, hyper, state, batch)` takes a `passes.Hyper` and a `passes.Batch`.

    Args:
      n_chains: persistent chains of the memory, static.
      n_steps: Gibbs iterations between updates, static; the more, the nearer to equilibrium.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.
    """
    checks.check_count("n_chains", n_chains, 1)
    checks.check_count("n_steps", n_steps, 1)

    def init(key: Key, params: DBN) -> State:
        top = params.memory.hidden
        chains = top.sample(key, top.no_field(n_chains))
        return State(params, updates.at_rest(params, optimiser), chains)

    def step(
        key: Key, hyper: passes.Hyper, state: State, batch: passes.Batch
    ) -> tuple[State, Info]:
        key_wake, key_top, key_chain, key_sleep = jax.random.split(key, 4)
        dbn = state.params
        choices = passes.memory_choices(dbn, "sample", "sample")
        batch = passes.as_cases(dbn, batch)
        states, generative = passes.wake(key_wake, dbn, batch.visible)
        clamped = dbn_lib.join_labels(states[-1], batch.labels)
        positive = phases.positive_phase(key_top, dbn.memory, clamped, choices)
        dream = phases.negative_phase(key_chain, dbn.memory, state.chains, n_steps, choices)
        penultimate, _ = dbn_lib.split_labels(dbn.memory, dream.visible)
        gradient = DBN(
            recognition=passes.sleep(key_sleep, dbn, penultimate),
            generative=generative,
            memory=phases.rbm_gradient(positive, dream, offsets=None),
        )
        info = Info(passes.reconstruction_error(dbn, states), dream.hidden.mean())
        params, velocity = passes.ascend(hyper, dbn, state.velocity, gradient, optimiser)
        return State(params, velocity, dream.hidden_state), info

    return updates.learner(init, step)
