"""What every learner is made by, and how it moves: momentum, decay, sparsity and centring.

Read `phases` first. Conventions, everywhere: `velocity = momentum * velocity + gradient;
params += rate * velocity`; weight decay acts on weights only and inside the gradient; the sparsity
term compares its target with a running mean over cases.

Any optax transformation may stand in the place of that momentum. It is told where to go as a loss
would tell it, by the negated gradient with the decay inside, and has a rate of one, as in
`optax.sgd(1.0, momentum=0.9)` or `optax.adam(1.0)`; `params += rate * update`, so that a new rate
compiles nothing. A transformation that only filters, such as `optax.trace`, has to be turned round
by `optax.scale(-1.0)`. `hyper.momentum` then says nothing. What units do not learn (`Unit`), masks
and numbers of draws, stays where it is even if a transformation decays all that it sees.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dbnjax import checks
from dbnjax.learning import phases
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, Learner, PyTree, as_type, cast, floating_type
from dbnjax.units.declared import only_learned

_CONTEXTS = (
    "what biases do in each case is learned as weights from a context, by "
    "dbnjax.learning.conditional; an ensemble is learned under jax.vmap"
)


def learner(
    init: Callable[[Key, Any], Any],
    step: Callable[[Key, Any, Any, Any], tuple[Any, Any]],
    take: Callable[[Any, Any], Any] = as_type,
) -> Learner:
    """Makes a learner of two functions that need not care for types, nor for who owns an array.

    The learner's `init` copies: a state shares no array with the parameters that were given, and
    none with itself, so that it may be donated. Its `step` takes hyper-parameters and batch in the
    parameters' floating type, in which the state comes back.

    Args:
      init: as in `Learner`.
      step: as in `Learner`; the state has `params`.
      take: `take(batch, dtype)`, the batch as the step takes it; the default makes every array one
        of that type.

    Returns:
      The learner. Its `init` raises `InputError` for parameters of no type to learn in, and for
      units of their own for each case, which no update may average over.
    """

    def own_init(key: Key, params: Any) -> Any:
        dtype = floating_type(params)
        checks.check_type("learner", dtype, checks.LEARNING_TYPES)
        rbm_lib.check_one_case(params, _CONTEXTS)
        state = init(key, as_type(params, dtype))
        return jax.tree.map(lambda x: _own_copy(x, dtype), state)

    def own_step(key: Key, hyper: Any, state: Any, batch: Any) -> tuple[Any, Any]:
        dtype = floating_type(state.params)
        _check_arrays(batch)
        learned, info = step(key, cast(hyper, dtype), state, take(batch, dtype))
        return jax.tree.map(_as_before, learned, state), cast(info, dtype)

    return Learner(init=own_init, step=own_step)


def _check_arrays(batch: PyTree) -> None:
    """Raises `InputError` unless a batch is arrays of numbers, before a cast makes them such."""
    leaves = jax.tree_util.tree_leaves_with_path(batch, is_leaf=lambda node: isinstance(node, list))
    for path, leaf in leaves:
        name = getattr(path[-1], "name", "batch") if path else "visible states"
        checks.check_array(name, leaf)


def _own_copy(x: Array, dtype: Any) -> Array:
    """Copies a part of a state: an optimiser's memory may be narrower than the parameters.

    It is never wider, and has no weak type, which would compile the second step anew.
    """
    wider = jnp.issubdtype(x.dtype, jnp.floating) and np.promote_types(x.dtype, dtype) != dtype
    return jnp.array(x, dtype if wider else x.dtype, copy=True)


def _as_before(new: Array, old: Array) -> Array:
    return new.astype(old.dtype) if jnp.issubdtype(old.dtype, jnp.floating) else new


def numbers(*values: Any) -> tuple[Array, ...]:
    """Makes hyper-parameters arrays of JAX's default type; a step takes them in its own."""
    return tuple(jnp.asarray(value, float) for value in values)


class Hyper(NamedTuple):
    """Numbers that may change every epoch, as scalars (or `vmap`ped arrays).

    Attributes:
      rate: learning rate on the mean gradient.
      momentum: in [0, 1).
      decay: weight decay, on weights only.
      sparsity_target: wanted mean activity of each hidden unit.
      sparsity_cost: strength of the pull towards it; 0 turns it off.
      averaging: weight of the newest batch in the running means (activity, offsets), (0, 1].
      n_steps: Gibbs steps of CD-k and PCD-k, int32, from 1 to the learner's own k, where members of
        an ensemble differ in that; None for the learner's own.
    """

    rate: Array
    momentum: Array
    decay: Array
    sparsity_target: Array
    sparsity_cost: Array
    averaging: Array
    n_steps: Array | None = None


def hyper(
    rate: float,
    momentum: float = 0.0,
    decay: float = 0.0,
    sparsity_target: float = 0.1,
    sparsity_cost: float = 0.0,
    averaging: float = 0.01,
) -> Hyper:
    """Makes a `Hyper` of arrays from Python numbers.

    Raises:
      InputError: a number is NaN or outside its range.
    """
    check_hyper(rate, momentum, decay)
    checks.check_within("sparsity_target", sparsity_target, -math.inf)
    checks.check_within("sparsity_cost", sparsity_cost, 0.0)
    checks.check_within("averaging", averaging, 0.0, 1.0, without=0.0)
    return Hyper(*numbers(rate, momentum, decay, sparsity_target, sparsity_cost, averaging))


