"""Digits that annealed chains keep: small increments, large energies, very many additions."""

import math

import jax
import jax.numpy as jnp
import machines
import numpy as np

from dbnjax import numerics, units
from dbnjax.evaluation import annealing
from dbnjax.models import path as path_lib
from dbnjax.models import rbm as rbm_lib

increment, anneal = jax.jit(annealing.increment), jax.jit(annealing.anneal)


def from_base_rates(target):
    n = target.visible.size
    return path_lib.from_base_rates(target, jnp.full(n, 0.35), jnp.full(n, 0.7))


def test_small_increments_are_not_lost_in_a_large_sum():
    path, betas = from_base_rates(machines.binary(17, 4, 3)), jnp.linspace(0.0, 1.0, 13)[1:]
    start = annealing.start(path, jnp.zeros((20, 4)), 0.0)
    apart = anneal(jax.random.key(0), path, betas, start)
    large = start._replace(log_weight=jnp.full(20, 2.0**24))  # where float32 counts in twos
    beside = anneal(jax.random.key(0), path, betas, large)
    kept = np.float64(beside.log_weight) - 2.0**24 + np.float64(beside.compensation)
    np.testing.assert_allclose(kept, annealing.log_weights(apart), atol=1e-5)


def test_twenty_thousand_compensated_additions_are_exact():
    terms = np.random.default_rng(0).normal(0.03, 0.1, 20_000).astype(np.float32)

    def add(carry, term):
        total, lost = numerics.two_sum(carry[0], term)
        return (total, carry[1] + lost), None

    start = (jnp.float32(0), jnp.float32(0))
    (total, lost), _ = jax.jit(lambda x: jax.lax.scan(add, start, x))(terms)
    exact = math.fsum(terms.astype(float))
    assert abs(float(total) + float(lost) - exact) < 1e-6
    assert abs(float(total) - exact) > 1e-4  # what the compensation is for


def test_an_increment_keeps_its_digits_beside_energies_of_thousands():
    target = rbm_lib.init(
        jax.random.key(0), units.Bernoulli.zeros(600), units.Bernoulli.zeros(300), scale=0.4
    )
    path = from_base_rates(target)
    v = jax.random.bernoulli(jax.random.key(1), 0.4, (40, 600)).astype(jnp.float32)
    beta, following = 0.75, 0.75 + 2.0**-13

    def free_energy(beta):
        bias = (1 - beta) * np.float64(path.base.visible.bias)
        field = beta * (np.float64(v) @ np.float64(target.weights))
        return -np.float64(v) @ bias - np.logaddexp(0, field).sum(-1)

    def subtracted(beta, following):
        now, then = path_lib.at(path, beta), path_lib.at(path, following)
        return rbm_lib.free_energy(now, v) - rbm_lib.free_energy(then, v)

    exact = free_energy(beta) - free_energy(following)
    error = np.abs(increment(path, v, beta, following) - exact)
    naive = np.abs(jax.jit(subtracted)(beta, following) - exact)
    assert np.sqrt((error**2).mean()) < 0.25 * np.sqrt((naive**2).mean())
