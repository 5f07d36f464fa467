"""One protocol for all unit types: the mathematics against the oracles, shapes and types."""

import inspect
from functools import partial

import cases
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from dbnjax import units

with_energy = pytest.mark.parametrize("name", cases.WITH_ENERGY)
all_units = pytest.mark.parametrize("name", cases.ALL)
RECTIFIER = units.Rectifier(bias=jnp.array([0.5, -0.9, 0.0], jnp.float32))  # a mean and no more

close = partial(np.testing.assert_allclose, rtol=3e-5, atol=3e-5)


def fields(unit):
    """Six fields `[6, n]`, the first zero, none beyond what the oracles' grids cover."""
    drawn = np.random.default_rng(5).uniform(-2.5, 2.5, (6, unit.size))
    return jnp.asarray(drawn * (np.arange(6) > 0)[:, None], jnp.float32)


def all_close(got, expected):
    jax.tree.map(close, got, expected)


def answers(unit, key, field):
    """Everything that a unit says about a field, and about a state drawn for it."""
    state, statistics = unit.draw(key, field, "sample")
    mean, expected = unit.draw(key, field, "mean")
    said = {
        "state": state,
        "statistics": statistics,
        "mean": mean,
        "expected_statistics": expected,
    }
    if not isinstance(unit, units.NoisyRelu):
        said |= {"energy": unit.energy(state), "cumulant": unit.cumulant(field)}
        said |= {"energies": unit.energies(state), "cumulants": unit.cumulants(field)}
    return said


def averages(unit, field):
    """What a unit says about a field without drawing."""
    said = {"mean": unit.mean(field), "statistics": unit.expected_statistics(field)}
    if not isinstance(unit, units.NoisyRelu):
        said |= {"energy": unit.energy(said["mean"]), "cumulant": unit.cumulant(field)}
    return said


def slopes(unit, field):
    """The slopes by the unit and by the field of the summed cumulant, or else of the mean."""
    noisy = isinstance(unit, units.NoisyRelu)
    return jax.grad(lambda u, f: (u.mean if noisy else u.cumulant)(f).sum(), (0, 1))(unit, field)


def judgement(unit, state):
    """The energy, the statistics, and what they must be: minus the energy's slopes."""
    by_unit = jax.vmap(jax.grad(lambda u, x: -u.energy(x)), (None, 0))
    return unit.energy(state), unit.statistics(state), by_unit(unit, state)


jitted_answers, jitted_averages = jax.jit(answers), jax.jit(averages)
jitted_slopes, jitted_judgement = jax.jit(slopes), jax.jit(judgement)
jitted_sample = jax.jit(lambda unit, key, field: unit.sample(key, field))


@all_units
def test_methods_and_their_parameters_are_the_same(name):
    unit_type = type(cases.ALL[name])
    for method, function in inspect.getmembers(units.Unit, inspect.isfunction):
        expected = list(inspect.signature(function).parameters)
        assert list(inspect.signature(getattr(unit_type, method)).parameters) == expected, method


def test_a_unit_of_feedforward_nets_has_the_same_methods_and_refuses_what_it_lacks():
    for method, function in inspect.getmembers(units.Unit, inspect.isfunction):
        expected = list(inspect.signature(function).parameters)
        own = getattr(units.Rectifier, method)
        assert list(inspect.signature(own).parameters) == expected, method
    zero, key = jnp.zeros(3), jax.random.key(0)
    for method in (RECTIFIER.energy, RECTIFIER.cumulant, RECTIFIER.statistics):
        with pytest.raises(TypeError, match="Rectifier has no"):
            method(zero)
    with pytest.raises(TypeError, match="Rectifier has no sampler"):
        RECTIFIER.sample(key, zero)


