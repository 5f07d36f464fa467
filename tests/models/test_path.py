"""The path between two machines: its ends, its middle, and what cannot be joined."""

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.models import path as path_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM

FIRST, SECOND = machines.labelled(3, 2, 3, 4), machines.labelled(5, 2, 3, 4)
MEAN = jnp.array([0.2, 0.7, 0.5, 0.3, 0.2])
PATHS = {
    "coupled": path_lib.create(FIRST, SECOND),
    "base rates": path_lib.from_base_rates(SECOND, MEAN, MEAN),
}


def dense(path, beta):
    """The machine at beta as NumPy would interpolate it."""

    def between(base, target):
        return jnp.asarray((1 - beta) * np.float64(base) + beta * np.float64(target), jnp.float32)

    return jax.tree.map(between, path.base, path.target)


@pytest.mark.parametrize("name", PATHS)
def test_the_ends_are_the_two_machines(name):
    path = PATHS[name]
    for beta, end in ((0.0, path.base), (1.0, path.target)):
        got = path_lib.at(path, beta)
        np.testing.assert_array_equal(np.asarray(got.weights), end.weights)
        jax.tree.map(np.testing.assert_array_equal, got.visible, end.visible)
        jax.tree.map(np.testing.assert_array_equal, got.hidden, end.hidden)


@pytest.mark.parametrize("name", PATHS)
def test_between_them_lie_ordinary_machines_with_interpolated_parameters(name):
    path, betas = PATHS[name], jnp.array([0.2, 0.65, 1.0])
    v = jnp.asarray(machines.states(FIRST.visible)[::2], jnp.float32)
    h = jnp.asarray(machines.states(FIRST.hidden)[3 : 3 + len(v)], jnp.float32)

    def answers(rbm):
        up, down = rbm_lib.hidden_given_visible(rbm, v), rbm_lib.visible_given_hidden(rbm, h)
        return up.mean(), down.mean(), rbm_lib.free_energy(rbm, v), rbm_lib.energy(rbm, v, h)

    got = jax.jit(jax.vmap(lambda beta: answers(path_lib.at(path, beta))))(betas)
    for i, beta in enumerate(betas.tolist()):
        for a, b in zip(got, answers(dense(path, beta)), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=2e-6, atol=2e-6)
    for rbm in (path_lib.at(path, 0.65), rbm_lib.transpose(path_lib.at(path, 0.65))):
        assert rbm.weights.shape == np.asarray(rbm.weights).shape
    np.testing.assert_allclose(path_lib.at(path, 0.65).weights, dense(path, 0.65).weights, 1e-6)


@pytest.mark.parametrize(("name", "n_products"), [("coupled", 2), ("base rates", 1)])
def test_temperatures_share_their_products_and_no_weights_cost_none(name, n_products):
    def free_energies(betas, v):
        return jax.vmap(lambda b, x: rbm_lib.free_energy(path_lib.at(PATHS[name], b), x))(betas, v)

    program = jax.make_jaxpr(free_energies)(jnp.linspace(1.0, 0.0, 4), jnp.zeros((4, 6, 5)))
    products = [e for e in program.eqns if e.primitive.name == "dot_general"]
    assert len(products) == n_products
    for product in products:
        assert [x.aval.shape for x in product.invars] == [(4, 6, 5), (5, 4)]


BASES = {
    "labels": SECOND,
    "softmax groups": machines.groups(2),
    "real": RBM(cases.GAUSSIAN, cases.BERNOULLI, jnp.full((2, 3), 0.3)),
    "counts": RBM(cases.POISSON, cases.BERNOULLI, jnp.full((2, 3), 0.3)),
}


@pytest.mark.parametrize("name", BASES)
def test_base_rates_have_a_closed_log_z(name):
    target = BASES[name]
    n = target.visible.size
    base = path_lib.base_rates(target, jnp.full(n, 0.4), jnp.full(n, 0.8))
    assert not np.any(base.weights)
    jax.tree.map(np.testing.assert_array_equal, base.hidden, target.hidden)
    log_z = path_lib.log_z_uncoupled(base)
    np.testing.assert_allclose(log_z, machines.joint(base).log_z, rtol=1e-5)


