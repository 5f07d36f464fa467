"""Parallel tempering: chains at several temperatures that swap their states.

A chain of the target alone stays for long in one of its modes. Here each of the temperatures
1 = beta_1 > ... > beta_n has a machine of its own on a path from the target to flatter ones
(`dbnjax.models.path`), with its own chains; states that crossed over further down are handed up.
With beta_n = 0 the last chains are drawn from the base itself, afresh in every step.

The chains' joint law is the product of p_i(v_i, h_i) over temperatures. One step is

1. v ~ p_i(v | h) at every temperature;
2. swaps of visible states between neighbours, pairs (1, 2), (3, 4), ... and then
   (2, 3), (4, 5), ...;
3. h ~ p_i(h | v) at every temperature.

The hidden units' fields go along with the visible states that are swapped, so that one product in
each direction serves the whole step.

After the first part the visible states follow the product of exp(-F_i(v_i)) / Z_i: the hidden
states are summed out, and the third part draws them anew. A swap of v_i and v_j changes the
logarithm of that product by

    F_i(v_i) + F_j(v_j) - F_i(v_j) - F_j(v_i),

in which every Z cancels. Accepted with the exponential of this, or always where it is positive, it
leaves the product unchanged (detailed balance), and so does the step. F_i is the free energy of
the machine at beta_i. It is not beta_i F_1, with which the chains would sample another law.

Syed et al. try the even pairs after one exploration of the chains and the odd ones after the next.
Here both are tried, one after the other, between the two halves of each Gibbs step: as exact, since
each leaves the product unchanged, but a state can pass two temperatures in a step, and what is
proven there of round trips is not proven of this.

Source: Desjardins et al. 2010 (for RBMs); Syed et al. 2022 (even and odd pairs in turn).
Shapes: states `[n_betas, n_chains, n_units]`, the target's at index 0.
"""

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, numerics
from dbnjax.models import path as path_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.blend import Product
from dbnjax.models.path import Path
from dbnjax.sampling import gibbs, ladder
from dbnjax.types import Array, Key, as_type, floating_type

_Replicas: TypeAlias = tuple[Array, Product, Array]
"""What a swap hands on: visible states, their fields, and where they come from `[..., 1]`."""


class Info(NamedTuple):
    """What a step lets you look at.

    Attributes:
      acceptance: `[n_betas - 1]` probability of the swap of each two neighbours, mean over chains.
        Temperatures are well spaced if no pair is near 0; see `ladder.respaced`.
      source: `[n_betas, n_chains]` int32 index of the temperature at which each visible state was
        before the swaps; `evaluation.diagnostics.round_trips` follows them.
    """

    acceptance: Array
    source: Array


def init(key: Key, path: Path, betas: Array, n_chains: int) -> gibbs.State:
    """Starts chains at every temperature from the base's visible units without a field.

    Args:
      key: a PRNG key.
      path: from the base to the target.
      betas: `[n_betas]` from 1 downwards; 0 is allowed.
      n_chains: chains at each temperature.

    Raises:
      InputError: betas are not a row that falls from 1 and stays in [0, 1], there are no chains,
        units differ from case to case, or a machine on the path cannot be normalised.

    Example:
      >>> from dbnjax import units
      >>> six, four = units.Bernoulli.zeros(6), units.Bernoulli.zeros(4)
      >>> target = rbm_lib.init(jax.random.key(0), six, four)
      >>> path = path_lib.from_base_rates(target, jnp.full(6, 0.2), jnp.full(6, 0.16))
      >>> betas = jnp.linspace(1.0, 0.0, 5)
      >>> state = init(jax.random.key(1), path, betas, n_chains=10)
      >>> state, info = step(jax.random.key(2), path, betas, state)
      >>> state.visible[0].shape, info.acceptance.shape
      ((10, 6), (4,))
    """
    checks.check_count("n_chains", n_chains, 1)
    rbm_lib.check_one_case(path)
    if checks.is_concrete((path, betas)):
        ladder.check(betas)
        path_lib.check_normalisable(path, betas)
    checks.check_type("tempering", floating_type(path))
    betas = jnp.asarray(betas, floating_type(path))
    key_visible, key_hidden = jax.random.split(key)
    visible = path.base.visible
    v = visible.sample(key_visible, visible.no_field(len(betas), n_chains))
    h = _hidden(key_hidden, path, betas, path_lib.hidden_fields(path, v))
    return gibbs.State(visible=v, hidden=h)