def test_a_unit_of_feedforward_nets_takes_any_axes_ensembles_and_no_other_type():
    field = jnp.asarray(np.random.default_rng(5).uniform(-2.5, 2.5, (6, 3)), jnp.float32)
    expected = np.maximum(0.0, np.asarray(field) + np.array([0.5, -0.9, 0.0], np.float32))
    for lead in ((6,), (2, 3), (2, 3, 1)):
        got = RECTIFIER.mean(field.reshape(*lead, 3))
        np.testing.assert_array_equal(got, expected.reshape(*lead, 3))
    close(RECTIFIER.shift_field(field[3]).mean(field), RECTIFIER.mean(field + field[3]))
    members = [RECTIFIER, RECTIFIER.shift_field(jnp.ones(3))]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *members)
    assert stacked.size == RECTIFIER.size == 3
    together = jax.vmap(lambda unit: unit.mean(field))(stacked)
    for got, member in zip(together, members, strict=True):
        np.testing.assert_array_equal(got, member.mean(field))
    with jax.enable_x64(True):
        mean = jax.eval_shape(lambda: RECTIFIER.mean(field))
    assert (mean.dtype, mean.weak_type) == (jnp.float32, False)


@with_energy
def test_log_partition_mean_and_expected_statistics_are_the_oracles(name):
    unit = cases.WITH_ENERGY[name]
    layer, field = cases.layer(unit), fields(unit)
    probability = oracles.probabilities(layer, np.float64(field))
    said = jitted_averages(unit, field)
    close(said["cumulant"], oracles.log_partition(layer, np.float64(field)))
    close(said["mean"], probability @ layer.states)
    statistics = jax.tree.leaves(said["statistics"])
    all_close(statistics, [probability @ s for s in cases.statistics(unit)])


@with_energy
def test_expected_statistics_and_mean_are_the_cumulants_slopes(name):
    unit = cases.WITH_ENERGY[name]
    said = jitted_averages(unit, fields(unit))
    by_unit, by_field = jitted_slopes(unit, fields(unit))
    all_close(jax.tree.map(lambda x: x.sum(0), said["statistics"]), by_unit)
    close(said["mean"], by_field)


@with_energy
def test_energy_and_statistics_are_the_oracles(name):
    unit = cases.WITH_ENERGY[name]
    layer = cases.layer(unit)
    some = np.linspace(0, len(layer.states) - 1, 8).astype(int)
    state = jnp.asarray(layer.states[some], jnp.float32)
    energy, statistics, slopes = jitted_judgement(unit, state)
    close(energy, layer.energy[some])
    all_close(statistics, slopes)
    all_close(jax.tree.leaves(statistics), [s[some] for s in cases.statistics(unit)])


@all_units
def test_shifted_units_have_the_law_of_the_shifted_field(name):
    unit, field = cases.ALL[name], fields(cases.ALL[name])
    shifted = jitted_averages(unit.shift_field(field[3]), field)
    expected = jitted_averages(unit, field + field[3])
    close(shifted["mean"], expected["mean"])
    if name in cases.WITH_ENERGY:
        # The laws agree, so the cumulants differ by a constant of the field.
        difference = shifted["cumulant"] - expected["cumulant"]
        close(difference, jnp.broadcast_to(difference[0], difference.shape))


@all_units
def test_draw_is_a_sample_or_a_mean_with_its_statistics(name):
    unit, key = cases.ALL[name], jax.random.key(2)
    said, averaged = jitted_answers(unit, key, fields(unit)), jitted_averages(unit, fields(unit))
    close(said["state"], jitted_sample(unit, key, fields(unit)))
    all_close(said["statistics"], unit.statistics(said["state"]))
    close(said["mean"], averaged["mean"])
    all_close(said["expected_statistics"], averaged["statistics"])
    assert np.abs(said["state"] - said["mean"]).max() > 0.01


@all_units
def test_draw_refuses_another_word(name):
    unit = cases.ALL[name]
    with pytest.raises(ValueError, match=r"expected 'sample' or 'mean'.* got 'avarage'"):
        unit.draw(jax.random.key(0), fields(unit), "avarage")


