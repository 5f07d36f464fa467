"""The up-down algorithm: contrastive wake-sleep (2006 paper, section 5 and appendix B).

Read `passes` first. One step: a stochastic up-pass from the data; the memory's positive
statistics; a few Gibbs iterations in the memory, started where the up-pass ended; a down-pass
from there. The generative layers learn from the first, the recognition layers from the last,
the memory from the difference between its two phases, as in contrastive divergence.

Errata of the printed pseudocode, mended here: `wakeop*` is `waketop*`, `poshidstates` is
`wakehidstates`, one parenthesis is spare, and `psleep*states` are probabilities. The
visible layer of the down-pass stays a probability. Label units carry softmax probabilities in
the loop; section 6.1 samples one of them instead, hence the argument. Momentum and decay, which
the experiments used, are absent from the pseudocode and present here.
"""

from typing import NamedTuple

import optax

from dbnjax import checks
from dbnjax.learning import passes, updates
from dbnjax.models.dbn import DBN
from dbnjax.types import Array, Draw, Key, Learner, PyTree


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the net.
      velocity: a pytree like the net, or the memory of the learner's optimiser.
    """

    params: DBN
    velocity: PyTree


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      reconstruction_error: squared error of predicting the data from the first hidden
        states, summed over visible units, mean over cases; zero for a bare memory.
      memory_error: squared difference between the two ends of the memory's chain, summed
        over its visible units, mean over cases.
    """

    reconstruction_error: Array
    memory_error: Array


def up_down(
    n_steps: int,
    labels: Draw = "mean",
    statistics: Draw = "sample",
    optimiser: optax.GradientTransformation | None = None,
) -> Learner:
    """Makes an up-down learner.

    `step(key, hyper, state, batch)` takes a `passes.Hyper` and a `passes.Batch`.

    Args:
      n_steps: Gibbs iterations in the memory between the passes, static (3, 6 and 10 in the
        paper); the most of them where the hyper-parameters have a number of their own.
      labels: label states in the memory's chain; "mean" is appendix B, "sample" section 6.1.
      statistics: the top units in the memory's statistics; "sample" is appendix B, "mean" the
        same gradient in expectation with less noise.
      optimiser: any of optax's in the place of the momentum, as `updates` describes.
    """
    checks.check_count("n_steps", n_steps, 1)
    checks.check_draw("labels", labels)
    checks.check_draw("statistics", statistics)

    def init(key: Key, params: DBN) -> State:
        del key
        return State(params, updates.at_rest(params, optimiser))

    def step(
        key: Key, hyper: passes.Hyper, state: State, batch: passes.Batch
    ) -> tuple[State, Info]:
        measured = passes.contrastive_wake_sleep(
            key, state.params, batch, n_steps, labels, statistics, hyper.n_steps
        )
        moved = passes.ascend(hyper, state.params, state.velocity, measured.gradient, optimiser)
        return State(*moved), Info(measured.reconstruction_error, measured.memory_error)

    return updates.learner(init, step)
