"""What `rbm.create` refuses: misfits, damaged weights and machines without a finite Z."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.models import rbm as rbm_lib


@pytest.mark.parametrize("shape", [(2, 3), (3,), (3, 2, 1), ()])
def test_weights_must_fit_the_units(shape):
    with pytest.raises(InputError, match=r"weights: expected shape \(3, 2\)"):
        rbm_lib.create(cases.BERNOULLI, units.Bernoulli.zeros(2), jnp.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_must_be_finite(bad):
    with pytest.raises(InputError, match="weights: expected finite values, got 1 NaN or infinite"):
        rbm_lib.create(
            cases.BERNOULLI, units.Bernoulli.zeros(2), jnp.zeros((3, 2)).at[1, 1].set(bad)
        )


def two(unit_type):
    return unit_type.zeros(2)


def weights_of(*entries):
    return jnp.array(entries, jnp.float32).reshape(2, 2)


NOT_NORMALISABLE = {
    "poisson-poisson": (units.Poisson, units.Poisson, (-1.0, 0.0, 1e-3, -1.0)),
    "poisson-gaussian": (units.Poisson, units.Gaussian, (0.0, -0.1, 0.0, 0.0)),
    "poisson-relu": (units.Poisson, units.Relu, (0.0, 0.1, 0.0, 0.0)),
    # Each coupling alone would do; together their largest singular value is 1.2.
    "gaussian-gaussian": (units.Gaussian, units.Gaussian, (0.6, 0.6, 0.6, 0.6)),
    "relu-relu": (units.Relu, units.Relu, (0.0, 1.01, 0.0, 0.0)),
    "gaussian-relu": (units.Gaussian, units.Relu, (0.0, -1.01, 0.0, 0.0)),
}
NORMALISABLE = {
    "poisson-poisson": (units.Poisson, units.Poisson, (-1.0, 0.0, -1e-3, -9.0)),
    "poisson-gaussian": (units.Poisson, units.Gaussian, (0.0, 0.0, 0.0, 0.0)),
    "poisson-relu": (units.Poisson, units.Relu, (0.0, -5.0, 0.0, 0.0)),
    "gaussian-gaussian": (units.Gaussian, units.Gaussian, (0.499, 0.499, 0.499, 0.499)),
    "relu-relu": (units.Relu, units.Relu, (0.0, 0.99, -7.0, 0.0)),
    "gaussian-relu": (units.Gaussian, units.Relu, (0.0, -0.99, 0.0, 0.0)),
    "poisson-bernoulli": (units.Poisson, units.Bernoulli, (9.0, 9.0, 9.0, 9.0)),
    "gaussian-bernoulli": (units.Gaussian, units.Bernoulli, (9.0, 9.0, 9.0, 9.0)),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", NOT_NORMALISABLE)
def test_machines_without_a_finite_z_are_refused(name, turned):
    visible, hidden, entries = NOT_NORMALISABLE[name]
    layers = (two(hidden), two(visible)) if turned else (two(visible), two(hidden))
    weights = weights_of(*entries).T if turned else weights_of(*entries)
    with pytest.raises(InputError, match="cannot be normalised"):
        rbm_lib.create(*layers, weights)


@pytest.mark.parametrize("name", NORMALISABLE)
def test_machines_just_inside_are_accepted(name):
    visible, hidden, entries = NORMALISABLE[name]
    rbm = rbm_lib.create(two(visible), two(hidden), weights_of(*entries))
    np.testing.assert_array_equal(rbm.weights, weights_of(*entries))


def test_variances_count_in_the_bound_between_real_layers():
    wide = units.Gaussian.zeros(2).match(jnp.zeros(2), jnp.full(2, 4.0))
    weights = 0.45 * jnp.eye(2)
    rbm_lib.create(wide, two(units.Gaussian), weights)
    with pytest.raises(InputError, match=r"reaches 1\.8 between real units"):
        rbm_lib.create(wide, wide, weights)


def test_a_part_of_a_layer_is_judged_by_itself():
    visible = units.Concat((units.Bernoulli.zeros(1), units.Poisson.zeros(1)))
    rbm_lib.create(visible, two(units.Poisson), weights_of(5.0, 5.0, -1.0, -1.0))
    with pytest.raises(InputError, match="1 couplings join counts"):
        rbm_lib.create(visible, two(units.Poisson), weights_of(-5.0, -5.0, -1.0, 1.0))


def test_couplings_are_judged_in_the_cone_of_one_sided_states():
    gaussian, relu = units.Gaussian.zeros(1), units.Relu.zeros(2)
    # On h >= 0 the two couplings never pull together: the largest is 0.8.
    rbm_lib.create(gaussian, relu, np.array([[0.8, -0.8]]))
    with pytest.raises(InputError, match="cannot be normalised"):
        rbm_lib.create(gaussian, relu, np.array([[0.8, 0.8]]))
    with pytest.raises(InputError, match="cannot be normalised"):
        rbm_lib.create(relu, relu, np.full((2, 2), 0.9))
    rbm_lib.create(relu, relu, np.full((2, 2), -0.9))


def test_machines_are_made_under_jit_and_vmap():
    """An ensemble of machines is one call: values that are traced cannot be looked at."""
    keys = jax.random.split(jax.random.key(0), 5)
    make = lambda key: rbm_lib.init(key, cases.BERNOULLI, units.Bernoulli.zeros(4))  # noqa: E731
    many = jax.jit(jax.vmap(make))(keys)
    one = make(keys[3])
    np.testing.assert_allclose(many.weights[3], one.weights, rtol=1e-6)


def test_data_that_leave_no_finite_z_are_refused():
    machine = rbm_lib.create(units.Gaussian.zeros(1), units.Gaussian.zeros(1), np.full((1, 1), 0.5))
    with pytest.raises(InputError, match="cannot be normalised"):
        rbm_lib.match_data(machine, jnp.zeros(1), jnp.full(1, 16.0))


def test_states_of_another_width_are_one_line():
    machine = rbm_lib.init(jax.random.key(0), units.Bernoulli.zeros(6), units.Bernoulli.zeros(4))
    for call in (
        lambda: rbm_lib.free_energy(machine, jnp.zeros((3, 5))),
        lambda: rbm_lib.energy(machine, jnp.zeros((3, 6)), jnp.zeros((3, 5))),
        lambda: rbm_lib.visible_given_hidden(machine, jnp.zeros((3, 6))),
        lambda: jax.jit(rbm_lib.hidden_given_visible)(machine, jnp.zeros((3, 7))),
    ):
        with pytest.raises(InputError, match="in the last axis") as caught:
            call()
        assert "\n" not in str(caught.value)