def step(key: Key, path: Path, betas: Array, state: gibbs.State) -> tuple[gibbs.State, Info]:
    """Makes one full step at every temperature, with the swaps between its halves.

    Args:
      key: a PRNG key.
      path: from the base to the target.
      betas: `[n_betas]`.
      state: `[n_betas, n_chains, n_units]`; only the hidden half is read.

    Raises:
      InputError: units differ from case to case.
    """
    rbm_lib.check_one_case(path)
    betas = jnp.asarray(betas, floating_type(path))
    key_visible, key_even, key_odd, key_hidden = jax.random.split(key, 4)
    # Full float32: the states must be drawn from the machines that the swaps are decided by.
    with jax.default_matmul_precision("highest"):
        v = _visible(key_visible, path, betas, state.hidden)
        fields = path_lib.hidden_fields(path, v)
    place = jnp.arange(len(betas), dtype=jnp.int32)[:, None]
    replicas = v, fields, jnp.broadcast_to(place, v.shape[:-1])[..., None]
    replicas, even = _swap(key_even, path, betas, replicas, 0)
    (v, fields, source), odd = _swap(key_odd, path, betas, replicas, 1)
    acceptance = jnp.where(place % 2 == 0, even, odd)[:-1].mean(-1)
    h = _hidden(key_hidden, path, betas, fields)
    return gibbs.State(visible=v, hidden=h), Info(acceptance, source.squeeze(-1))


def chain(
    key: Key, path: Path, betas: Array, state: gibbs.State, n_steps: int
) -> tuple[gibbs.State, Info]:
    """Makes `n_steps` steps in one scan; step i draws with `fold_in(key, i)`.

    Returns:
      The last state, and the Info of every step with a leading axis `n_steps`.
    """
    checks.check_count("n_steps", n_steps, 0)

    def body(state: gibbs.State, i: Array) -> tuple[gibbs.State, Info]:
        return step(jax.random.fold_in(key, i), path, betas, state)

    return jax.lax.scan(body, as_type(state, floating_type(path)), jnp.arange(n_steps))


def log_ratio(path: Path, betas: Array, v: Array, fields: Product, first: int) -> Array:
    """Returns the logarithm of the acceptance ratio of swaps between neighbours.

    Args:
      path: from the base to the target.
      betas: `[n_betas]`.
      v: `[n_betas, ..., n_visible]`.
      fields: `path.hidden_fields` of v.
      first: the pairs are (first, first + 1), (first + 2, first + 3), ...: 0 or 1.

    Returns:
      `[n_betas, ...]`, for each temperature that of its pair: twice the same. Without a partner
      it is 0.
    """
    betas, v = as_type((betas, v), floating_type(path))
    partner = _partners(len(betas), first)
    at_each = jax.vmap(_free_energy, in_axes=(None, 0, 0, 0))
    gain = at_each(path, betas, v, fields) - at_each(path, betas[partner], v, fields)
    return gain + gain[partner]


def _swap(
    key: Key, path: Path, betas: Array, replicas: _Replicas, first: int
) -> tuple[_Replicas, Array]:
    partner = _partners(len(betas), first)
    probability = jnp.exp(jnp.minimum(log_ratio(path, betas, *replicas[:2], first), 0.0))
    lower = np.minimum(partner, np.arange(len(betas)))
    accepted = numerics.bernoulli(key, probability)[lower, :, None] > 0  # one draw a pair
    return jax.tree.map(lambda x: jnp.where(accepted, x[partner], x), replicas), probability


def _partners(n: int, first: int) -> np.ndarray:
    """The index of each one's partner, its own where it has none."""
    lower, partner = np.arange(first, n - 1, 2), np.arange(n)
    partner[lower], partner[lower + 1] = lower + 1, lower
    return partner


def _free_energy(path: Path, beta: Array, v: Array, fields: Product) -> Array:
    machine = path_lib.at(path, beta)
    return machine.visible.energy(v) - machine.hidden.cumulant(fields.at(beta))


def _visible(key: Key, path: Path, betas: Array, h: Array) -> Array:
    def one(key: Key, beta: Array, h: Array) -> Array:
        return rbm_lib.visible_given_hidden(path_lib.at(path, beta), h).sample(key)

    return jax.vmap(one)(jax.random.split(key, len(betas)), betas, h)


def _hidden(key: Key, path: Path, betas: Array, fields: Product) -> Array:
    def one(key: Key, beta: Array, fields: Product) -> Array:
        return path_lib.at(path, beta).hidden.sample(key, fields.at(beta))

    return jax.vmap(one)(jax.random.split(key, len(betas)), betas, fields)
