"""Backpropagation: the gradient of the cross-entropy, moved along by any optax optimiser.

Read `updates` first. TR 2006-004, "Using backpropagation for discriminative fine-tuning":

    C = - mean over cases of w_c log p(class_c | v_c),    params += rate * optimiser(dC/dparams)

The weights w_c are 1 unless cases are drawn unevenly (`training.easy_cases`). The squared error of
the probabilities may stand in the place of -log p. The optimiser brings its own sign and memory and
a rate of one, `optax.sgd(1.0, momentum=0.9)` or `optax.adam(1.0)`; the rate proper is an array, so
that schedules and sweeps compile nothing new. Conjugate gradient (`conjugate_gradient`) and
`optax.lbfgs` look along a line themselves: their rate is 1.

Dropout (Srivastava et al. 2014) takes units out with the probability d and makes those that stay
1 / (1 - d) times as large, so that a layer's expected output is that of the whole net, which is
what is asked afterwards. Max-norm then keeps each hidden unit's incoming weights within a ball.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax import checks, numerics
from dbnjax.learning import phases, updates
from dbnjax.models import feedforward
from dbnjax.models.belief_net import Layer, conditional
from dbnjax.models.feedforward import Feedforward
from dbnjax.types import Array, Key, Learner, PyTree


class Batch(NamedTuple):
    """Labelled cases.

    Attributes:
      visible: `[..., n_visible]`.
      labels: `[..., n_classes]` one-of-K states, or targets that sum to one.
      weights: `[...]` what each case counts for; None for one each.
    """

    visible: Array
    labels: Array
    weights: Array | None = None


Cost = Callable[[Array, Batch], Array]  # `cost(log_p, batch)` of each case, `[...]`


class Hyper(NamedTuple):
    """Numbers that may change every epoch, as scalars.

    Attributes:
      rate: what the optimiser's step is multiplied by.
      decay: weight decay, on weights only, inside the gradient.
      hidden: 1 to tune the hidden layers, 0 to leave them as they are while the softmax layer
        learns.
      drop_visible: probability that dropout takes out a visible unit, [0, 1).
      drop_hidden: the same of a hidden unit.
      max_norm: largest length of a hidden unit's incoming weights.
    """

    rate: Array
    decay: Array
    hidden: Array
    drop_visible: Array
    drop_hidden: Array
    max_norm: Array


def hyper(
    rate: float,
    decay: float = 0.0,
    hidden: float = 1.0,
    drop_visible: float = 0.2,
    drop_hidden: float = 0.5,
    max_norm: float = 4.0,
) -> Hyper:
    """Makes a `Hyper` of arrays; the last three say nothing to a learner without them.

    Raises:
      InputError: a number is NaN or outside its range.
    """
    checks.check_within("rate", rate, 0.0)
    checks.check_within("decay", decay, 0.0)
    checks.check_within("hidden", hidden, 0.0, 1.0)
    checks.check_within("drop_visible", drop_visible, 0.0, 1.0, without=1.0)
    checks.check_within("drop_hidden", drop_hidden, 0.0, 1.0, without=1.0)
    checks.check_within("max_norm", max_norm, 0.0, without=0.0)
    return Hyper(*updates.numbers(rate, decay, hidden, drop_visible, drop_hidden, max_norm))


class State(NamedTuple):
    """What the next step needs.

    Attributes:
      params: the net.
      optimiser: the optimiser's memory.
    """

    params: Feedforward
    optimiser: optax.OptState


class Info(NamedTuple):
    """What a step lets you look at, before its update and under dropout if there is any.

    Attributes:
      cross_entropy: in nats, mean over cases, each by its weight.
      error: the part of the cases that is put into a wrong class, each by its weight.
    """

    cross_entropy: Array
    error: Array


def check_batch(net: Feedforward, batch: Batch) -> None:
    """Raises `InputError` unless a net can learn from a batch, as far as can be seen.

    Its visible units may be any, so that of their values no more is asked than that they are
    finite; see `phases.check_cases` for when values are looked at.
    """
    visible, labels, weights = batch
    n_visible = (*net.hidden, net.output)[0].weights.shape[-2]
    phases.check_cases(visible, n_visible)
    phases.check_labels(visible, labels, net.output.unit.size)
    if weights is not None:
        checks.check_array("weights of the cases", weights)
        checks.require(
            weights.shape == visible.shape[:-1],
            f"weights of the cases: expected shape {visible.shape[:-1]}, got {weights.shape}",
        )
        checks.check_within("weights of the cases", weights, 0.0)


def drop(key: Key, x: Array, probability: Array) -> Array:
    """Takes units out at random and enlarges the others by 1 / (1 - probability), `[..., n]`."""
    keep = 1.0 - probability
    return x * numerics.bernoulli(key, jnp.full(x.shape, keep)) / keep


def log_probabilities(key: Key, net: Feedforward, v: Array, hyper: Hyper) -> Array:
    """Returns log p(class | v) of a net with units dropped out at random, `[..., n_classes]`."""
    x = drop(jax.random.fold_in(key, 0), v, hyper.drop_visible)
    for i, layer in enumerate(net.hidden, start=1):
        x = drop(jax.random.fold_in(key, i), conditional(layer, x).mean(), hyper.drop_hidden)
    return feedforward.log_probabilities(Feedforward((), net.output), x)


def cross_entropy(log_p: Array, batch: Batch) -> Array:
    """Returns minus the log-probability of each case's label in nats, by its weight, `[...]`."""
    return weighted(-(batch.labels * log_p).sum(-1), batch)


