"""Units of their own for each case: what averages refuses them, and serves each case under vmap.

There are as many cases as chains, as states of the hidden layer and as cases of data, so that no
shape tells one from the other.
"""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import (
    ais,
    annealing,
    bounds,
    conditional,
    contrastive_divergence,
    exact,
    persistent,
    raise_bound,
    rbm,
    tempered,
    tempering,
)
from dbnjax import path as path_lib
from dbnjax.checks import InputError
from dbnjax.evaluation import overfitting
from dbnjax.models.path import Path

N = 4  # cases, chains, states of two hidden units, inputs
KEY = jax.random.key(0)
ONE = machines.binary(3, 4, 2)
A, B = (0.8 * jax.random.normal(jax.random.key(i), (N, n)) for i, n in ((1, 4), (2, 2)))
MODEL = conditional.create(ONE, A, B)
MANY = MODEL.given(conditional.Context(jnp.eye(N)))
BASE = path_lib.base_rates(ONE, jnp.full(4, 0.5), jnp.full(4, 0.25))
PATH = Path(BASE, MANY, uncoupled=True)
V = jnp.eye(N)
BETAS = jnp.array([1.0, 0.5, 0.0])
CHAINS = tempering.init(KEY, Path(BASE, ONE, uncoupled=True), BETAS, N)

ESTIMATORS = {
    "log_z": lambda: exact.log_z(MANY),
    "log_prob": lambda: exact.log_prob(MANY, V),
    "marginals": lambda: exact.marginals(MANY),
    "sample": lambda: exact.sample(KEY, MANY, N),
    "gradient": lambda: exact.gradient(MANY, V),
    "pseudo-likelihood": lambda: bounds.pseudo_log_likelihood(MANY, V),
    "free-energy gap": lambda: overfitting.free_energy_gap(MANY, V, V),
    "path": lambda: path_lib.create(MANY, MANY),
    "base rates": lambda: path_lib.from_base_rates(MANY, V[0], V[0]),
    "bridge": lambda: path_lib.bridge(MANY, MANY),
    "ais": lambda: ais.start(KEY, PATH, N),
    "annealing from samples": lambda: annealing.start(PATH, V, 1.0),
    "annealing": lambda: annealing.anneal(KEY, PATH, BETAS, state_of_one()),
    "raise": lambda: raise_bound.start(KEY, PATH, V, N),
    "tempering": lambda: tempering.init(KEY, PATH, BETAS, N),
    "tempering, a step": lambda: tempering.step(KEY, PATH, BETAS, CHAINS),
    "tempering, a chain": lambda: tempering.chain(KEY, PATH, BETAS, CHAINS, 1),
}
LEARNERS = {
    "cd": contrastive_divergence.contrastive_divergence(),
    "centred cd": contrastive_divergence.contrastive_divergence(centred=True),
    "pcd": persistent.persistent_contrastive_divergence(N),
    "fast pcd": persistent.fast_persistent_contrastive_divergence(N),
    "tempered": tempered.parallel_tempering((1.0, 0.0), N),
}


def state_of_one():
    return annealing.start(Path(BASE, ONE, uncoupled=True), V, 0.0)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_refuses_them_and_says_vmap(name):
    words = r"units of one case.*got shape \(4, [24]\).* jax\.vmap .*in_axes=RBM\("
    with pytest.raises(InputError, match=words) as caught:
        ESTIMATORS[name]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", LEARNERS)
def test_an_unconditional_learner_refuses_them_and_names_the_other(name):
    with pytest.raises(InputError, match=r"units of one case.* dbnjax\.learning\.conditional"):
        LEARNERS[name].init(KEY, MANY)


def each():
    """The machine of each case, and its log Z by the oracle."""
    alone = [MODEL.given(conditional.Context(x)) for x in jnp.eye(N)]
    return alone, np.array([machines.joint(machine).log_z for machine in alone])


def test_exact_answers_of_each_case_under_vmap():
    alone, log_z = each()
    assert np.ptp(log_z) > 1.0
    one_case = (conditional.EACH_CASE,)
    np.testing.assert_allclose(jax.vmap(exact.log_z, one_case)(MANY), log_z, rtol=1e-5)
    got = jax.vmap(exact.log_prob, (conditional.EACH_CASE, 0))(MANY, V)
    wanted = -rbm.free_energy(MANY, V) - log_z
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
    visible, _ = jax.vmap(exact.marginals, one_case)(MANY)
    for i, machine in enumerate(alone):
        joint = machines.joint(machine)
        mean = joint.visible_marginal @ joint.visible.states
        np.testing.assert_allclose(visible[i], mean, rtol=1e-4, atol=1e-5)


def test_annealing_of_each_case_under_vmap():
    """Chains of its own for each case; a key for each, weights for all."""
    _, log_z = each()
    betas = jnp.linspace(0.0, 1.0, 300)

    def estimate(key, machine):
        key_start, key_walk = jax.random.split(key)
        path = path_lib.from_base_rates(machine, jnp.full(4, 0.5), jnp.full(4, 0.25))
        state = ais.start(key_start, path, N)
        state = annealing.anneal(key_walk, path, betas[1:], state)
        return ais.forward(path_lib.log_z_uncoupled(path.base), state)

    keys = jax.random.split(KEY, (100, N))  # a hundred times for each case
    of_cases = jax.vmap(estimate, in_axes=(0, conditional.EACH_CASE))
    found = jax.jit(jax.vmap(of_cases, in_axes=(0, None)))(keys, MANY).log_z
    assert found.shape == (100, N)
    error = np.asarray(found.std(0)) / 10
    assert (error < 0.05).all()
    assert (np.abs(np.asarray(found.mean(0)) - log_z) < 5 * error + 0.01).all()
