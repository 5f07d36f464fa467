"""Samples behind the reverse estimate: temperatures that pilots space, and how chains mix."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import rbm, units
from dbnjax.evaluation import diagnostics
from dbnjax.inference import classify
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import path as path_lib
from dbnjax.models import stack as stack_lib
from dbnjax.sampling import ladder
from dbnjax.scoring import read_outs
from dbnjax.scoring import tempered_samples as samples
from dbnjax.weights import shipped

N_CHAINS = 500
MACHINE = machines.labelled(0, 6, 3, 4)


def of(*rbms):
    return dbn_lib.untie(stack_lib.create(rbms))


LABELS = read_outs.state_reader(of(MACHINE), (2, 3))


def sample(key, machine, n_steps, *more):
    mean = jnp.full(9, 0.3)
    path = path_lib.from_base_rates(machine, mean, mean * (1 - mean))
    return samples.sample(jax.random.key(key), path, N_CHAINS, 6, n_steps, *more)


@pytest.fixture(scope="module")
def found():
    return sample(1, MACHINE, 75, samples.silent, LABELS.read)


def test_pilots_space_the_temperatures(monkeypatch):
    strong, told = MACHINE.replace(weights=4.0 * MACHINE.weights), []
    spaced = sample(0, strong, 25, told.append)
    assert len(told) == samples.n_calls(25) == 13
    assert spaced.walked.acceptance.shape == (25, 5)
    assert spaced.walked.free_energy.shape == (3, N_CHAINS)
    monkeypatch.setattr(ladder, "respaced", lambda betas, acceptance, n: betas)
    even = sample(0, strong, 25)
    least = [samples.describe(x.walked)["least_acceptance"] for x in (even, spaced)]
    assert least[1] > 1.5 * least[0]


def test_samples_have_the_machines_law(found):
    joint, states = machines.joint(MACHINE), machines.states(MACHINE.visible)
    mean = joint.visible_marginal @ states
    # 500 independent chains, nine means: one beyond 4.5 errors in 16,000 such tests.
    error = np.sqrt(mean * (1 - mean) / N_CHAINS)
    assert (np.abs(np.mean(found.v, axis=0) - mean) < 4.5 * error).all()
    # The last look at the free energies and the labels is at the samples that are handed on.
    number = (np.asarray(found.v)[:, None] == states).all(-1).argmax(1)
    looked = found.walked.free_energy[-1]
    np.testing.assert_allclose(looked, joint.free_energy[number], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.walked.classes[-1], states[number, 6:].argmax(1))


def test_what_is_told_of_the_chains_are_their_diagnostics(found):
    walked = found.walked
    assert walked.classes.shape == walked.free_energy.shape == (8, N_CHAINS)
    late, switches = walked.free_energy[4:], diagnostics.class_switches(walked.classes[4:])
    told = samples.describe(walked)
    assert told["r_hat"] == diagnostics.r_hat(late)
    assert told["effective_sample_size"] == diagnostics.effective_sample_size(late)
    assert (told["class_switches"], told["classes"]) == (switches.rate, switches.visited.mean())
    assert told["round_trips"] == diagnostics.round_trips(walked.source).mean()
    assert (told["steps"], told["every"], told["unknown"]) == (75, 10, None)


def strokes():
    """A ring and a bar, `[2, 784]`."""
    y, x = np.mgrid[-14:14, -14:14]
    far = np.hypot(x, y)
    return jnp.asarray(
        [((far > 5) & (far < 9)).ravel(), ((abs(x) < 2) & (abs(y) < 10)).ravel()], jnp.float32
    )


def test_without_labels_the_shipped_net_sees_classes():
    images, weights = strokes(), jnp.zeros((784, 2))
    machine = rbm.RBM(units.Bernoulli.zeros(784), units.Bernoulli.zeros(2), weights)
    name, read = read_outs.state_reader(of(machine), (28, 28))
    expected = classify.deterministic(shipped.load()[0], images).argmax(-1)
    assert name == "as the shipped net sees them"
    assert expected.tolist() == [0, 1]
    np.testing.assert_array_equal(read(images), expected)
    # Each of two penultimate units shows one of the images.
    shown = machine.replace(weights=(60.0 * images - 30.0).T)
    deep = of(shown, machines.binary(0, 2, 3))
    np.testing.assert_array_equal(read_outs.state_reader(deep, (28, 28)).read(jnp.eye(2)), [0, 1])


def test_what_the_shipped_net_was_not_made_for_has_no_classes():
    assert read_outs.state_reader(of(machines.binary(0, 16, 3)), (4, 4)) is None
    real = rbm.RBM(units.Gaussian.zeros(784), units.Bernoulli.zeros(2), jnp.zeros((784, 2)))
    assert read_outs.state_reader(of(real), (28, 28)) is None


def walked(free_energy):
    source = np.broadcast_to(np.arange(2)[:, None], (len(free_energy), 2, free_energy.shape[1]))
    return samples.Walked(None, np.ones((len(free_energy), 1)), source, free_energy, None)


def test_the_autocorrelation_time_is_in_steps():
    noise = np.random.default_rng(0).normal(size=(2000, 4))
    told = samples.describe(walked(np.concatenate([noise + 9.0, noise])))  # still far, then there
    time = diagnostics.integrated_autocorrelation_time(noise)
    assert told["autocorrelation_time"] == 10 * time
    assert 9 < told["autocorrelation_time"] < 11
    assert not [text for text in samples.warnings(told) if "R-hat" in text]
    told = samples.describe(walked(noise[:40] + 9.0 * np.arange(4)))  # each in a place of its own
    assert told["autocorrelation_time"] is None
    assert "R-hat of the samples' free energies is" in samples.warnings(told)[-1]
    frozen = samples.describe(walked(np.tile([0.0, 0.0, 1.0], (9, 1))))
    assert frozen["r_hat"] is None
    assert "R-hat of the samples' free energies is infinite" in samples.warnings(frozen)[-1]


def test_chains_of_which_nothing_can_be_said_are_no_reason_to_stop():
    for free_energy, reason in [(np.zeros((9, 3)), "values that change"), (np.eye(6), "4 steps")]:
        told = samples.describe(walked(free_energy))
        assert told["r_hat"] is told["classes"] is None
        (_, warning) = samples.warnings(told)
        assert warning.startswith("nothing is known of how the samples mix: traces: expected")
        assert reason in warning
