"""Annealing: chains that are carried along a path of RBMs, and the weights that this gives.

With f_beta(v) = exp(-F_beta(v)) the unnormalised marginal of the machine at beta, a step from beta
to beta' first adds

    log f_beta'(v) - log f_beta(v) = F_beta(v) - F_beta'(v)

to a chain's log weight, at the state where the chain is, and only then moves the chain by a Gibbs
step that leaves p_beta' unchanged. In the other order the weights are those of no estimator: log Z
comes out too high, the more so the fewer the temperatures. The Gibbs step v -> h -> v' is
reversible on v, f(v) T(v' | v) = f(v') T(v | v'), so the same step serves in both directions: up
for an estimate of Z from below, down for one from above (`dbnjax.evaluation.ais`).

An increment is small and the free energies are hundreds of nats: it is taken unit by unit, before
any sum, and the increments are added with the rounding of each addition kept (Knuth's two-sum), so
that twenty thousand float32 steps lose nothing that matters. Matrix products are full float32.

Dimensions: v `[..., n_visible]`, one chain for each leading index; weights `[...]`, in nats.

Source: Neal 2001, "Annealed importance sampling"; Salakhutdinov and Murray 2008, section 4.1.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks, numerics
from dbnjax.evaluation.validation import check_possible
from dbnjax.models import path as path_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.path import Path
from dbnjax.types import Array, Key, cast, floating_type


class State(NamedTuple):
    """Where the chains are.

    Attributes:
      v: `[..., n_visible]` visible states.
      log_weight: `[...]` sum of the increments so far, rounded.
      compensation: `[...]` what the rounding lost.
      beta: scalar, the temperature whose machine the chains belong to.
      step: scalar integer, steps made so far; step i draws with `fold_in(key, i)`.
    """

    v: Array
    log_weight: Array
    compensation: Array
    beta: Array
    step: Array


def start(path: Path, v: Any, beta: float) -> State:
    """Starts chains without weight.

    Args:
      path: two machines.
      v: `[..., n_visible]` samples of the machine at beta, at least one.
      beta: 0 for the path's base, 1 for its target.

    Raises:
      InputError: the width does not fit, there is no chain, v are not states, or units differ
        from case to case.
    """
    rbm_lib.check_one_case(path)
    check_possible(path.target.visible, v)
    dtype = floating_type(path)
    checks.check_type("annealing", dtype)
    v = jnp.asarray(v, dtype)
    return State(
        v=v,
        log_weight=jnp.zeros(v.shape[:-1], dtype),
        compensation=jnp.zeros(v.shape[:-1], dtype),
        beta=jnp.asarray(beta, dtype),
        step=jnp.zeros((), jnp.int32),
    )


def check_end(state: State, beta: float) -> None:
    """Raises `InputError` unless the chains have been carried to the temperature."""
    if checks.is_concrete(state.beta):
        checks.require(
            float(state.beta) == beta,
            f"annealing: expected chains carried to beta = {beta:g}, got beta = "
            f"{float(state.beta):g}; the schedule does not end there or was not walked to its end",
        )


def log_weights(state: State) -> Array:
    """Returns the chains' log weights, compensated, `[...]`."""
    return state.log_weight + state.compensation


def increment(path: Path, v: Array, beta: Any, next_beta: Any) -> Array:
    """Returns log f_next_beta(v) - log f_beta(v) in nats, `[...]`.

    Args:
      path: two machines.
      v: `[..., n_visible]` states.
      beta: scalar, where the chain is.
      next_beta: scalar, where it goes.
    """
    v = jnp.asarray(v, floating_type(path))
    now, then = path_lib.at(path, beta), path_lib.at(path, next_beta)
    with jax.default_matmul_precision("highest"):
        fields = [rbm_lib.hidden_given_visible(machine, v).field for machine in (now, then)]
    energies = now.visible.energies(v) - then.visible.energies(v)
    cumulants = then.hidden.cumulants(fields[1]) - now.hidden.cumulants(fields[0])
    return energies.sum(-1) + cumulants.sum(-1)


def transition(key: Key, path: Path, v: Array, beta: Any) -> Array:
    """Makes a Gibbs step v -> h -> v' that leaves p_beta unchanged, `[..., n_visible]`."""
    machine = path_lib.at(path, beta)
    key_hidden, key_visible = jax.random.split(key)
    with jax.default_matmul_precision("highest"):
        h = rbm_lib.hidden_given_visible(machine, v).sample(key_hidden)
        return rbm_lib.visible_given_hidden(machine, h).sample(key_visible)


def anneal(key: Key, path: Path, betas: Any, state: State) -> State:
    """Carries chains through temperatures, weighing each before it moves.

    A schedule may be cut into parts, with the same key for all of them: nothing changes. Under
    `jit` the increment and the Gibbs step share one matrix product upwards.

    Args:
      key: a PRNG key.
      path: two machines.
      betas: `[n_steps]` the temperatures to go to, in order, without the one where the chains are.
      state: the chains.

    Raises:
      InputError: units differ from case to case.

    Example:
      >>> from dbnjax import units
      >>> two = units.Bernoulli.zeros(2)
      >>> target = rbm_lib.init(jax.random.key(0), two, units.Bernoulli.zeros(3))
      >>> path = path_lib.from_base_rates(target, jnp.full(2, 0.5), jnp.full(2, 0.25))
      >>> chains = start(path, jnp.zeros((10, 2)), 0.0)
      >>> anneal(jax.random.key(1), path, jnp.array([0.5, 1.0]), chains).log_weight.shape
      (10,)
    """

    def body(state: State, beta: Array) -> tuple[State, None]:
        key_step = jax.random.fold_in(key, state.step)
        gained = increment(path, state.v, state.beta, beta)
        total, lost = numerics.two_sum(state.log_weight, gained)
        v = transition(key_step, path, state.v, beta)
        return State(v, total, state.compensation + lost, beta, state.step + 1), None

    rbm_lib.check_one_case(path)
    dtype = floating_type(path)
    return jax.lax.scan(body, cast(state, dtype), jnp.asarray(betas, dtype))[0]
