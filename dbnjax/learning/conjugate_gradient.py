"""Nonlinear conjugate gradient: a few line searches on one minibatch, shaped as optax's optimisers.

With the gradient g_k of the objective C at x_k, the directions are those of Polak and Ribiere,

    d_0 = -g_0,    beta_k = max(0, <g_k, g_k - g_{k-1}> / <g_{k-1}, g_{k-1}>),
    d_k = -g_k + beta_k d_{k-1},    or -g_k where that does not go downhill,

and the step a along d_k meets the strong Wolfe conditions (optax's zoom search)

    C(x_k + a d_k) <= C(x_k) + 0.05 a <g_k, d_k>,
    |<g(x_k + a d_k), d_k>| <= 0.1 |<g_k, d_k>|.

The first of the two gives way to a bound on the slope where C falls by less than its rounding
(Hager and Zhang 2006, eq. 23), but C never rises. The first step tried is a_0 = r / (1 + |g_0|^2)
and then a_{k-1} <g_{k-1}, d_{k-1}> / <g_k, d_k>, at most tenfold. The code of Science 2006 starts
every minibatch with r = 1; here r is what the last minibatch found, so that the number of
evaluations does not depend on the scale of C.

Sources: Nocedal and Wright 2006, eq. 3.7, 5.44 and 5.45; Hinton and Salakhutdinov 2006, whose code
makes three line searches on each 1,000 cases by Rasmussen's `minimize` (the constants are his).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from dbnjax import checks
from dbnjax.types import Array, PyTree, floating_type

SUFFICIENT_DECREASE, CURVATURE = 0.05, 0.1  # of the strong Wolfe conditions
_LARGEST_GROWTH = 10.0  # of the first step tried, from one line search to the next


class State(NamedTuple):
    """What the next update needs.

    Attributes:
      reach: scalar r, the step a_0 that was taken last time by 1 + |g_0|^2; 1 at first.
    """

    reach: Array


class _Search(NamedTuple):
    """Where the line searches of one update stand.

    Attributes:
      moved: the displacement so far, shaped like the parameters.
      value: the objective there.
      gradient: its gradient there.
      direction: where the next line search looks.
      slope: the scalar product of the two.
      trial: the first step that it tries.
      reach: as in `State`.
      n_searches: line searches made.
      n_failures: line searches in a row that found nothing.
    """

    moved: PyTree
    value: Array
    gradient: PyTree
    direction: PyTree
    slope: Array
    trial: Array
    reach: Array
    n_searches: Array
    n_failures: Array


def polak_ribiere(before: PyTree, gradient: PyTree) -> Array:
    """Returns beta, a scalar, from two gradients in a row."""
    change = optax.tree.sub(gradient, before)
    beta = optax.tree.vdot(gradient, change) / optax.tree.vdot(before, before)
    return jnp.maximum(0.0, beta)


def next_direction(before: PyTree, gradient: PyTree, direction: PyTree) -> tuple[PyTree, Array]:
    """Returns where to look next, and the objective's slope that way, which is not positive.

    Args:
      before: the gradient where the last line search started.
      gradient: the gradient where it ended.
      direction: where it looked.
    """
    downhill = optax.tree.scale(-1.0, gradient)
    conjugate = optax.tree.add_scale(downhill, polak_ribiere(before, gradient), direction)
    slope = optax.tree.vdot(gradient, conjugate)
    return optax.tree.where(
        slope < 0.0, (conjugate, slope), (downhill, optax.tree.vdot(gradient, downhill))
    )


def _line_search(
    zoom: optax.GradientTransformationExtraArgs,
    value_fn: Callable[[PyTree], Array],
    search: _Search,
) -> _Search:
    """Looks along the direction and stays where it is if nothing better is found there."""
    step, found = zoom.update(
        optax.tree.scale(search.trial, search.direction),
        zoom.init(search.moved),
        search.moved,
        value=search.value,
        grad=search.gradient,
        value_fn=value_fn,
    )
    length = search.trial * found.learning_rate
    finite = jnp.isfinite(optax.tree.vdot(found.grad, found.grad))
    good = (found.value < search.value) & finite
    moved, value, gradient = optax.tree.where(
        good,
        (optax.tree.add(search.moved, step), found.value, found.grad),
        (search.moved, search.value, search.gradient),
    )
    # After a failure the gradient is as before, beta is 0 and the direction is steepest descent.
    direction, slope = next_direction(search.gradient, gradient, search.direction)
    next_trial = length * jnp.minimum(_LARGEST_GROWTH, search.slope / slope)
    reach = jnp.where(good, length * (1.0 - search.slope), 1.0)
    return _Search(
        moved=moved,
        value=value,
        gradient=gradient,
        direction=direction,
        slope=slope,
        trial=jnp.where(good, next_trial, 1.0 / (1.0 - slope)),
        reach=jnp.where(search.n_searches == 0, reach, search.reach),
        n_searches=search.n_searches + 1,
        n_failures=jnp.where(good, 0, search.n_failures + 1),
    )


def _start(params: PyTree, value: Array, gradient: PyTree, reach: Array) -> _Search:
    """Returns where an update starts: nothing moved yet, steepest descent ahead."""
    direction = optax.tree.scale(-1.0, gradient)
    slope = optax.tree.vdot(gradient, direction)
    return _Search(
        moved=optax.tree.zeros_like(params),
        value=value,
        gradient=gradient,
        direction=direction,
        slope=slope,
        trial=reach / (1.0 - slope),
        reach=reach,
        n_searches=jnp.asarray(0),
        n_failures=jnp.asarray(0),
    )


def conjugate_gradient(
    n_line_searches: int = 3, max_evaluations: int = 20
) -> optax.GradientTransformationExtraArgs:
    """Makes an optimiser whose update is a few line searches, to be added as it is: its rate is 1.

    `update(grads, state, params, value=, grad=, value_fn=, **extra)` wants what `optax.lbfgs`
    wants: the objective, the value and the gradient that it has at `params`; `extra` goes to the
    objective. What is added is where the objective was evaluated last, never a worse point: a
    line search that fails leaves the point where it is, and a second one in a row, or a gradient
    of zero, ends the update. Under `vmap` every evaluation costs two, for optax's search chooses
    between its two phases by a condition.

    Args:
      n_line_searches: line searches an update.
      max_evaluations: values with gradients that a line search may ask for.

    Raises:
      InputError: a number is not a whole number from 1 on.

    Example:
      >>> optimiser = conjugate_gradient()
      >>> params, curvature = jnp.ones(2), jnp.array([1.0, 10.0])
      >>> objective = lambda x: (curvature * x**2).sum()
      >>> value, grad = jax.value_and_grad(objective)(params)
      >>> change, state = optimiser.update(
      ...     grad, optimiser.init(params), params, value=value, grad=grad, value_fn=objective
      ... )
      >>> bool(objective(optax.apply_updates(params, change)) < 1e-3)
      True
    """
    checks.check_count("line searches", n_line_searches, 1)
    checks.check_count("evaluations", max_evaluations, 1)
    zoom, unfinished = _zoom(max_evaluations), partial(_unfinished, n_line_searches)

    def init(params: PyTree) -> State:
        return State(jnp.ones((), floating_type(params)))

    def update(
        updates: PyTree,
        state: State,
        params: PyTree,
        *,
        value: Array,
        grad: PyTree,
        value_fn: Callable[..., Array],
        **extra: Any,
    ) -> tuple[PyTree, State]:
        del updates  # the line searches need the objective's own gradient

        def value_at(moved: PyTree) -> Array:
            return value_fn(optax.apply_updates(params, moved), **extra)

        search = _start(params, value, grad, state.reach)
        search = jax.lax.while_loop(unfinished, partial(_line_search, zoom, value_at), search)
        return search.moved, State(search.reach)

    return optax.GradientTransformationExtraArgs(init, update)


def _unfinished(n_line_searches: int, search: _Search) -> Array:
    more = (search.n_searches < n_line_searches) & (search.n_failures < 2)
    return more & (search.slope < 0.0)


def _zoom(max_evaluations: int) -> optax.GradientTransformationExtraArgs:
    return optax.scale_by_zoom_linesearch(
        max_evaluations,
        slope_rtol=SUFFICIENT_DECREASE,
        curv_rtol=CURVATURE,
        approx_dec_rtol=0.0,
        initial_guess_strategy="one",  # in units of the first step, which the direction holds
    )
