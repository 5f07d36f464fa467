"""log Z and the scores of images in calls of bounded length, against enumeration."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import rbm, units
from dbnjax.evaluation import annealing, exact, exact_nets, schedules
from dbnjax.models import path
from dbnjax.models.dbn import DBN
from dbnjax.scoring import log_z

KEY = jax.random.key(0)
MACHINE = machines.binary(3, 5, 4)
DEEP = machines.net(9, (3, 2, 3, 2), 3)
IMAGES = jnp.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
N_CHAINS = 2_000
BETAS = schedules.linear(30)
TRUTH = machines.joint(MACHINE).log_z


def within_reach(estimate):
    return estimate.low < TRUTH < estimate.high


def test_both_sides_hold_log_z_and_report_every_call(monkeypatch):
    monkeypatch.setattr(log_z, "CALL", 12)
    told = []
    way = path.from_base_rates(MACHINE, jnp.full(5, 0.4), jnp.full(5, 0.24))
    below = log_z.forward(KEY, way, N_CHAINS, BETAS, told.append)
    samples = exact.sample(KEY, MACHINE, N_CHAINS)[0]
    above = log_z.reverse(KEY, way, samples, BETAS, told.append)
    assert within_reach(below)
    assert within_reach(above)
    assert len(told) == 2 * log_z.n_calls(30, 12) == 6
    assert log_z.exact_log_z(MACHINE) == pytest.approx(TRUTH, abs=1e-5)


def test_a_machine_is_scored_by_its_free_energy():
    net = DBN((), (), MACHINE)
    v = jnp.asarray(machines.states(MACHINE.visible), jnp.float32)
    (found,) = log_z.scores(KEY, net, v, None, n_samples=7)
    np.testing.assert_allclose(found - TRUTH, exact.log_prob(MACHINE, v), atol=1e-5)


def test_a_deep_net_is_scored_by_samples_whose_mean_is_its_probability():
    n_samples = 20_000
    truth = log_z.exact_scores(DEEP, IMAGES, None)
    np.testing.assert_allclose(truth, exact_nets.log_prob(DEEP, IMAGES), rtol=1e-6)
    log_w = log_z.scores(KEY, DEEP, IMAGES, None, n_samples) - float(exact.log_z(DEEP.memory))
    weights = np.exp(log_w - truth)
    error = weights.std(0) / np.sqrt(n_samples)
    assert (np.abs(weights.mean(0) - 1) < 4 * error + 1e-5).all()


def test_what_is_too_large_has_no_exact_answer():
    large = machines.binary(0, 40, 40)
    assert log_z.exact_log_z(large) is None


def test_a_walk_is_cut_into_calls(monkeypatch):
    walked, told, betas = [], [], np.linspace(0.0, 1.0, 26)[1:]
    state = annealing.State(*jnp.zeros((5, 1)))

    def anneal(key, path, part, state):
        walked.extend(part)
        return state._replace(beta=part[-1])

    monkeypatch.setattr(log_z, "_anneal", anneal)
    monkeypatch.setattr(log_z, "CALL", 10)
    after = log_z.walk(None, None, betas, state, told.append)
    assert walked == betas.tolist()
    assert after.beta == 1.0
    assert [round(numbers["beta"], 4) for numbers in told] == [0.4, 0.8, 1.0]
    assert len(told) == log_z.n_calls(25, 10)


def test_what_takes_a_minute_is_summed_and_no_more():
    def machine(visible, hidden):
        return rbm.RBM(visible, hidden, jnp.zeros((visible.size, hidden.size)))

    def bits(n):
        return units.Bernoulli.zeros(n)

    gauss = units.Gaussian.zeros
    for small in [(bits(784), bits(25)), (bits(20), bits(784)), (gauss(300), gauss(9)),
                  (gauss(784), bits(25))]:  # fmt: skip
        assert log_z.is_small(machine(*small))
    for large in [(bits(784), bits(26)), (bits(3000), bits(25)), (bits(784), gauss(9))]:
        assert not log_z.is_small(machine(*large))
    net, v = machines.net(0, (4, 16, 4)), np.zeros((10_000, 4))  # its 2^16 states for each image
    assert log_z.exact_scores(net, v, None) is None
