"""Parameters and states that no likelihood can be worked out for."""

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import annealing, bounds, exact, exact_nets
from dbnjax.evaluation.importance import log_mean
from dbnjax.evaluation.validation import check_parameters, check_states
from dbnjax.models import path as path_lib
from dbnjax.models.rbm import RBM

FOUR = units.Bernoulli.zeros(4)


@pytest.mark.parametrize(
    ("v", "message"),
    [
        (np.zeros((2, 3)), "visible states: expected 4 units in the last axis, got 3"),
        (np.zeros((0, 4)), r"visible states: expected one case or more, got \(0, 4\)"),
        (np.full((2, 4), 0.5), r"expected 0 or 1, got 8 other values such as \[0.5\]; binarise"),
        (np.full((2, 4), np.nan), "visible states: expected finite values, got 8 NaN"),
    ],
    ids=["width", "none", "probabilities", "nan"],
)
def test_states_that_cannot_be_are_one_line(v, message):
    with pytest.raises(InputError, match=message) as caught:
        check_states(FOUR, v)
    assert "\n" not in str(caught.value)


def test_only_units_with_finitely_many_states_must_be_0_or_1():
    v = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0, -7.5])  # two binary, one of four, one real
    check_states(cases.MIXED, v)
    with pytest.raises(InputError, match="expected 0 or 1, got 1 other values"):
        check_states(cases.MIXED, np.where(np.arange(7) == 3, 0.5, v))


def test_a_parameter_that_is_not_finite_is_named():
    rbm = machines.binary(1, 3, 2)
    check_parameters(rbm)
    broken = rbm.replace(hidden=units.Bernoulli(jnp.array([0.0, -jnp.inf])))
    with pytest.raises(InputError, match=r"parameters\.hidden\.bias: expected finite values"):
        check_parameters(broken)


def test_what_is_traced_cannot_be_looked_at():
    def checked(rbm, v):
        check_parameters(rbm)
        check_states(rbm.visible, v)
        return v

    rbm = jax.tree.map(lambda x: x * jnp.nan, machines.binary(1, 3, 2))
    assert jax.jit(checked)(rbm, jnp.full((2, 3), 0.5)).shape == (2, 3)


SOFTMAX = RBM(units.Categorical.zeros(3), units.Bernoulli.zeros(2), jnp.zeros((3, 2)))
COUNTS = RBM(units.Poisson.zeros(1), units.Bernoulli.zeros(2), jnp.zeros((1, 2)))
GROUPS = jnp.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 0.0]])


@pytest.mark.parametrize("jit", [False, True])
def test_no_state_no_probability(jit):  # F22, F30
    log_prob = jax.jit(exact.log_prob) if jit else exact.log_prob
    np.testing.assert_allclose(log_prob(SOFTMAX, GROUPS), [-np.log(3.0), -np.inf, -np.inf])
    counts = jnp.array([[2.0], [0.5], [-1.0], [-2.5]])
    exactly = [-1.0 - np.log(2.0), -np.inf, -np.inf, -np.inf]
    np.testing.assert_allclose(log_prob(COUNTS, counts), exactly, rtol=1e-5)


NET, V = machines.net(9, (3, 2, 3, 2), 3), jnp.array([0.0, 1.0, 1.0])


def test_a_missing_label_is_no_state_and_is_summed_out_where_that_is_asked():  # F22
    v, known = jnp.broadcast_to(V, (2, 3)), GROUPS[:2]  # a label, and none
    log_p = np.asarray(exact_nets.log_prob(NET, v, known))
    assert log_p[1] == -np.inf
    each = exact_nets.log_prob(NET, jnp.broadcast_to(V, (3, 3)), jnp.eye(3))
    assert log_p[0] == pytest.approx(float(each[1]))
    assert float(exact_nets.log_prob(NET, V)) == pytest.approx(np.logaddexp.reduce(each), abs=1e-5)
    assert float(exact_nets.bound(NET, v, known).bound[1]) == -np.inf
    assert np.isnan(exact_nets.posterior(NET, V, GROUPS[1])[1]).all()
    log_w = bounds.log_weights(jax.random.key(0), NET, v, 0.0, 2, known)
    assert np.isfinite(log_w[:, 0]).all()
    np.testing.assert_array_equal(log_w[:, 1], [-np.inf, -np.inf])
    assert float(log_mean(log_w).value[1]) == -np.inf


@pytest.mark.parametrize("labels", [GROUPS, jnp.arange(3), jnp.eye(3)[:2], jnp.full((3, 3), 1 / 3)])
def test_labels_of_another_form_are_one_line(labels):  # F2, F22
    v = jnp.broadcast_to(V, (3, 3))
    for ask in (exact_nets.log_prob, exact_nets.bound, exact_nets.posterior):
        with pytest.raises(InputError, match="labels: expected one"):
            ask(NET, v, labels)
    with pytest.raises(InputError, match="labels: expected one"):
        bounds.log_weights(jax.random.key(0), NET, v, 0.0, 2, labels)


def test_means_of_binary_pixels_keep_their_cross_entropy():
    log_w = bounds.log_weights(jax.random.key(0), NET, 0.5 * V, 0.0, 2)
    assert np.isfinite(log_w).all()


def test_chains_and_gradients_from_no_state_are_one_line():
    path = path_lib.from_base_rates(SOFTMAX, jnp.full(3, 1 / 3), jnp.full(3, 0.2))
    for ask in (
        lambda: annealing.start(path, GROUPS, 1.0),
        lambda: exact.gradient(SOFTMAX, GROUPS),
        lambda: exact.gradient(COUNTS, jnp.array([[1.0], [0.5], [-1.0]])),
    ):
        with pytest.raises(InputError, match=r"2 cases that are none, the first \[1\]") as caught:
            ask()
        assert "\n" not in str(caught.value)
