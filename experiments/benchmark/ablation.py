"""Rows of CD-1 with one thing left out each, which show where the time of a minibatch goes.

The step is made by hand from parts that can be left out. With all of them it is the library's;
all rows run in the library's own program of an epoch. The rate is zero, since without a sigmoid no
weights would stay finite; no time depends on its value.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import numerics
from dbnjax.learning import contrastive_divergence, updates
from dbnjax.learning.updates import Hyper, State
from dbnjax.training import greedy
from dbnjax.types import Array, Key, Learner, PyTree
from dbnjax.units import Bernoulli
from experiments.benchmark import jobs as jobs_lib
from experiments.benchmark import parts as parts_lib
from experiments.benchmark.jobs import Job, Setting


class Ends(NamedTuple):
    """Both layers at both ends of the chain: `[n_cases, n_visible]` or `[n_cases, n_hidden]`."""

    visible: Array
    hidden: Array
    reconstruction: Array
    last: Array


def activate(product: Array, bias: Array) -> Array:
    """Returns the means of a layer."""
    return jax.nn.sigmoid(bias + product)


def accelerated(
    hyper: Hyper, weights: Array, velocity: Array, gradient: Array
) -> tuple[Array, Array]:
    """Moves weights with momentum and decay; returns them and their velocity."""
    velocity = updates.accelerate(hyper.momentum, velocity, gradient - hyper.decay * weights)
    return updates.move(weights, hyper.rate, velocity), velocity


def plain(hyper: Hyper, weights: Array, velocity: Array, gradient: Array) -> tuple[Array, Array]:
    """Moves weights by the gradient alone."""
    return updates.move(weights, hyper.rate, gradient), velocity


def biases_and_info(
    hyper: Hyper, state: State, ends: Ends
) -> tuple[State, contrastive_divergence.Info]:
    """Learns everything but the weights, and looks at what the library's step shows."""
    before, velocity = state.params, state.velocity
    active = ends.hidden.mean(0)
    gradient = (
        Bernoulli(ends.visible.mean(0) - ends.reconstruction.mean(0)),
        Bernoulli(active - ends.last.mean(0)),
    )
    speeds = updates.accelerate(hyper.momentum, (velocity.visible, velocity.hidden), gradient)
    visible, hidden = updates.move((before.visible, before.hidden), hyper.rate, speeds)
    activity = state.activity + hyper.averaging * (active - state.activity)
    pull = hyper.rate * hyper.sparsity_cost * (hyper.sparsity_target - activity)
    params = dataclasses.replace(before, visible=visible, hidden=hidden.shift_field(pull))
    velocity = dataclasses.replace(velocity, visible=speeds[0], hidden=speeds[1])
    error = ((ends.visible - ends.reconstruction) ** 2).sum(-1).mean()
    info = contrastive_divergence.Info(error, ends.hidden.mean())
    return State(params, velocity, activity, None), info


def nothing(hyper: Hyper, state: State, ends: Ends) -> tuple[State, tuple[()]]:
    """Learns no biases and looks at nothing."""
    del hyper, ends
    return state, ()


class Pieces(NamedTuple):
    """What a step is made of beside its five products.

    Attributes:
      mean: `mean(product, bias)`, the means of a layer.
      draw: `draw(key, mean)`, the hidden states that are reconstructed from.
      weights: `weights(hyper, weights, velocity, gradient)`, the first two after the step.
      rest: `rest(hyper, state, ends)`, the state with all but its weights learned, and the info.
    """

    mean: Callable[[Array, Array], Array] = activate
    draw: Callable[[Key, Array], Array] = numerics.bernoulli
    weights: Callable[[Hyper, Array, Array, Array], tuple[Array, Array]] = accelerated
    rest: Callable[[Hyper, State, Ends], tuple[State, Any]] = biases_and_info


ALL = Pieces()
NO_DRAWS = ALL._replace(draw=lambda key, mean: mean)
STEPS = {
    "by hand": ALL,
    "no draws": NO_DRAWS,
    "no sigmoid": ALL._replace(mean=lambda product, bias: bias + product),
    "no momentum and decay": ALL._replace(weights=plain),
    "no biases and info": ALL._replace(rest=nothing),
}
PRODUCTS = NO_DRAWS._replace(mean=lambda product, bias: product, weights=plain, rest=nothing)


def step_of(pieces: Pieces) -> Callable[..., Any]:
    """Makes the step of a learner."""

    def step(key: Key, hyper: Hyper, state: State, v: Array) -> tuple[State, Any]:
        key_hidden, _ = jax.random.split(key)
        rbm, n_cases = state.params, len(v)
        h = pieces.mean(v @ rbm.weights, rbm.hidden.bias)
        drawn = pieces.draw(key_hidden, h)
        reconstruction = pieces.mean(drawn @ rbm.weights.T, rbm.visible.bias)
        last = pieces.mean(reconstruction @ rbm.weights, rbm.hidden.bias)
        gradient = (v.T @ h) / n_cases - (reconstruction.T @ last) / n_cases
        moved = pieces.weights(hyper, rbm.weights, state.velocity.weights, gradient)
        state, info = pieces.rest(hyper, state, Ends(v, h, reconstruction, last))
        params, velocity = (
            dataclasses.replace(machine, weights=weights)
            for machine, weights in zip((state.params, state.velocity), moved, strict=True)
        )
        return state._replace(params=params, velocity=velocity), info

    return step


def at_hand(key: Key, batch: Array, pixels: Array, labels: Array) -> Array:
    """Leaves the pixels where they are, and learns from a minibatch that is there already."""
    del key, pixels, labels
    return batch


def ablation(setting: Setting) -> list[Job]:
    """CD-1 of the first machine: the library's, by hand, less one thing each, products alone."""
    size, machine = setting.sizes.batch_size, setting.stack.rbms[0]
    what = jobs_lib.divergence(machine)
    what = what._replace(hyper=what.hyper._replace(rate=jnp.float32(0)))

    def by_hand(pieces: Pieces, **changes: PyTree) -> jobs_lib.Training:
        learner = Learner(init=what.learner.init, step=step_of(pieces))
        return what._replace(learner=learner, **changes)

    batch = greedy.intensities(jax.random.key(0), setting.data.pixels[:size], "mean")
    trainings = {
        "the library's": what,
        **{name: by_hand(pieces) for name, pieces in STEPS.items()},
        "no gather and cast": by_hand(ALL, prepare=at_hand, context=batch),
        "products alone, in a scan": by_hand(PRODUCTS, prepare=at_hand, context=batch),
    }
    shape = machine.weights.shape
    parts = parts_lib.contrastive_divergence(size, *shape)
    name = "CD-1 of {}-{} by parts".format(*shape)
    return [
        jobs_lib.epochs(f"{name}: {how}", parts, training, setting.data, size)
        for how, training in trainings.items()
    ]
