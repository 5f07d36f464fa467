"""Complementary priors for an arbitrary likelihood of their family (2006 paper, appendix A.1).

A likelihood over finite spaces of the form of equation A.1,

    P(x | y) = exp(sum_j phi_j(x, y_j) + beta(x)) / Omega(y),

has the complementary priors of equation A.2, P(y) proportional to Omega(y) exp(sum_j alpha_j(y_j)).
The normaliser Omega cancels in the joint (A.3), and the posterior over y is factorial.

A configuration y of n variables with K_1, ..., K_n values is an index in row-major order.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.types import Array, as_type, floating_type, pytree


@pytree
class Likelihood:
    """P(x | y) of equation A.1 as tables.

    Attributes:
      phi: one table `[n_x, K_j]` for each hidden variable j.
      beta: `[n_x]`.
    """

    phi: tuple[Array, ...]
    beta: Array


def _sum_over_variables(tables: Sequence[Array]) -> Array:
    """Adds tables `[..., K_j]` into one over all configurations, `[..., prod K_j]`."""
    total = tables[0]
    for table in tables[1:]:
        total = (total[..., :, None] + table[..., None, :]).reshape(*total.shape[:-1], -1)
    return total


def log_omega(likelihood: Likelihood) -> Array:
    """Returns the log normaliser of each hidden configuration, `[n_y]`."""
    scores = _sum_over_variables(likelihood.phi) + likelihood.beta[:, None]
    return jax.nn.logsumexp(scores, axis=0)


def log_likelihood(likelihood: Likelihood) -> Array:
    """Returns log P(x | y), `[n_x, n_y]` (A.1)."""
    scores = _sum_over_variables(likelihood.phi) + likelihood.beta[:, None]
    return scores - log_omega(likelihood)


def log_prior(likelihood: Likelihood, alpha: Sequence[Array]) -> Array:
    """Returns the log of the complementary prior with these free parts, `[n_y]` (A.2).

    Args:
      likelihood: what it is to complement.
      alpha: one vector `[K_j]` for each hidden variable.

    Raises:
      InputError: the vectors do not fit the likelihood's variables.
    """
    wanted = [table.shape[-1] for table in likelihood.phi]
    got = [vector.shape[-1] for vector in alpha]
    checks.require(got == wanted, f"alpha: expected sizes {wanted} for the variables, got {got}")
    alpha = as_type(tuple(alpha), floating_type(likelihood))
    return jax.nn.log_softmax(log_omega(likelihood) + _sum_over_variables(alpha))


def log_posterior_factors(likelihood: Likelihood, alpha: Sequence[Array]) -> tuple[Array, ...]:
    """Returns log P(y_j | x) for each variable, `[n_x, K_j]`: the posterior is their product.

    From A.3 the variables are independent given x, each with weight phi_j(x, y_j) + alpha_j(y_j).
    """
    return tuple(
        jax.nn.log_softmax(table + jnp.asarray(vector, table.dtype), axis=-1)
        for table, vector in zip(likelihood.phi, alpha, strict=True)
    )