def check_hyper(rate: Any, momentum: Any, decay: Any) -> None:
    """Raises `InputError` unless the numbers that all learners share are in their ranges."""
    checks.check_within("rate", rate, 0.0)
    checks.check_within("momentum", momentum, 0.0, 1.0, without=1.0)
    checks.check_within("decay", decay, 0.0)


class State(NamedTuple):
    """What every learner of a single machine carries.

    Attributes:
      params: the machine.
      velocity: a pytree like the machine, or the memory of the learner's optimiser.
      activity: `[n_hidden]` running mean of the hidden units' activity.
      offsets: centring offsets, or None when the learner does not centre.
    """

    params: RBM
    velocity: PyTree
    activity: Array
    offsets: phases.Offsets | None


def initial_state(
    params: RBM, centred: bool, optimiser: optax.GradientTransformation | None = None
) -> State:
    """Returns a state at rest: no velocity, activity and offsets of one half."""
    n_visible, n_hidden = params.visible.size, params.hidden.size
    dtype = floating_type(params)

    def half(n: int) -> Array:
        return jnp.full(n, 0.5, dtype)  # a weak type would compile the second step anew

    return State(
        params=params,
        velocity=at_rest(params, optimiser),
        activity=half(n_hidden),
        offsets=phases.Offsets(half(n_visible), half(n_hidden)) if centred else None,
    )


def with_decay(gradient: PyTree, params: PyTree, decay: Array) -> PyTree:
    """Adds `-decay * params` to the leaves called `weights`, and to nothing else."""

    def add(path: Any, g: Array, p: Array) -> Array:
        return g - decay * p if getattr(path[-1], "name", None) == "weights" else g

    return jax.tree_util.tree_map_with_path(add, gradient, params)


def accelerate(momentum: Array, velocity: PyTree, gradient: PyTree) -> PyTree:
    """Returns `momentum * velocity + gradient`."""
    return jax.tree.map(lambda v, g: momentum * v + g, velocity, gradient)


def move(params: PyTree, rate: Array, velocity: PyTree) -> PyTree:
    """Returns `params + rate * velocity`, and as it is what units do not learn."""
    return jax.tree.map(lambda p, v: p + rate * v, params, only_learned(velocity))


def at_rest(params: PyTree, optimiser: optax.GradientTransformation | None = None) -> PyTree:
    """Returns a velocity of zero, or what an optimiser remembers at first."""
    return jax.tree.map(jnp.zeros_like, params) if optimiser is None else optimiser.init(params)


def direction(
    hyper: Any,
    velocity: PyTree,
    gradient: PyTree,
    params: PyTree,
    optimiser: optax.GradientTransformation | None,
) -> tuple[PyTree, PyTree]:
    """Returns what the rate multiplies in a step uphill, and what is remembered for the next one.

    Args:
      hyper: its momentum is that of a learner without an optimiser.
      velocity: from the step before, or from `at_rest`.
      gradient: uphill, with the decay inside.
      params: before the step.
      optimiser: in the place of the momentum, or None.
    """
    if optimiser is None:
        velocity = accelerate(hyper.momentum, velocity, gradient)
        return velocity, velocity
    downhill = jax.tree.map(jnp.negative, gradient)
    update, memory = optimiser.update(downhill, velocity, params)
    return update, memory


def ascend(
    hyper: Hyper,
    state: State,
    gradient: RBM,
    positive: phases.Phase,
    optimiser: optax.GradientTransformation | None = None,
) -> State:
    """Makes one step uphill from a machine's gradient.

    Decay, momentum and optimisers as in the module's conventions. A centred step on W by the dW
    that it really makes moves the
    fields by -dW lambda and -mu dW, which the units take into their own parameters: the
    offsets only reparametrise, they are no part of the model. The sparsity term moves the
    hidden units' field by `rate * cost * (target - activity)`.

    Args:
      hyper: rates and costs.
      state: before the step.
      gradient: from `rbm_gradient`.
      positive: the data phase, for the running means over cases.
      optimiser: in the place of the momentum, or None.

    Returns:
      The state after the step.
    """
    gradient = with_decay(gradient, state.params, hyper.decay)
    uphill, velocity = direction(hyper, state.velocity, gradient, state.params, optimiser)
    params = move(state.params, hyper.rate, uphill)
    activity = state.activity + hyper.averaging * (positive.hidden.mean(0) - state.activity)
    pull = hyper.rate * hyper.sparsity_cost * (hyper.sparsity_target - activity)
    visible, hidden, offsets = params.visible, params.hidden.shift_field(pull), state.offsets
    if offsets is not None:
        change = hyper.rate * uphill.weights
        visible = visible.shift_field(-(change @ offsets.hidden))
        hidden = hidden.shift_field(-(offsets.visible @ change))
        drift = positive.visible.mean(0) - offsets.visible
        offsets = phases.Offsets(visible=offsets.visible + hyper.averaging * drift, hidden=activity)
    params = dataclasses.replace(params, visible=visible, hidden=hidden)
    return State(params=params, velocity=velocity, activity=activity, offsets=offsets)
