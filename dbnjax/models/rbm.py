"""The restricted Boltzmann machine: units glued by one weight matrix.

    E(v, h) = E_v(v) + E_h(h) - v W h

With f_h = v W the hidden units' field and f_v = W h the visible units', each layer is
independent given the other, and the hidden units integrate out exactly:

    F(v) = E_v(v) - Gamma_h(v W),    p(v) = exp(-F(v)) / Z

Source: 2006 paper, section 3; units and cumulants as in `dbnjax.units.base`.
Shapes: v `[..., n_visible]`, h `[..., n_hidden]`, W `[n_visible, n_hidden]`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.types import Array, Key, as_type, floating_type, pytree
from dbnjax.units.base import BOUNDED, X_LOG_X, Conditional, Unit

EACH_CASE = (
    "take one case after another by jax.vmap with the units mapped and the weights not, "
    "in_axes=RBM(visible=0, hidden=0, weights=None)"
)
"""What to do with units of their own for each case where one case is meant."""


@pytree
class RBM:
    """Two layers of units and the weights between them.

    Attributes:
      visible: the visible units, any `Unit`.
      hidden: the hidden units, any `Unit`.
      weights: `[n_visible, n_hidden]`.
    """

    visible: Any
    hidden: Any
    weights: Array

    def check(self) -> None:
        """Raises `InputError` unless the sizes fit and the machine can be normalised."""
        check_sizes(self)
        check_normalisable(self)


def create(visible: Any, hidden: Any, weights: Array) -> RBM:
    """Makes a machine from given parameters, checked.

    Under `jit` or `vmap` there are no values to look at, and only shapes are checked.

    Args:
      visible: units.
      hidden: units.
      weights: `[n_visible, n_hidden]`.

    Raises:
      InputError: the weights do not fit the units, a parameter is no array or is not finite, or
        the machine cannot be normalised.
    """
    check_units(visible=visible, hidden=hidden)
    checks.check_array("weights", weights)
    given = RBM(visible=visible, hidden=hidden, weights=jnp.asarray(weights))
    check_sizes(given)
    rbm: RBM = as_type(given, floating_type(given))
    if checks.is_concrete(rbm):
        for path, leaf in jax.tree.leaves_with_path(rbm):
            checks.check_finite(jax.tree_util.keystr(path).removeprefix("."), leaf)
        check_normalisable(rbm)
    return rbm


def check_sizes(rbm: RBM) -> None:
    """Raises `InputError` unless the weights have as many rows and columns as there are units."""
    sizes, shape = (rbm.visible.size, rbm.hidden.size), np.shape(rbm.weights)
    checks.require(
        shape == sizes,
        f"weights: expected shape {sizes} for these units, got {shape}; the layer sizes do not fit "
        "the weights",
    )


def check_one_case(model: Any, way: str = EACH_CASE) -> None:
    """Raises `InputError` if a model's units have parameters of their own for each of some cases.

    What averages over cases or chains would pair the two, or mix them up. Under `jax.vmap` there is
    one case at a time.

    Args:
      model: any; its units' arrays have one axis, whatever its weights have.
      way: what to do instead.
    """
    for path, leaf in jax.tree.leaves_with_path(model):
        if "weights" not in (getattr(part, "name", None) for part in path):
            checks.require(
                np.ndim(leaf) <= 1,
                f"{jax.tree_util.keystr(path).removeprefix('.')}: expected units of one case, an "
                f"array of one axis, got shape {np.shape(leaf)}; {way}",
            )


def check_units(**layers: Any) -> None:
    """Raises `InputError` unless these are units with arrays of parameters, named as given."""
    for name, unit in layers.items():
        checks.require(
            isinstance(unit, Unit),
            f"{name}: expected units, such as Bernoulli.zeros(n), got {checks.in_words(unit)}",
        )
        for path, leaf in jax.tree.leaves_with_path(unit):
            label = f"{name}{jax.tree_util.keystr(path)}"
            checks.check_array(label, leaf)
            checks.require(
                leaf.ndim > 0, f"{label}: expected an axis of units, got the scalar {leaf}"
            )
        if all(leaf.ndim == 1 for leaf in jax.tree.leaves(unit)):  # not one for each of some cases
            unit.check()


def init(key: Key, visible: Any, hidden: Any, scale: float = 0.01) -> RBM:
    """Makes a machine with small normal weights in the floating type of the units.

    Args:
      key: a PRNG key.
      visible: units.
      hidden: units.
      scale: standard deviation of the weights.

    Raises:
      InputError: the layers are no units, a parameter is not finite, or as `create`.

    Example:
      >>> from dbnjax import units
      >>> machine = init(jax.random.key(0), units.Bernoulli.zeros(6), units.Bernoulli.zeros(4))
      >>> free_energy(machine, jnp.ones((3, 2, 6))).shape
      (3, 2)
    """
    check_units(visible=visible, hidden=hidden)
    checks.check_within("scale", scale, 0.0)
    dtype = floating_type((visible, hidden))
    normal = jax.random.normal(key, (visible.size, hidden.size), dtype)
    weights = jnp.asarray(scale, dtype) * normal
    return create(visible, hidden, weights)


def check_normalisable(rbm: RBM) -> None:
    """Raises `InputError` for a machine whose energy provably has no finite Z.

    A count grows as x log x and a real unit as x^2 / 2 sigma^2; a coupling x y outgrows both a
    pair of counts and a count with a real unit, unless it is negative and neither can be. Two
    quadratic layers have no finite Z if somewhere in their states' cone the coupling reaches the
    quadratic terms: u^T sigma_v W sigma_h w >= 1 for unit vectors u, w. For Gaussian units the
    largest singular value decides; with one-sided units the directions tried prove, and a
    machine that passes is not proven sound.
    """
    rows, columns = rbm.visible.tails(), rbm.hidden.tails()
    both_unbounded = (rows.order[:, None] != BOUNDED) & (columns.order[None] != BOUNDED)
    if not both_unbounded.any():
        return
    weights = np.asarray(rbm.weights)
    # No linear algebra is known of types with less than 32 bits.
    weights = weights.astype(np.promote_types(weights.dtype, np.float32))
    one_sided = rows.one_sided[:, None] & columns.one_sided[None]
    counts = (rows.order[:, None] == X_LOG_X) | (columns.order[None] == X_LOG_X)
    harmful = both_unbounded & counts & np.where(one_sided, weights > 0, weights != 0)
    checks.require(
        not harmful.any(),
        f"this machine cannot be normalised: {int(harmful.sum())} couplings join counts (Poisson) "
        "to unbounded units and outgrow x log x; make one layer binary, or keep the weights "
        "between counts and non-negative units at or below zero, to real units at zero",
    )
    scaled = rows.scale[:, None] * weights * columns.scale[None]
    reach = _steepest_coupling(scaled, rows.one_sided, columns.one_sided)
    checks.require(
        reach < 1.0,
        f"this machine cannot be normalised: sigma_v W sigma_h reaches {reach:.3g} between real "
        "units and must stay below 1; use smaller weights or smaller variances",
    )


def _steepest_coupling(
    scaled: np.ndarray, rows_one_sided: np.ndarray, columns_one_sided: np.ndarray
) -> float:
    """Returns the largest u^T S w found over unit vectors that are not negative where one-sided.

    Exact when nothing is one-sided, or when everything is and no entry is negative; a lower bound
    otherwise: single entries and the leading singular vectors, of S and of its positive part, with
    forbidden signs cut off.
    """
    one_sided = rows_one_sided[:, None] & columns_one_sided[None]
    found = [float(np.where(one_sided, scaled, np.abs(scaled)).max())]
    for matrix in (scaled, np.maximum(scaled, 0.0)):
        left, _, right = np.linalg.svd(matrix, full_matrices=False)
        for sign in (1.0, -1.0):
            u, w = sign * left[:, 0], sign * right[0]
            u = np.where(rows_one_sided, np.maximum(u, 0.0), u)
            w = np.where(columns_one_sided, np.maximum(w, 0.0), w)
            length = float(np.linalg.norm(u) * np.linalg.norm(w))
            if length > 0:
                found.append(float(u @ scaled @ w) / length)
    return max(found)


def transpose(rbm: RBM) -> RBM:
    """Exchanges the layers: the tied start of a layer added on top (2006 paper, section 4)."""
    return RBM(visible=rbm.hidden, hidden=rbm.visible, weights=rbm.weights.T)


def match_data(rbm: RBM, mean: Array, variance: Array) -> RBM:
    """Sets the visible units to the data's moments; for binary ones, biases log p / (1 - p).

    Args:
      rbm: a machine.
      mean: `[n_visible]` mean of the data.
      variance: `[n_visible]` variance of the data.

    Raises:
      InputError: they cannot be moments of these units, such as a variance that Gaussian units
        cannot have, or the machine cannot be normalised with them.
    """
    moments = as_type((mean, variance), floating_type(rbm))
    return create(rbm.visible.match(*moments), rbm.hidden, rbm.weights)


def hidden_given_visible(rbm: RBM, v: Array) -> Conditional:
    """Returns p(h | v) (2006 paper, eq. 2.1 with the weights tied)."""
    checks.check_width("visible states", v, rbm.visible.size)
    return Conditional(rbm.hidden, jnp.asarray(v, floating_type(rbm)) @ rbm.weights)


def visible_given_hidden(rbm: RBM, h: Array) -> Conditional:
    """Returns p(v | h)."""
    checks.check_width("hidden states", h, rbm.hidden.size)
    return Conditional(rbm.visible, jnp.asarray(h, floating_type(rbm)) @ rbm.weights.T)


def energy(rbm: RBM, v: Array, h: Array) -> Array:
    """Returns E(v, h) in nats, `[...]`."""
    checks.check_width("visible states", v, rbm.visible.size)
    checks.check_width("hidden states", h, rbm.hidden.size)
    v, h = as_type((v, h), floating_type(rbm))
    coupling = (hidden_given_visible(rbm, v).field * h).sum(-1)
    return rbm.visible.energy(v) + rbm.hidden.energy(h) - coupling


def free_energy(rbm: RBM, v: Array) -> Array:
    """Returns F(v) = -log sum_h exp(-E(v, h)) in nats, `[...]`."""
    checks.check_width("visible states", v, rbm.visible.size)
    v = jnp.asarray(v, floating_type(rbm))
    field = hidden_given_visible(rbm, v).field
    return rbm.visible.energy(v) - rbm.hidden.cumulant(field)


def hidden_free_energy(rbm: RBM, h: Array) -> Array:
    """Returns -log sum_v exp(-E(v, h)) in nats, `[...]`."""
    return free_energy(transpose(rbm), h)
