"""RAISE: a lower bound on log p(v) from chains that start at each image.

What the forward walk of annealed importance sampling leaves at x_K = v is a model of its own,

    p_ann(v) = sum p_0(x_0) prod_{k=1}^K T_k(x_k | x_{k-1}),

close to the target where the walk is slow; x_k, f_k and T_k as in `dbnjax.evaluation.ais`. T_k is
reversible, so the walk down from x_K = v, x_{k-1} ~ T_k(. | x_k), has

    p_0(x_0) prod_k T_k(x_k | x_{k-1}) / T_k(x_{k-1} | x_k)
        = f_0(x_0) / Z_0 prod_k f_k(x_k) / f_k(x_{k-1})
        = f_K(v) / Z_0 prod_k f_{k-1}(x_{k-1}) / f_k(x_{k-1}),

whose expectation is p_ann(v). The last product is the weight of a walk downwards, so that RAISE is
a Gibbs step of the target from v and then `annealing.anneal`. The logarithm is on average a lower
bound on log p_ann(v); how far that lies from the target's log p(v), it does not say.

    state = raise_bound.start(key_start, path, v, n_chains)
    state = annealing.anneal(key, path, betas[::-1][1:], state)
    bound = raise_bound.estimate(path, v, log_z_base, state)

Source: Burda, Grosse and Salakhutdinov 2015, "Accurate and conservative estimates of MRF
log-likelihood using reverse annealing".
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.evaluation import annealing
from dbnjax.evaluation.importance import LogMean, log_mean
from dbnjax.evaluation.validation import check_states, log_support
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.path import Path
from dbnjax.types import Key, floating_type


def start(key: Key, path: Path, v: Any, n_chains: int) -> annealing.State:
    """Starts chains at images: one Gibbs step of the target from each.

    Args:
      key: a PRNG key.
      path: two machines.
      v: `[n_images, n_visible]` states: binary and one-of-K units 0 or 1. How pixels became
        states is the caller's, and a part of what the bound is about.
      n_chains: independent chains from each image.

    Returns:
      Chains `[n_chains, n_images]` at beta = 1, to be carried down to 0.

    Raises:
      InputError: the width does not fit, v are not states, there is no chain or image, or units
        differ from case to case.
    """
    rbm_lib.check_one_case(path)
    checks.check_count("chains", n_chains, 1)
    check_states(path.target.visible, v)
    images = jnp.broadcast_to(jnp.asarray(v, floating_type(path)), (n_chains, *np.shape(v)))
    return annealing.start(path, annealing.transition(key, path, images, 1.0), 1.0)


def estimate(path: Path, v: Any, log_z_base: Any, state: annealing.State) -> LogMean:
    """Returns the lower bound on log p_ann(v), in nats, averaged over an image's chains.

    Args:
      path: two machines.
      v: `[n_images, n_visible]` the images that `start` took.
      log_z_base: scalar, log Z of the base.
      state: chains `[n_chains, n_images]` at beta = 0.

    Returns:
      One value an image, `[n_images]`, minus infinity where it is no state.

    Raises:
      InputError: the chains are not at 0.
    """
    annealing.check_end(state, 0.0)
    with jax.default_matmul_precision("highest"):
        log_f = -rbm_lib.free_energy(path.target, v)
    weight = log_mean(annealing.log_weights(state))
    value = log_f - jnp.asarray(log_z_base, log_f.dtype) + weight.value
    return weight._replace(value=value + log_support(path.target.visible, v))
