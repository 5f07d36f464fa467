"""Exact answers about restricted Boltzmann machines that are small enough.

The sum over one layer is written out, the other layer's sum is its cumulant:

    Z = sum_x exp(-F(x)),    F(x) = E(x) - Gamma(x W)

with x the layer that has fewer states, at most 2^25 of them, binary, one-of-K or both; the other
layer may have any units that have an energy. Two Gaussian layers need no sum (`closed_form`), and
where neither layer is finite up to three Gaussian units can be summed over (`quadrature`).

All products are full float32. Under `jit` or `vmap` parameters cannot be looked at, and a machine
that is not finite or not normalisable is not refused.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.evaluation import closed_form, enumeration, quadrature
from dbnjax.evaluation.enumeration import MAX_STATES, Fold, Weigh, count_in_words
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, PyTree
from dbnjax.units import Bernoulli


def binary_states(n: int) -> Array:
    """Returns all states of n binary units, `[2^n, n]`, counting with the last unit fastest.

    Raises:
      InputError: there are more than 2^20.
    """
    return enumeration.states(Bernoulli.zeros(n))


def log_z(rbm: RBM) -> Array:
    """Returns log Z in nats, a scalar.

    Raises:
      InputError: the machine has too many states, cannot be normalised or is not finite.

    Example:
      >>> from dbnjax import units
      >>> six, four = units.Bernoulli.zeros(6), units.Bernoulli.zeros(4)
      >>> round(float(log_z(RBM(six, four, jnp.zeros((6, 4))))), 4)  # 10 log 2
      6.9315
    """
    _check(rbm)
    with jax.default_matmul_precision("highest"):
        if closed_form.applies(rbm):
            return closed_form.log_z(rbm)
        return _fold(_side(rbm)).log_total


def log_prob(rbm: RBM, v: Array) -> Array:
    """Returns log p(v) in nats, `[...]`; a log density where visible units are real.

    Args:
      rbm: a machine.
      v: `[..., n_visible]`.

    Raises:
      InputError: as `log_z`, or the width is wrong.
    """
    checks.check_width("visible states", v, rbm.visible.size)
    with jax.default_matmul_precision("highest"):
        return -log_z(rbm) - rbm_lib.free_energy(rbm, v)


def marginals(rbm: RBM) -> tuple[Array, Array]:
    """Returns the mean of each visible unit and of each hidden unit, `[n_visible]`, `[n_hidden]`.

    For binary and one-of-K units these are the probabilities of being on.

    Raises:
      InputError: as `log_z`.
    """
    _check(rbm)
    with jax.default_matmul_precision("highest"):
        if closed_form.applies(rbm):
            return closed_form.means(rbm)
        side = _side(rbm)

        def total(weights: Array, x: Array) -> tuple[Array, Array]:
            return weights @ x, weights @ rbm_lib.hidden_given_visible(side.machine, x).mean()

        return side.in_order(*_fold(side, total).mean)


def sample(key: Key, rbm: RBM, n_samples: int) -> tuple[Array, Array]:
    """Draws independent states of both layers, `[n_samples, n_visible]`, `[n_samples, n_hidden]`.

    Args:
      key: a PRNG key.
      rbm: a machine.
      n_samples: how many; each takes the work of a chunk of 2^12 states, the first all of them.

    Raises:
      InputError: as `log_z`, or there are no samples.
    """
    checks.check_count("samples", n_samples, 1)
    _check(rbm)
    key_sum, key_other, key_again = jax.random.split(key, 3)
    with jax.default_matmul_precision("highest"):
        if closed_form.applies(rbm):
            side = _Side(rbm, exchanged=False)
            x = closed_form.sample_visible(key_sum, rbm, n_samples)
        else:
            side = _side(rbm)
            x = enumeration.draw(key_sum, side.machine.visible, side.log_weight, n_samples)
        y = rbm_lib.hidden_given_visible(side.machine, x).sample(key_other)
        # Drawn again, since the points of a lattice only stand for a real unit's states.
        x = rbm_lib.visible_given_hidden(side.machine, y).sample(key_again)
        return side.in_order(x, y)


def gradient(rbm: RBM, v: Array) -> RBM:
    """Returns the gradient of the mean log p(v) by the parameters, in the shape of the machine.

    The sufficient statistics under the data less those under the model (2006 paper, eq. 3.1).

    Args:
      rbm: a machine.
      v: `[..., n_visible]` cases.

    Raises:
      InputError: as `log_prob`, or there are no cases.
    """
    checks.check_width("visible states", v, rbm.visible.size)
    cases = v.reshape(-1, rbm.visible.size)
    checks.check_count("cases", len(cases), 1)
    with jax.default_matmul_precision("highest"):
        model = _model_statistics(rbm)
        data = _statistics(rbm, jnp.full(len(cases), 1.0 / len(cases)), cases)
        return jax.tree.map(jnp.subtract, data, model)


def check_parameters(model: PyTree) -> None:
    """Raises `InputError` if a parameter of a model is not finite."""
    if checks.is_concrete(model):
        for path, leaf in jax.tree.leaves_with_path(model):
            checks.check_finite(f"parameters{jax.tree_util.keystr(path)}", leaf)


def _check(rbm: RBM) -> None:
    check_parameters(rbm)
    if checks.is_concrete(rbm):
        rbm_lib.check_normalisable(rbm)


class _Side(NamedTuple):
    """A machine turned so that its visible layer is the one to sum over.

    Attributes:
      machine: the machine or its transpose.
      exchanged: whether it is the transpose.
    """

    machine: RBM
    exchanged: bool

    def log_weight(self, x: Array) -> Array:
        """Returns -F(x), `[...]`."""
        return -rbm_lib.free_energy(self.machine, x)

    def in_order(self, summed: Array, other: Array) -> tuple[Array, Array]:
        """Returns what belongs to the visible layer, then what belongs to the hidden one."""
        return (other, summed) if self.exchanged else (summed, other)


def _side(rbm: RBM) -> _Side:
    """Chooses the layer with fewer states, a lattice only where nothing else is small enough."""
    sides = _Side(rbm, exchanged=False), _Side(rbm_lib.transpose(rbm), exchanged=True)
    small = _summable(sides) or _summable(tuple(map(_on_lattice, sides)))
    visible, hidden = (count_in_words(unit.n_states) for unit in (rbm.visible, rbm.hidden))
    checks.require(
        bool(small),
        f"exact sum: expected at most {count_in_words(MAX_STATES)} states of one layer (or up to "
        f"3 Gaussian units), got {visible} visible and {hidden} hidden; use annealed importance "
        "sampling instead (dbnjax.evaluation.ais)",
    )
    side = min(small, key=lambda side: side.machine.visible.n_states)
    if isinstance(side.machine.visible, quadrature.Lattice) and checks.is_concrete(rbm):
        quadrature.check_reach(side.machine)
    return side


def _summable(sides: tuple[_Side, ...]) -> list[_Side]:
    return [side for side in sides if enumeration.fits(side.machine.visible)]


def _on_lattice(side: _Side) -> _Side:
    visible, hidden, weights = side.machine.visible, side.machine.hidden, side.machine.weights
    return side._replace(machine=RBM(quadrature.on_lattice(visible), hidden, weights))


def _fold(side: _Side, weigh: Weigh = lambda *_: ()) -> Fold:
    return enumeration.fold(side.machine.visible, side.log_weight, weigh)


def _statistics(machine: RBM, weights: Array, x: Array) -> RBM:
    """Returns weighted sums of -dE/dparameters over visible states `[s, n]`, hidden averaged."""
    given = rbm_lib.hidden_given_visible(machine, x)

    def total(statistics: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: weights @ leaf, statistics)

    return RBM(
        visible=total(machine.visible.statistics(x)),
        hidden=total(given.expected_statistics()),
        weights=(weights[:, None] * x).T @ given.mean(),
    )


def _model_statistics(rbm: RBM) -> RBM:
    """Returns the expectation of -dE/dparameters, which is the slope of log Z."""
    _check(rbm)
    if closed_form.applies(rbm):
        return jax.grad(closed_form.log_z)(rbm)
    side = _side(rbm)
    mean = _fold(side, lambda weights, x: _statistics(side.machine, weights, x)).mean
    return rbm_lib.transpose(mean) if side.exchanged else mean
