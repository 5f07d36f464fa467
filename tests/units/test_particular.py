"""What is particular to one unit type: bounds, borders, masks and refusals."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln

from dbnjax import rbm, units
from dbnjax.checks import InputError

has_state = jax.jit(lambda unit, x, means: unit.has_state(x, means), static_argnums=2)
matched_and_its_mean = jax.jit(
    lambda unit, mean, variance: (
        matched := unit.match(mean, variance),
        matched.mean(jnp.zeros(unit.size)),
    )
)

BORDER = 1e-3  # how far from the border of what a unit can express a matched mean may end

MATCHED = {
    "bernoulli": (units.Bernoulli.zeros(4), [0.0, 1.0, 0.3, 0.5], [0.0, 0.0, 0.21, 0.25]),
    "categorical": (units.Categorical.zeros(3, 2), [0.0, 0.4, 0.6, 1.0, 0.0, 0.0], [0.1] * 6),
    "gaussian": (units.Gaussian.zeros(4), [0.0, 1.0, -7.0, 40.0], [0.0, 1.0, 0.003, 370.0]),
    "relu": (units.Relu.zeros(5), [0.0, 0.0, 1.0, 0.05, 30.0], [0.0, 1.0, 0.0, 4.0, 2.0]),
    "poisson": (units.Poisson.zeros(3), [0.0, 0.7, 12.0], [0.0, 0.7, 12.0]),
    "multinomial": (units.Multinomial.zeros(3, 4), [0.0, 1.0, 3.0], [0.1] * 3),
    "present": (
        units.present(units.Gaussian.zeros(3), jnp.array([1, 0, 1])),
        [0.5, 0.0, -2.0],
        [1.0, 0.0, 2.0],
    ),
    "concat": (
        units.Concat((units.Bernoulli.zeros(2), units.Gaussian.zeros(1))),
        [0.0, 0.2, 0.5],
        [0.0, 0.16, 0.0],
    ),
}


def test_binary_probability_is_the_sigmoid_of_the_field():
    assert float(units.Bernoulli.zeros(1).mean(jnp.ones(1))[0]) == pytest.approx(0.731058579)


@pytest.mark.parametrize("name", MATCHED)
def test_match_reaches_the_mean_at_a_zero_field(name):
    unit, mean, variance = MATCHED[name]
    matched, got = matched_and_its_mean(unit, jnp.array(mean), jnp.array(variance))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(matched))
    assert jax.tree.structure(matched) == jax.tree.structure(unit)
    np.testing.assert_allclose(got, mean, atol=2 * BORDER, rtol=1e-5)


def test_match_keeps_means_that_can_be_expressed():
    mean = jnp.array([0.03, 0.5, 0.9])
    binary = units.Bernoulli.zeros(3).match(mean, mean * (1 - mean))
    np.testing.assert_allclose(binary.bias, np.log(mean / (1 - mean)), rtol=1e-5)
    gaussian = units.Gaussian.zeros(2).match(jnp.array([1.0, 2.0]), jnp.array([0.2, 9.0]))
    np.testing.assert_allclose(gaussian.variance, [0.2, 9.0], rtol=1e-5)


@pytest.mark.parametrize("unit_type", [units.Gaussian, units.Relu])
def test_the_variance_is_bounded_and_its_slope_finite(unit_type):
    raw = jnp.array([-1e30, -1e3, -6.0, 0.0, 6.0, 1e3, 1e30])
    unit = unit_type(bias=jnp.full(7, 0.1), raw_log_variance=raw)
    spread = unit.tails().scale
    assert np.exp(-3.001) < spread.min()
    assert spread.max() < np.exp(3.001)
    assert spread[3] == 1.0
    assert (np.diff(spread) >= 0).all()
    field = jnp.full(7, -0.7)
    by_cumulant = jax.jit(jax.grad(lambda u: u.cumulant(field)))
    by_energy = jax.jit(jax.grad(lambda u: u.energy(jnp.ones(7))))
    for slope in (by_cumulant(unit), by_energy(unit)):
        assert np.isfinite(slope.raw_log_variance).all()
        assert slope.raw_log_variance[3] != 0.0


def test_the_noisy_rectifier_refuses_to_give_an_energy():
    for method in (cases.NOISY_RELU.energy, cases.NOISY_RELU.cumulant):
        with pytest.raises(TypeError, match="NoisyRelu has no"):
            method(jnp.zeros(2))


def test_a_negative_rectified_state_is_impossible():
    assert cases.RELU.energy(jnp.array([0.5, -0.1])) == np.inf


def test_a_negative_count_is_impossible_and_a_mean_has_an_energy():  # F8
    energies = units.Poisson.zeros(4).energies(jnp.array([-2.5, -1.0, 0.5, 3.0]))
    np.testing.assert_allclose(energies, [np.inf, np.inf, gammaln(1.5), gammaln(4.0)], rtol=1e-5)
    slope = jax.grad(lambda x: units.Poisson.zeros(4).energies(x).sum())(jnp.arange(-2.0, 2.0))
    assert np.isfinite(slope).all()
    for unit in (units.Poisson.zeros(1), units.Relu.zeros(1)):
        assert np.isnan(unit.energies(jnp.full(1, np.nan)))


@pytest.mark.parametrize("name", cases.WITH_ENERGY)
def test_all_states_of_the_oracle_are_states(name):
    unit = cases.WITH_ENERGY[name]
    states = jnp.asarray(cases.layer(unit).states, jnp.float32)
    beside = jnp.concatenate([states, jnp.full((1, unit.size), np.nan)])
    for means in (False, True):
        *of_states, of_nan = has_state(unit, beside, means)
        assert all(of_states)
        assert not of_nan


@pytest.mark.parametrize(
    ("unit", "x", "a_mean"),
    [
        (units.Bernoulli.zeros(2), [1.0, 0.5], True),
        (units.Bernoulli.zeros(2), [1.0, -0.1], False),
        (units.Categorical.zeros(3), [0.0, 0.0, 0.0], False),
        (units.Categorical.zeros(3), [1.0, 1.0, 0.0], False),
        (units.Categorical.zeros(3), [0.2, 0.5, 0.3], True),
        (units.Categorical.zeros(3, 2), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0], False),
        (units.Categorical.zeros(2), [1.5, -0.5], False),
        (units.Poisson.zeros(2), [3.0, 0.5], False),
        (units.Poisson.zeros(2), [3.0, -1.0], False),
        (units.Poisson.zeros(2), [3.0, np.inf], False),
        (units.Relu.zeros(2), [0.3, -0.1], False),
        (units.Gaussian.zeros(2), [0.3, np.inf], False),
        (cases.MIXED, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -7.5], False),
    ],
)
def test_what_is_no_state(unit, x, a_mean):  # F22, F30
    drawn = jax.jit(unit.sample)(jax.random.key(0), jnp.zeros(len(x)))
    cases_of_both = np.stack([drawn, x]).astype(np.float32)
    np.testing.assert_array_equal(has_state(unit, cases_of_both, False), [True, False])
    np.testing.assert_array_equal(has_state(unit, cases_of_both, True), [True, a_mean])


@pytest.mark.parametrize("name", cases.ALL)
def test_a_mask_must_have_one_entry_a_unit(name):
    unit = cases.ALL[name]
    unit.check_mask(np.ones(unit.size, bool))
    unit.check_mask(np.zeros(unit.size, bool))
    with pytest.raises(
        InputError, match=rf"expected shape \({unit.size},\), got \({unit.size + 1}"
    ):
        unit.check_mask(np.ones(unit.size + 1, bool))


def test_a_mask_may_not_split_a_softmax_group():
    cases.GROUPS.check_mask(np.repeat([True, False, True], 3))
    with pytest.raises(InputError, match=r"splits group \[1\]"):
        cases.GROUPS.check_mask(np.array([True] * 4 + [False] * 5))
    with pytest.raises(InputError, match=r"whole softmax groups of 4"):
        cases.MIXED.check_mask(np.array([True, False, True, True, False, True, False]))
    cases.MIXED.check_mask(np.array([True, False, True, True, True, True, False]))


def test_a_concat_may_draw_one_part_and_average_another():
    unit, key, field = cases.MIXED, jax.random.key(1), jnp.zeros((200, 7))
    state, statistics = unit.draw(key, field, ("sample", "mean", "mean"))
    mean = unit.mean(field)
    assert set(np.unique(state[:, :2])) == {0.0, 1.0}
    np.testing.assert_array_equal(state[:, 2:], mean[:, 2:])
    np.testing.assert_array_equal(statistics.parts[0].bias, state[:, :2])
    expected = unit.expected_statistics(field).parts[2]
    jax.tree.map(np.testing.assert_array_equal, statistics.parts[2], expected)
    with pytest.raises(InputError, match="expected one choice or 3, one a part, got 2"):
        unit.draw(key, field, ("sample", "mean"))


def test_a_rectified_unit_passes_what_is_positive_and_its_slope():
    unit = units.Rectifier(bias=jnp.array([0.5, 0.5, -0.5]))
    field = jnp.array([-1.0, 1.0, 0.25])
    np.testing.assert_array_equal(unit.mean(field), [0.0, 1.5, 0.0])
    by_unit, by_field = jax.grad(lambda u, f: u.mean(f).sum(), (0, 1))(unit, field)
    np.testing.assert_array_equal(by_field, [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(by_unit.bias, by_field)
    assert not units.Rectifier.zeros(2).bias.any()
    assert np.isfinite(unit.mean(jnp.full(3, 1e30))).all()


def test_a_machine_refuses_units_without_an_energy():
    ours, theirs, weights = units.Rectifier.zeros(2), units.Bernoulli.zeros(2), jnp.zeros((2, 2))
    joined = units.Concat((theirs, ours))
    for pair, w in (((ours, theirs), weights), ((theirs, ours), weights),
                    ((joined, theirs), jnp.zeros((4, 2)))):  # fmt: skip
        with pytest.raises(InputError, match=r"expected some with an energy.*got Rectifier"):
            rbm.create(*pair, w)


def test_units_of_different_types_never_share_a_compiled_program():
    """JAX's own comparison of two dataclasses' structures looks at static fields only."""
    of_a_bias = (units.Bernoulli, units.Poisson, units.NoisyRelu, units.Rectifier)
    made = [kind.zeros(2) for kind in of_a_bias]
    made += [units.Gaussian.zeros(2), units.Relu.zeros(2), units.Categorical.zeros(2)]
    structures = [jax.tree.structure(unit) for unit in made]
    assert all(a != b for i, a in enumerate(structures) for b in structures[:i])
