"""Auto-encoders of one hidden layer: they learn to give back what they are given.

    y = mean of the hidden units at the field v W,    x = mean of the visible units at y W'

and the gradient of what x lacks of v, by backpropagation, moved along by any optax optimiser. Tied
weights, W' = W^T, are those of a machine (`RBM`), which stands for the auto-encoder here: its
gradient is the sum of the encoder's and the decoder's. Untied ones are an `AutoEncoder`. What is
made smaller is one of two costs, mean over cases:

    squared          sum_i (v_i - x_i)^2
    cross_entropy    -log p(v | y) under the visible units, in nats; for binary ones and
                     intensities, - sum_i v_i log x_i + (1 - v_i) log(1 - x_i)

Stacked as machines are, each on the codes of the one below, they start a deep net (Bengio et al.
2006, "Greedy layer-wise training of deep networks"). Nothing is drawn.
Shapes: v `[..., n_visible]`, y `[..., n_hidden]`, W `[n_visible, n_hidden]`.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax import checks
from dbnjax.learning import phases, updates
from dbnjax.models.belief_net import Layer, conditional
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, Learner, pytree
from dbnjax.units.base import Conditional

Loss = Literal["squared", "cross_entropy"]


@pytree
class AutoEncoder:
    """An auto-encoder whose decoder has weights of its own.

    Attributes:
      encoder: from the visible units to the hidden ones.
      decoder: from the hidden units back to the visible ones.
    """

    encoder: Layer
    decoder: Layer


class Hyper(NamedTuple):
    """Numbers that may change every epoch, as scalars.

    Attributes:
      rate: what the optimiser's step is multiplied by.
    """

    rate: Array


def hyper(rate: float) -> Hyper:
    """Makes a `Hyper` of an array.

    Raises:
      InputError: the rate is below 0 or NaN.
    """
    checks.check_within("rate", rate, 0.0)
    return Hyper(*updates.numbers(rate))


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the machine, or the `AutoEncoder`.
      optimiser: the optimiser's memory.
    """

    params: Any
    optimiser: optax.OptState


class Info(NamedTuple):
    """What a step lets you look at, before its update.

    Attributes:
      cost: what is made smaller.
      reconstruction_error: squared difference between the data and their reconstruction, summed
        over visible units, mean over cases.
    """

    cost: Array
    reconstruction_error: Array


def layers(params: RBM | AutoEncoder) -> AutoEncoder:
    """Returns encoder and decoder; those of a machine share its weights."""
    if isinstance(params, AutoEncoder):
        return params
    return AutoEncoder(
        encoder=Layer(unit=params.hidden, weights=params.weights),
        decoder=Layer(unit=params.visible, weights=params.weights.T),
    )


def untie(machine: RBM) -> AutoEncoder:
    """Gives the decoder arrays of its own; nothing that is computed changes until an update."""
    return jax.tree.map(jnp.copy, layers(machine))


def code(params: RBM | AutoEncoder, v: Array) -> Array:
    """Returns the means of the hidden units, `[..., n_hidden]`."""
    return conditional(layers(params).encoder, v).mean()


def reconstruction(params: RBM | AutoEncoder, v: Array) -> Conditional:
    """Returns p(v | code of v), whose mean is the reconstruction."""
    return conditional(layers(params).decoder, code(params, v))


def autoencoder(optimiser: optax.GradientTransformation, loss: Loss = "cross_entropy") -> Learner:
    """Makes a learner of an auto-encoder, tied or not as its parameters are.

    `init(key, params)` takes an `RBM` or an `AutoEncoder`. `step(key, hyper, state, batch)` takes a
    `Hyper` and visible states `[..., n_visible]`; the key is not used.

    Args:
      optimiser: any of optax's, or one of that shape, with a rate of one.
      loss: the cost; "cross_entropy" needs visible units with an energy.

    Raises:
      InputError: the loss is neither.

    Example:
      >>> from dbnjax import units
      >>> from dbnjax.models import rbm
      >>> machine = rbm.init(jax.random.key(0), units.Bernoulli.zeros(6), units.Bernoulli.zeros(4))
      >>> learner = autoencoder(optax.sgd(1.0, momentum=0.9))
      >>> state = learner.init(jax.random.key(1), untie(machine))
      >>> state, info = learner.step(jax.random.key(2), hyper(0.1), state, jnp.ones((5, 6)))
      >>> info.reconstruction_error.shape
      ()
    """
    checks.require(
        loss in ("squared", "cross_entropy"),
        f"loss: expected 'squared' or 'cross_entropy', got {loss!r}",
    )
    searching = optax.with_extra_args_support(optimiser)

    def init(key: Key, params: RBM | AutoEncoder) -> State:
        del key
        return State(params, searching.init(params))

    def step(key: Key, hyper: Hyper, state: State, batch: Array) -> tuple[State, Info]:
        del key
        unit = layers(state.params).decoder.unit
        phases.check_cases(batch, unit.size, unit.check_data)

        def cost(params: RBM | AutoEncoder) -> tuple[Array, Array]:
            given = reconstruction(params, batch)
            error = ((batch - given.mean()) ** 2).sum(-1).mean()
            return (error if loss == "squared" else -given.log_prob(batch).mean()), error

        (value, error), slope = jax.value_and_grad(cost, has_aux=True)(state.params)
        change, memory = searching.update(
            slope,
            state.optimiser,
            state.params,
            value=value,
            grad=slope,
            value_fn=lambda params: cost(params)[0],
        )
        params = updates.move(state.params, hyper.rate, change)
        return State(params, memory), Info(cost=value, reconstruction_error=error)

    return updates.learner(init, step)
