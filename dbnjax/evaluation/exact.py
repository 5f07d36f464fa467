"""Exact answers about restricted Boltzmann machines that are small enough.

The sum over one layer is written out, the other layer's sum is its cumulant:

    Z = sum_x exp(-F(x)),    F(x) = E(x) - Gamma(x W)

with x the layer that has fewer states, at most 2^25 of them, binary, one-of-K or both; the other
layer may have any units that have an energy. Two Gaussian layers need no sum (`closed_form`), and
where neither layer is finite up to three Gaussian units can be summed over (`quadrature`).

All products are full float32. Under `jit` or `vmap` parameters cannot be looked at, and a machine
that is not finite or not normalisable is not refused.
"""

import jax
import jax.numpy as jnp

from dbnjax import checks
from dbnjax.evaluation import closed_form, enumeration, sides
from dbnjax.evaluation.enumeration import Fold, Weigh
from dbnjax.evaluation.sides import Side
from dbnjax.evaluation.validation import check_parameters, check_possible, check_states, log_support
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, Key, PyTree, floating_type
from dbnjax.units import Bernoulli


def binary_states(n: int) -> Array:
    """Returns all states of n binary units, `[2^n, n]`, counting with the last unit fastest.

    Raises:
      InputError: there are more than 2^20.
    """
    return enumeration.states(Bernoulli.zeros(n))


def cost(rbm: RBM) -> int | None:
    """Returns how much work a sum over a machine is, for deciding whether to ask for it.

    What is counted is the states of the layer that is summed over (a lattice's points, where
    Gaussian units are integrated) times the units of the other layer: each unit's cumulant is
    taken once for each state, in `log_z`, `marginals` and `gradient` alike. A closed form sums
    over nothing and costs 0.

    Only layers are looked at: a machine that is not finite or not normalisable has a cost, too.

    Args:
      rbm: a machine.

    Returns:
      The number of evaluations, or None for a machine too large for an exact answer.

    Example:
      >>> from dbnjax import units
      >>> cost(RBM(units.Bernoulli.zeros(784), units.Bernoulli.zeros(20), jnp.zeros((784, 20))))
      822083584
    """
    if closed_form.applies(rbm):
        return 0
    side = sides.smaller(rbm)
    if side is None:
        return None
    return side.machine.visible.n_states * side.machine.hidden.size


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
        return _fold(sides.choose(rbm)).log_total


def log_prob(rbm: RBM, v: Array) -> Array:
    """Returns log p(v) in nats, `[...]`; a log density where visible units are real.

    It is minus infinity where v is no state: half a count, or a softmax group without a unit that
    is on or with two.

    Args:
      rbm: a machine.
      v: `[..., n_visible]` states.

    Raises:
      InputError: as `log_z`, the width is wrong, or binary or one-of-K units are neither 0 nor 1.
    """
    rbm_lib.check_one_case(rbm)
    check_states(rbm.visible, v)
    with jax.default_matmul_precision("highest"):
        log_p = -log_z(rbm) - rbm_lib.free_energy(rbm, v)
    return log_p + log_support(rbm.visible, v)


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
        side = sides.choose(rbm)

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
            side = Side(rbm, exchanged=False)
            x = closed_form.sample_visible(key_sum, rbm, n_samples)
        else:
            side = sides.choose(rbm)
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
      v: `[..., n_visible]` states of the cases, at least one.

    Raises:
      InputError: as `log_prob`, or a case is no state.
    """
    rbm_lib.check_one_case(rbm)
    check_possible(rbm.visible, v)
    cases = jnp.asarray(v, floating_type(rbm)).reshape(-1, rbm.visible.size)
    with jax.default_matmul_precision("highest"):
        model = _model_statistics(rbm)
        data = _statistics(rbm, jnp.full(len(cases), 1.0 / len(cases), cases.dtype), cases)
        return jax.tree.map(jnp.subtract, data, model)


def _check(rbm: RBM) -> None:
    check_parameters(rbm)
    if checks.is_concrete(rbm):
        rbm_lib.check_normalisable(rbm)


def _fold(side: Side, weigh: Weigh = lambda *_: ()) -> Fold:
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
    side = sides.choose(rbm)
    mean = _fold(side, lambda weights, x: _statistics(side.machine, weights, x)).mean
    return rbm_lib.transpose(mean) if side.exchanged else mean
