"""The mean log p of images: exact where it can be, or by estimates that hold it between them."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import dbn, rbm, stack
from dbnjax.evaluation import ais, schedules
from dbnjax.scoring import log_z, mean_log_p

KEY = jax.random.key(0)
MACHINE = machines.binary(3, 5, 4)
V = jax.random.bernoulli(KEY, 0.4, (40, 5)).astype(jnp.float32)


def estimate(rbms, n_betas=0):
    net = dbn.untie(stack.create(rbms))
    return mean_log_p.estimate(KEY, net, V, V[:9], 20, 200, schedules.linear(30), n_betas, 25)


def exact_mean():
    """By enumeration of all states."""
    joint = machines.joint(MACHINE)
    return float(np.mean(-np.asarray(rbm.free_energy(MACHINE, V[:9])) - joint.log_z))


def test_a_small_rbm_is_summed_exactly():
    found = estimate((MACHINE,), 4)
    np.testing.assert_allclose(found.below.interval, [exact_mean()] * 3, rtol=1e-5)
    assert found.below.effective_chains is None
    assert (found.above, found.samples) == (None, {})


@pytest.mark.parametrize("n_betas", [0, 4])
def test_a_large_one_is_estimated_from_the_sides_that_are_asked_for(n_betas, monkeypatch):
    monkeypatch.setattr(log_z, "is_small", lambda rbm: False)
    monkeypatch.setattr(log_z, "exact_log_z", lambda rbm: None)
    found = estimate((MACHINE,), n_betas)
    assert (found.above is not None) == ("r_hat" in found.samples) == (n_betas > 0)
    for side in filter(None, (found.below, found.above)):
        value, low, high = side.interval
        assert low < value < high
        assert abs(value - exact_mean()) < high - low  # four standard errors
        assert 100 < side.effective_chains <= 200


def test_recognition_passes_widen_the_interval_of_a_bound():
    top = machines.binary(4, 4, 3)
    _, low, high = estimate((MACHINE, top)).below.interval
    assert low < high


def test_no_interval_is_told_where_too_few_chains_count():  # F25
    log_weights = jnp.where(jnp.arange(50) < 2, 0.0, -40.0)
    few = ais.Estimate(jnp.float32(3.0), log_weights, jnp.float32(2.0), *jnp.float32([0.7, 1, 5]))
    assert mean_log_p.less_log_z(few, -90.0, 0.1) == ([-93.0, None, None], 2.0)
    many = few._replace(effective_sample_size=jnp.float32(20.0))
    assert None not in mean_log_p.less_log_z(many, -90.0, 0.1).interval
