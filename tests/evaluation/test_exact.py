"""Exact answers about machines of every kind of layer against the oracle."""

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.evaluation import enumeration, exact
from dbnjax.models.rbm import RBM

N = 20_000
DEVIATIONS = 5.0


def machine(seed, visible, hidden, scale=1.0):
    weights = scale * oracles.asymmetric_rbm(seed, visible.size, hidden.size)[2]
    return RBM(visible, hidden, jnp.asarray(weights, jnp.float32))


# The hidden layer is summed over where it has fewer states, the visible one in the "turned".
SUMMED = {
    "binary": machines.binary(17, 4, 3),
    "turned": machines.binary(18, 2, 4),
    "labels": machines.labelled(3, 2, 3, 3),
    "groups": machines.groups(1),
    "real": machine(4, cases.GAUSSIAN, cases.BERNOULLI),
    "counts turned": machine(5, cases.GROUPS, cases.POISSON, 0.3),
    "mixed": machine(7, cases.MIXED, cases.BERNOULLI),
}
INTEGRATED = {
    "lattice": machine(8, cases.ONE_GAUSSIAN, cases.RELU, 0.3),
    "lattice turned": machine(9, cases.ONE_RELU, cases.GAUSSIAN, 0.3),
    "two normals": machine(10, cases.GAUSSIAN, cases.ONE_GAUSSIAN, 0.4),
}
ALL = {**SUMMED, **INTEGRATED}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks for every machine, the last of them not full."""
    monkeypatch.setattr(enumeration, "CHUNK", 5)


@jax.jit
def answers(rbm, v):
    return exact.log_z(rbm), exact.log_prob(rbm, v), *exact.marginals(rbm), exact.gradient(rbm, v)


def some_cases(joint):
    """The numbers of the four likeliest visible states, the likeliest twice."""
    likely = np.argsort(-joint.visible_marginal)[:4]
    return np.append(likely, likely[0])


def oracle_gradient(rbm, joint, data):
    """The gradient's leaves for the data's law `[Sv]` over the visible states."""
    excess = data[:, None] * joint.probability / joint.visible_marginal[:, None]
    excess = excess - joint.probability
    visible = [excess.sum(1) @ statistic for statistic in cases.statistics(rbm.visible)]
    hidden = [excess.sum(0) @ statistic for statistic in cases.statistics(rbm.hidden)]
    return [*visible, *hidden, oracles.coupling_gradient(joint, data)]


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"lattice"}))
def test_all_answers_are_the_oracles(name):
    rbm = ALL[name]
    joint = machines.joint(rbm)
    chosen = some_cases(joint)
    v = jnp.asarray(joint.visible.states[chosen], jnp.float32)
    log_z, log_p, visible_mean, hidden_mean, gradient = answers(rbm, v)
    close = {"rtol": 3e-5, "atol": 3e-5}
    np.testing.assert_allclose(log_z, joint.log_z, **close)
    np.testing.assert_allclose(log_p, -joint.free_energy[chosen] - joint.log_z, **close)
    np.testing.assert_allclose(visible_mean, joint.visible_marginal @ joint.visible.states, **close)
    np.testing.assert_allclose(hidden_mean, joint.hidden_marginal @ joint.hidden.states, **close)
    data = np.bincount(chosen, minlength=len(joint.visible.states)) / len(chosen)
    assert jax.tree.structure(gradient) == jax.tree.structure(rbm)
    for got, expected in zip(
        jax.tree.leaves(gradient), oracle_gradient(rbm, joint, data), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_the_gradient_is_autodiffs_of_the_mean_log_p():
    rbm = ALL["mixed"]
    joint = machines.joint(rbm)
    v = jnp.asarray(joint.visible.states[some_cases(joint)], jnp.float32)
    expected = jax.jit(jax.grad(lambda m: exact.log_prob(m, v).mean()))(rbm)
    jax.tree.map(
        lambda got, wanted: np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=3e-5),
        answers(rbm, v)[-1],
        expected,
    )


jitted_sample = jax.jit(exact.sample, static_argnames="n_samples")


@pytest.mark.parametrize("name", ["turned", "labels"])
def test_samples_have_the_joint_law(name):
    rbm = ALL[name]
    joint = machines.joint(rbm)
    v, h = jitted_sample(jax.random.key(1), rbm, n_samples=N)
    both = oracles.product([joint.visible, joint.hidden]).states
    law = joint.probability.ravel()
    seen = oracles.frequencies(both, np.concatenate([v, h], axis=-1))
    assert oracles.total_variation(seen, law) < oracles.total_variation_floor(law, N)


@pytest.mark.parametrize("name", ["lattice", "two normals"])
def test_real_samples_have_the_joint_moments(name):
    rbm = ALL[name]
    joint = machines.joint(rbm)
    v, h = (np.float64(x) for x in jitted_sample(jax.random.key(2), rbm, n_samples=N))
    waves_v, waves_h = (
        np.random.default_rng(3).normal(size=(n, 6)) for n in (v.shape[1], h.shape[1])
    )
    for wave in (np.cos, np.sin):
        for to_v, to_h in zip(waves_v.T, waves_h.T, strict=True):
            phase = (joint.visible.states @ to_v)[:, None] + joint.hidden.states @ to_h
            expected = (joint.probability * wave(phase)).sum()
            spread = np.sqrt((joint.probability * wave(phase) ** 2).sum() - expected**2)
            error = np.abs(wave(v @ to_v + h @ to_h).mean() - expected)
            assert error < DEVIATIONS * spread / np.sqrt(N)
    assert len(np.unique(v[:, 0])) > 0.9 * N  # a lattice's own points would be a hundred


def test_permuted_hidden_units_change_nothing():
    rbm = machines.binary(17, 4, 3)
    order = jnp.array([2, 0, 1])
    permuted = RBM(rbm.visible, units.Bernoulli(rbm.hidden.bias[order]), rbm.weights[:, order])
    v = jnp.asarray(oracles.binary_states(4)[:5], jnp.float32)
    log_z, log_p, visible, hidden, gradient = answers(rbm, v)
    other = answers(permuted, v)
    np.testing.assert_allclose(other[0], log_z, rtol=1e-6)
    np.testing.assert_allclose(other[1], log_p, rtol=1e-5)
    np.testing.assert_allclose(other[2], visible, rtol=1e-5)
    np.testing.assert_allclose(other[3], hidden[order], rtol=1e-5)
    np.testing.assert_allclose(other[4].weights, gradient.weights[:, order], atol=1e-6)


def test_binary_and_two_state_softmax_units_agree():
    """A binary unit is a group of two whose first category has neither bias nor weights."""
    rbm = machines.binary(17, 4, 3)

    def doubled(x, axis):
        return jnp.stack([jnp.zeros_like(x), x], axis=axis + 1).reshape(
            *x.shape[:axis], -1, *x.shape[axis + 1 :]
        )

    pairs = RBM(
        units.Categorical(doubled(rbm.visible.bias, 0), 2),
        units.Categorical(doubled(rbm.hidden.bias, 0), 2),
        doubled(doubled(rbm.weights, 0), 1),
    )
    v = jnp.asarray(oracles.binary_states(4)[:5], jnp.float32)
    pair_v = jnp.stack([1 - v, v], axis=-1).reshape(5, 8)
    log_z, log_p, visible, hidden, gradient = answers(rbm, v)
    other = answers(pairs, pair_v)
    np.testing.assert_allclose(other[0], log_z, rtol=1e-6)
    np.testing.assert_allclose(other[1], log_p, rtol=1e-5)
    np.testing.assert_allclose(other[2][1::2], visible, rtol=1e-5)
    np.testing.assert_allclose(other[3][1::2], hidden, rtol=1e-5)
    np.testing.assert_allclose(other[4].weights[1::2, 1::2], gradient.weights, atol=1e-6)