def test_base_rates_match_the_data():
    base = PATHS["base rates"].base
    np.testing.assert_allclose(base.visible.mean(jnp.zeros(5)), MEAN, rtol=1e-5)
    moments = jnp.array([0.4, -1.0]), jnp.array([2.0, 0.3])
    real = path_lib.base_rates(BASES["real"], *moments).visible
    np.testing.assert_allclose(real.mean(jnp.zeros(2)), moments[0], rtol=1e-5)
    np.testing.assert_allclose(real.variance, moments[1], rtol=1e-5)


def test_paths_are_made_under_jit_and_vmap():
    """An ensemble of paths is one call: values that are traced cannot be looked at."""
    targets = jax.tree.map(lambda a, b: jnp.stack([a, b]), FIRST, SECOND)

    def score(target):
        path = path_lib.from_base_rates(target, MEAN, MEAN)
        return rbm_lib.free_energy(path_lib.at(path, 0.4), jnp.ones(5))

    alone = rbm_lib.free_energy(path_lib.at(PATHS["base rates"], 0.4), jnp.ones(5))
    np.testing.assert_allclose(jax.vmap(score)(targets)[1], alone, rtol=1e-6)


def broken(value):
    return SECOND.replace(hidden=units.Bernoulli(SECOND.hidden.bias.at[1].set(value)))


@pytest.mark.parametrize(
    ("base", "target", "message"),
    [
        (machines.binary(1, 5, 4), SECOND, "expected two machines of the same units, got 5 Bern"),
        (
            machines.labelled(3, 2, 3, 3),
            machines.labelled(3, 3, 2, 3),
            r"got \(2 Bernoulli \+ 3 Categorical with n_categories 3\) x 3 Bernoulli and "
            r"\(3 Bernoulli \+ 2 Categorical with n_categories 2\) x 3 Bernoulli; they were made",
        ),
        (FIRST, broken(np.nan), "parameters of the path's target: expected finite"),
        (broken(np.inf), FIRST, "parameters of the path's base: expected finite"),
    ],
    ids=["units", "sizes", "nan", "infinite"],
)
def test_ends_that_do_not_fit_are_one_line(base, target, message):
    with pytest.raises(InputError, match=message) as caught:
        path_lib.create(base, target)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("moments", [(MEAN[:4], MEAN), (MEAN, MEAN[:4])])
def test_moments_of_other_data_are_refused(moments):
    with pytest.raises(InputError, match="of the data: expected 5 units in the last axis, got 4"):
        path_lib.from_base_rates(SECOND, *moments)


def real_units(variance):
    return units.Gaussian.zeros(1).match(jnp.zeros(1), jnp.full(1, variance))


def test_ends_without_a_finite_z_are_refused():
    target = RBM(real_units(1.0), real_units(1.0), jnp.full((1, 1), 1.1))
    with pytest.raises(InputError, match=r"path at beta = 1: this machine cannot be normalised"):
        path_lib.from_base_rates(target, jnp.zeros(1), jnp.ones(1))


def test_a_sound_path_may_pass_machines_without_a_finite_z():
    """A variance that falls from 1 to 0.01 while the coupling grows to 9: 0.9 at the end."""
    target = rbm_lib.create(real_units(0.01), real_units(1.0), jnp.full((1, 1), 9.0))
    path = path_lib.from_base_rates(target, jnp.zeros(1), jnp.ones(1))
    path_lib.check_normalisable(path, [1.0, 0.01, 0.0])
    with pytest.raises(InputError, match=r"path at beta = 0\.5: this machine cannot be normalised"):
        path_lib.check_normalisable(path, [1.0, 0.5, 0.0])


def test_of_many_temperatures_some_all_along_the_path_are_looked_at(monkeypatch):
    target = rbm_lib.create(real_units(1.0), real_units(1.0), jnp.full((1, 1), 0.5))
    path = path_lib.from_base_rates(target, jnp.zeros(1), jnp.ones(1))
    seen = []
    monkeypatch.setattr(rbm_lib, "check_normalisable", lambda rbm: seen.append(rbm.weights.beta))
    path_lib.check_normalisable(path, np.linspace(1.0, 0.0, 20_001) ** 2)
    assert (len(seen), seen[0], seen[-1]) == (path_lib.MOST_CHECKED, 1.0, 0.0)
    np.testing.assert_allclose(np.diff(seen), -1 / 31, rtol=0.01)
    few = [1.0, 0.9, 0.89, 0.0]
    path_lib.check_normalisable(path, few)
    assert seen[path_lib.MOST_CHECKED :] == few
