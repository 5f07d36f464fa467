"""The small, exact experiment with belief nets: enumerations against NumPy, and what it finds."""

import itertools

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
from scipy.special import expit

from dbnjax.models import boltzmann
from dbnjax.units import Bernoulli
from experiments import belief_net
from experiments.belief_net import modes, report, speed
from experiments.belief_net.config import Config

SHORT = Config(mode_updates=300, points=3)


def test_dreams_begin_at_the_equilibrium_or_some_iterations_from_recognition():
    joint = machines.joint(modes.NET.memory)
    np.testing.assert_allclose(modes.dreamt(modes.NET, None), joint.visible_marginal, atol=1e-5)
    up = joint.probability / joint.visible_marginal[:, None]
    down = (joint.probability / joint.hidden_marginal).T
    start = machines.table(modes.NET.recognition[0], np.float64(modes.IMAGES)).mean(0)
    for n in (1, 7):
        expected = start @ np.linalg.matrix_power(up @ down, n)
        np.testing.assert_allclose(modes.dreamt(modes.NET, n), expected, atol=1e-5)


@pytest.mark.parametrize(("n_steps", "largest"), [(None, 0.1), (3, 0.002)])
def test_the_sleep_phase_expects_the_delta_rule_over_all_dreams(n_steps, largest):
    slope = modes.sleep(modes.NET, n_steps)
    causes, images = (machines.states(Bernoulli.zeros(n)) for n in (2, 3))
    law = np.float64(modes.dreamt(modes.NET, n_steps))[:, None]
    law = law * machines.table(modes.NET.generative[0], causes)
    layer = modes.NET.recognition[0]
    predicted = expit(images @ np.float64(layer.weights) + np.float64(layer.unit.bias))
    error = causes[:, None] - predicted[None]
    np.testing.assert_allclose(slope.unit.bias, np.einsum("cv,cvj->j", law, error), atol=1e-5)
    expected = np.einsum("cv,vi,cvj->ij", law, images, error)
    np.testing.assert_allclose(slope.weights, expected, atol=1e-5)
    assert np.abs(expected).max() > largest


def test_modes_are_averaged_by_wake_sleep_alone():
    curves = {rule: modes.learn(SHORT, rule, "recognition") for rule in modes.rules(SHORT)}
    averaged, contrastive = curves["wake-sleep"], curves["up-down, k = 1"]
    assert averaged["bound"][-1] < averaged["bound"][0] - 3.0
    assert abs(averaged["neither"][-1] - 0.5) < 0.01
    assert contrastive["bound"][-1] > contrastive["bound"][0]
    assert contrastive["neither"][-1] < 0.1
    for curve in curves.values():  # the net does not change, and is above its bound
        np.testing.assert_allclose(curve["log_p"], curve["log_p"][0])
        assert max(curve["bound"]) < curve["log_p"][0]


@pytest.mark.parametrize("layers", [(3,), (3, 2)])
def test_the_boltzmann_machines_likelihood_is_exact(layers):
    units = [Bernoulli(jnp.linspace(-1.0, 1.0, n)) for n in (4, *layers)]
    weights = [jnp.zeros((a.size, b.size)) for a, b in itertools.pairwise(units)]
    machine = boltzmann.randomise(jax.random.key(1), boltzmann.deep(units, weights), 1.5)
    tables = [machines.states(unit) for unit in units]
    numbers = np.indices([len(table) for table in tables]).reshape(len(tables), -1)
    states = [table[n] for table, n in zip(tables, numbers, strict=True)]
    energy = -sum(x @ np.float64(unit.bias) for x, unit in zip(states, units, strict=True))
    for x, y, coupling in zip(states, states[1:], machine.couplings, strict=False):
        energy = energy - np.einsum("si,ij,sj->s", x, np.float64(coupling.weights), y)
    p = np.exp(-energy).reshape(16, -1).sum(1)
    found = speed.log_prob(machine, jnp.asarray(tables[0], jnp.float32))
    np.testing.assert_allclose(found, np.log(p / p.sum()), rtol=1e-5, atol=1e-5)


def test_the_tasks_are_what_they_are_called():
    shifter, patterns = map(speed.cases, speed.TASKS)
    assert shifter.shape == (24, 9)
    for row in shifter:
        shift = (-1, 0, 1)[int(row[6:].argmax())]
        np.testing.assert_array_equal(np.roll(row[:3], shift), row[3:6])
    assert patterns.shape == (40, 9)
    assert set(np.unique(patterns)) == {0.0, 1.0}
    np.testing.assert_allclose(speed.entropy(shifter), np.log(24))


def test_the_updates_to_the_target_are_those_of_the_fastest_rate():
    curves = np.array([[-9.0, -8.5, -6.9, -5.0], [-9.0, -8.9, -8.8, -8.7]])
    assert speed.updates_to_target(curves, -3.0) == [2, None]
    assert speed.fastest([[5, None], [3, 9], [2, 30]]) == [3, 9]


def test_a_part_that_is_not_asked_for_is_neither_learned_nor_drawn(tmp_path, capsys):
    config = Config(
        workdir=str(tmp_path / "run"), parts=("modes",), mode_updates=2, iterations=(1,), points=1,
        figures=str(tmp_path / "docs"), output=str(tmp_path / "numbers.json"),
    )  # fmt: skip
    record = belief_net.run(config)
    assert record["speed"] == []
    assert sorted(path.name for path in (tmp_path / "run").glob("*.png")) == ["modes.png"]
    assert (tmp_path / "docs" / "belief_net_modes.png").stat().st_size > 10_000
    assert "wake-sleep" in capsys.readouterr().out
    shown = record | {"figures": ["docs/belief_net_modes.png"]}
    page = "\n".join(report.sections([report.Source("run", shown)]))
    assert "](../images/belief_net_modes.png)" in page