@all_units
def test_jit_changes_nothing(name):
    unit = cases.ALL[name]
    all_close(jitted_averages(unit, fields(unit)), averages(unit, fields(unit)))


@all_units
def test_a_stacked_ensemble_is_a_loop(name):
    unit = cases.ALL[name]
    members = [jax.tree.map(lambda x, i=i: x + 0.3 * i, unit) for i in range(3)]
    keys = jax.random.split(jax.random.key(4), 3)
    field = fields(unit)
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *members)
    assert stacked.size == unit.size
    together = jax.jit(jax.vmap(answers, (0, 0, None)))(stacked, keys, field)
    for i, (member, key) in enumerate(zip(members, keys, strict=True)):
        all_close(jax.tree.map(lambda x, i=i: x[i], together), jitted_answers(member, key, field))


@all_units
def test_units_of_their_own_for_each_case_are_a_loop(name):
    unit, field = cases.ALL[name], fields(cases.ALL[name])
    members = [jax.tree.map(lambda x, i=i: x + float(i), unit) for i in range(3)]
    many = jax.tree.map(lambda *x: jnp.stack(x), *members)
    said = jitted_averages(many, field[:, None])
    for i, member in enumerate(members):
        got = jax.tree.map(lambda x, i=i: x[:, i], said)
        all_close(got, jitted_averages(member, field))
    n = 4_000
    repeated = jnp.broadcast_to(field[3], (n, 1, unit.size))
    drawn = np.float64(jax.jit(many.sample)(jax.random.key(8), repeated))
    assert drawn.shape == (n, 3, unit.size)
    error = 5.0 * drawn.std(0) / np.sqrt(n)
    assert (np.abs(drawn.mean(0) - many.mean(field[3])) <= error + 1e-5).all()


@all_units
def test_any_number_of_leading_axes(name):
    unit, key = cases.ALL[name], jax.random.key(5)
    flat = jitted_averages(unit, fields(unit))
    shapes = jax.eval_shape(answers, unit, key, fields(unit))
    for lead in ((), (2, 3, 1)):
        field = fields(unit)[: np.prod(lead, dtype=int)].reshape(*lead, unit.size)
        expected = jax.tree.map(lambda x, lead=lead: (*lead, *x.shape[1:]), shapes)
        got = jax.tree.map(lambda x: x.shape, jax.eval_shape(answers, unit, key, field))
        assert got == expected
    grouped = jitted_averages(unit, fields(unit).reshape(2, 3, 1, -1))
    all_close(grouped, jax.tree.map(lambda x: x.reshape(2, 3, 1, *x.shape[1:]), flat))


@all_units
@pytest.mark.parametrize("x64", [False, True])
def test_float32_stays_float32(name, x64):
    unit = cases.ALL[name]
    with jax.enable_x64(x64):
        shapes = jax.eval_shape(answers, unit, jax.random.key(0), fields(unit))
    for path, leaf in jax.tree.leaves_with_path(shapes):
        assert leaf.dtype == jnp.float32, jax.tree_util.keystr(path)
        assert not leaf.weak_type, jax.tree_util.keystr(path)


@all_units
def test_extreme_fields_stay_finite(name):
    unit = cases.ALL[name]
    has_counts = name in ("poisson", "counted")
    # exp(f) is the true rate of a count: float32 and int32 end before the large fields.
    values = (
        (-1e3, -50.0, -9.0, 0.0, 1.0, 9.0) if has_counts else (-1e3, -50.0, -9.0, 9.0, 50.0, 1e3)
    )
    field = jnp.broadcast_to(jnp.array(values)[:, None], (6, unit.size))
    said = jitted_answers(unit, jax.random.key(6), field), jitted_slopes(unit, field)
    for path, leaf in jax.tree.leaves_with_path(said):
        assert np.isfinite(leaf).all(), jax.tree_util.keystr(path)
