"""A path of RBMs from an easy one to the one that is wanted, for annealing and tempering.

The machine at beta has every parameter on the straight line between two machines of one
structure,

    theta(beta) = (1 - beta) theta_base + beta theta_target,

so that each of them is an ordinary RBM with an ordinary free energy F_beta, whatever its units.
F_beta is not beta F_1: the hidden units are summed out after the interpolation. The usual base has
the target's hidden units, visible units that match the data, and no weights ("base rates"): its
log Z is a closed form and its samples are exact.

Source: Salakhutdinov and Murray 2008, section 4.1.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from dbnjax import checks
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.blend import Blend, Product, multiply
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, as_type, cast, floating_type, pytree
from dbnjax.units import Concat
from dbnjax.units.base import BOUNDED

MOST_CHECKED = 32  # machines of a path; each takes two singular value decompositions


@pytree
class Path:
    """The straight line between two machines of one structure.

    Attributes:
      base: the machine at beta = 0.
      target: the machine at beta = 1.
      uncoupled: static; the base has no weights and costs no matrix product.
    """

    base: RBM
    target: RBM
    uncoupled: bool = struct.field(pytree_node=False, default=False)


def create(base: RBM, target: RBM) -> Path:
    """Makes the path between two machines, checked.

    Args:
      base: the machine at beta = 0.
      target: the machine at beta = 1, of the same unit types and sizes.

    Raises:
      InputError: the machines are of different structures, units differ from case to case, or an
        end is not finite or cannot be normalised.
    """
    checks.require(
        _structure(base) == _structure(target),
        f"path: expected two machines of the same units, got {_in_words(base)} and "
        f"{_in_words(target)}; they were made for other data or have other layers",
    )
    return _checked(Path(base, target))


def from_base_rates(target: RBM, mean: Array, variance: Array) -> Path:
    """Makes the path to a machine from its base rates, checked.

    Args:
      target: the machine at beta = 1.
      mean: `[n_visible]` mean of the data.
      variance: `[n_visible]` variance of the data.

    Raises:
      InputError: the moments do not fit the machine, or an end is not finite or cannot be
        normalised.

    Example:
      >>> from dbnjax import units
      >>> six, four = units.Bernoulli.zeros(6), units.Bernoulli.zeros(4)
      >>> target = rbm_lib.init(jax.random.key(0), six, four)
      >>> path = from_base_rates(target, jnp.full(6, 0.2), jnp.full(6, 0.16))
      >>> rbm_lib.free_energy(at(path, 0.5), jnp.ones((3, 6))).shape
      (3,)
    """
    return _checked(Path(base_rates(target, mean, variance), target, uncoupled=True))


class Bridge(NamedTuple):
    """A path between machines that have hidden layers of their own.

    Attributes:
      path: between the two machines, each with the other's hidden units beside its own.
      shift: scalar in nats: log Z of the second machine less that of the first is log Z of the
        path's target less that of its base, plus this.
    """

    path: Path
    shift: Array


def bridge(first: RBM, second: RBM) -> Bridge:
    """Makes the path from one machine to another over the same visible units, checked.

    The hidden layers lie side by side, with the weights [W_1, 0] at the base and [0, W_2] at the
    target. Hidden units without weights leave p(v) as it is and add a constant to log Z.

    Args:
      first: the machine at beta = 0.
      second: the machine at beta = 1.

    Raises:
      InputError: the visible units differ in type or number, or as `create`.
    """
    hidden = Concat((first.hidden, second.hidden))
    first, second = cast((first, second), floating_type((first, second)))
    beside_first = jnp.zeros((first.visible.size, second.hidden.size), first.weights.dtype)
    beside_second = jnp.zeros((second.visible.size, first.hidden.size), first.weights.dtype)
    base = RBM(first.visible, hidden, jnp.concatenate([first.weights, beside_first], axis=1))
    target = RBM(second.visible, hidden, jnp.concatenate([beside_second, second.weights], axis=1))
    idle = [h.cumulant(h.no_field()) for h in (first.hidden, second.hidden)]
    return Bridge(create(base, target), idle[1] - idle[0])


def base_rates(target: RBM, mean: Array, variance: Array) -> RBM:
    """Returns a machine without weights: the target's hidden units, visible units like the data.

    Args:
      target: a machine.
      mean: `[n_visible]` mean of the data.
      variance: `[n_visible]` variance of the data.

    Raises:
      InputError: they cannot be moments of the machine's visible units.
    """
    visible = target.visible.match(*as_type((mean, variance), floating_type(target)))
    return RBM(visible=visible, hidden=target.hidden, weights=jnp.zeros_like(target.weights))


def log_z_uncoupled(rbm: RBM) -> Array:
    """Returns log Z in nats of a machine as if it had no weights, such as the base rates."""
    visible, hidden = rbm.visible, rbm.hidden
    return visible.cumulant(visible.no_field()) + hidden.cumulant(hidden.no_field())


def at(path: Path, beta: Any) -> RBM:
    """Returns the machine at beta; its weights are a `Blend`.

    Args:
      path: two machines.
      beta: scalar in [0, 1]. For many temperatures `vmap` the function that uses the machine, not
        this one, which would copy the weights for each.
    """

    def between(base: Array, target: Array) -> Array:
        return (1.0 - beta) * base + beta * target

    base, target = path.base, path.target
    beta = cast(beta, floating_type(path))
    weights: Any = Blend(beta, None if path.uncoupled else base.weights, target.weights)
    return RBM(
        visible=jax.tree.map(between, base.visible, target.visible),
        hidden=jax.tree.map(between, base.hidden, target.hidden),
        weights=weights,
    )


def hidden_fields(path: Path, v: Array) -> Product:
    """Returns the hidden units' fields with no beta chosen yet, `[..., n_hidden]`.

    Args:
      path: two machines.
      v: `[..., n_visible]` states.
    """
    checks.check_width("visible states", v, path.target.visible.size)
    v = jnp.asarray(v, floating_type(path))
    return multiply(v, None if path.uncoupled else path.base.weights, path.target.weights)


def check_normalisable(path: Path, betas: Any) -> None:
    """Raises `InputError` if a machine on the path provably has no finite Z.

    Both ends may be sound and a machine between them not, where two real-valued layers meet and a
    variance falls along the path while the weights grow. Of many temperatures both ends and the
    nearest to MOST_CHECKED evenly spaced ones are looked at: this proves failure, and a path that
    passes is not proven sound.

    Args:
      path: two machines.
      betas: `[n]` the temperatures that will be visited.
    """
    layers = (path.target.visible, path.target.hidden)
    if any((layer.tails().order == BOUNDED).all() for layer in layers):
        return
    for beta in _spread(np.asarray(betas)):
        try:
            rbm_lib.check_normalisable(at(path, beta))
        except checks.InputError as error:
            raise checks.InputError(f"path at beta = {beta:.4g}: {error}") from error


def _spread(betas: np.ndarray) -> np.ndarray:
    """Returns all temperatures `[n]`, or those nearest to a few evenly spaced ones, in order."""
    if betas.size <= MOST_CHECKED:
        return betas
    even = np.linspace(betas.min(), betas.max(), MOST_CHECKED)
    return betas[np.unique(np.abs(betas - even[:, None]).argmin(1))]


def _checked(path: Path) -> Path:
    rbm_lib.check_one_case(path)
    dtype = floating_type(path)
    checks.check_type("path", dtype)
    path = cast(path, dtype)
    if checks.is_concrete(path):
        for name, end in (("base", path.base), ("target", path.target)):
            for leaf in jax.tree.leaves(end):
                checks.check_finite(f"parameters of the path's {name}", leaf)
        check_normalisable(path, (0.0, 1.0))
    return path


def _structure(rbm: RBM) -> tuple[Any, list[tuple[int, ...]]]:
    return jax.tree.structure(rbm), [leaf.shape for leaf in jax.tree.leaves(rbm)]


def _in_words(rbm: RBM) -> str:
    return " x ".join(map(_layer_in_words, (rbm.visible, rbm.hidden)))


def _layer_in_words(layer: Any) -> str:
    """Names a layer's units, with all that two layers of one size may differ in."""
    if isinstance(layer, Concat):
        return f"({' + '.join(map(_layer_in_words, layer.parts))})"
    static = [f.name for f in dataclasses.fields(layer) if not f.metadata.get("pytree_node", True)]
    facts = [f" with {name} {getattr(layer, name)}" for name in static if name != "kind"]
    return f"{layer.size} {layer.kind}{''.join(facts)}"
