"""Two Gaussian layers: the RBM is one multivariate normal, and everything is linear algebra.

With standardised states y = v / sigma_v and z = h / sigma_h, biases beta and gamma in the same
units, and S = sigma_v W sigma_h,

    E = |y - beta|^2 / 2 + |z - gamma|^2 / 2 - y S z.

The means solve y = beta + S z and z = gamma + y S; z given y is a unit normal, and y alone has the
precision A = I - S S^T, which is positive for every machine that can be normalised.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular

from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key
from dbnjax.units import Gaussian

_LOG_2PI = math.log(2.0 * math.pi)


class Normal(NamedTuple):
    """The joint normal of a machine in standardised states.

    Attributes:
      visible_scale: `[n_visible]` sigma_v.
      hidden_scale: `[n_hidden]` sigma_h.
      visible_mean: `[n_visible]` of y.
      hidden_mean: `[n_hidden]` of z.
      factor: `[n_visible, n_visible]` lower Cholesky factor of A.
      pull: scalar, the quadratic form that completes the square: log Z less what the machine would
        have without weights, but for the determinant.
    """

    visible_scale: Array
    hidden_scale: Array
    visible_mean: Array
    hidden_mean: Array
    factor: Array
    pull: Array


def applies(rbm: RBM) -> bool:
    """Returns whether both layers are Gaussian."""
    return isinstance(rbm.visible, Gaussian) and isinstance(rbm.hidden, Gaussian)


def solve(rbm: RBM) -> Normal:
    """Returns the joint normal of a machine of two Gaussian layers."""
    visible_scale, hidden_scale = jnp.sqrt(rbm.visible.variance), jnp.sqrt(rbm.hidden.variance)
    beta, gamma = rbm.visible.bias / visible_scale, rbm.hidden.bias / hidden_scale
    coupling = jnp.diag(visible_scale) @ rbm.weights * hidden_scale
    factor = jnp.linalg.cholesky(jnp.eye(beta.size, dtype=beta.dtype) - coupling @ coupling.T)
    y = cho_solve((factor, True), beta + coupling @ gamma)
    z = gamma + y @ coupling
    pull = 0.5 * (beta @ coupling @ z + y @ coupling @ gamma)
    return Normal(visible_scale, hidden_scale, y, z, factor, pull)


def log_z(rbm: RBM) -> Array:
    """Returns log Z in nats of a machine of two Gaussian layers."""
    normal = solve(rbm)
    scales = jnp.concatenate([normal.visible_scale, normal.hidden_scale])
    log_volume = (0.5 * _LOG_2PI + jnp.log(scales)).sum()
    return log_volume + normal.pull - jnp.log(jnp.diagonal(normal.factor)).sum()


def means(rbm: RBM) -> tuple[Array, Array]:
    """Returns the mean of each visible and each hidden unit."""
    normal = solve(rbm)
    return normal.visible_scale * normal.visible_mean, normal.hidden_scale * normal.hidden_mean


def sample_visible(key: Key, rbm: RBM, n_samples: int) -> Array:
    """Draws visible states from their marginal, `[n_samples, n_visible]`."""
    normal = solve(rbm)
    noise = jax.random.normal(key, (rbm.visible.size, n_samples), normal.factor.dtype)
    deviation = solve_triangular(normal.factor, noise, trans="T", lower=True).T
    return normal.visible_scale * (normal.visible_mean + deviation)