def squared_error(log_p: Array, batch: Batch) -> Array:
    """Returns each case's squared error of the probabilities, by its weight, `[...]`."""
    return weighted(((jnp.exp(log_p) - batch.labels) ** 2).sum(-1), batch)


def weighted(each: Array, batch: Batch) -> Array:
    """Returns a number of each case, `[...]`, multiplied by the case's weight."""
    return each if batch.weights is None else batch.weights * each


def half_square(net: Feedforward) -> Array:
    """Returns half the sum of all squared weights, whose slope is weight decay."""
    squares = [(layer.weights**2).sum() for layer in (*net.hidden, net.output)]
    return 0.5 * jnp.stack(squares).sum()


def within_norm(net: Feedforward, most: Array) -> Feedforward:
    """Shortens every hidden unit's incoming weights to a length of `most` at the most."""

    def shorten(layer: Layer) -> Layer:
        length = jnp.linalg.norm(layer.weights, axis=-2, keepdims=True)
        return dataclasses.replace(layer, weights=layer.weights * jnp.minimum(1.0, most / length))

    return Feedforward(tuple(shorten(layer) for layer in net.hidden), net.output)


def backprop(
    optimiser: optax.GradientTransformation,
    dropout: bool = False,
    max_norm: bool = False,
    cost: Cost = cross_entropy,
) -> Learner:
    """Makes a learner of a feedforward net.

    `step(key, hyper, state, batch)` takes a `Hyper` and a `Batch`; the key serves dropout alone.

    Args:
      optimiser: any of optax's, or one of that shape, with a rate of one.
      dropout: take visible and hidden units out at random.
      max_norm: keep incoming weights short.
      cost: what is minimised, `cross_entropy` or `squared_error`.

    Example:
      >>> net = feedforward.init(jax.random.key(0), (6, 4), n_classes=3)
      >>> learner = backprop(optax.sgd(1.0, momentum=0.9))
      >>> state = learner.init(jax.random.key(1), net)
      >>> batch = Batch(jnp.ones((5, 6)), jax.nn.one_hot(jnp.arange(5) % 3, 3))
      >>> state, info = learner.step(jax.random.key(2), hyper(0.1), state, batch)
      >>> info.cross_entropy.shape
      ()
    """
    searching = optax.with_extra_args_support(optimiser)

    def init(key: Key, params: Feedforward) -> State:
        del key
        return State(params, searching.init(params))

    def step(key: Key, hyper: Hyper, state: State, batch: Batch) -> tuple[State, Info]:
        def objective(net: Feedforward) -> tuple[Array, Array]:
            net = Feedforward(_with_slope(net.hidden, hyper.hidden), net.output)
            if dropout:
                log_p = log_probabilities(key, net, batch.visible, hyper)
            else:
                log_p = feedforward.log_probabilities(net, batch.visible)
            return cost(log_p, batch).mean() + hyper.decay * half_square(net), log_p

        params = state.params
        check_batch(params, batch)
        (value, log_p), slope = jax.value_and_grad(objective, has_aux=True)(params)
        change, memory = searching.update(
            slope,
            state.optimiser,
            params,
            value=value,
            grad=slope,
            value_fn=lambda net: objective(net)[0],
        )
        params = _moved(params, change, hyper, max_norm)
        wrong = (log_p.argmax(-1) != batch.labels.argmax(-1)).astype(log_p.dtype)
        mean = cross_entropy(log_p, batch).mean()
        return State(params, memory), Info(mean, weighted(wrong, batch).mean())

    return updates.learner(init, step)


def _moved(params: Feedforward, change: Feedforward, hyper: Hyper, max_norm: bool) -> Feedforward:
    tuned = hyper.hidden > 0.0  # no memory of an optimiser moves layers that are left alone
    params = Feedforward(
        updates.move(params.hidden, hyper.rate * tuned.astype(hyper.rate.dtype), change.hidden),
        updates.move(params.output, hyper.rate, change.output),
    )
    return within_norm(params, jnp.where(tuned, hyper.max_norm, jnp.inf)) if max_norm else params


@jax.custom_jvp
def _with_slope(x: PyTree, factor: Array) -> PyTree:
    """Returns x, whose slope is multiplied by the factor: no copy of the weights is made."""
    del factor
    return x


@_with_slope.defjvp
def _slope(primals: tuple[PyTree, Array], tangents: tuple[PyTree, Array]) -> tuple[PyTree, PyTree]:
    x, factor = primals
    return x, jax.tree.map(lambda t: factor * t, tangents[0])
