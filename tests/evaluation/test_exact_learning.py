"""The gradient of the exact log-likelihood as a learning rule, and as the judge of one."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles

from dbnjax.evaluation import exact
from dbnjax.learning import updates
from dbnjax.learning.persistent import persistent_contrastive_divergence


def test_a_monte_carlo_gradient_is_autodiffs_of_the_exact_log_likelihood():
    """Persistent chains that start as samples of the machine, biases included."""
    n, rbm = 40_000, machines.binary(17, 4, 3)
    data = jnp.asarray(oracles.binary_states(4)[[1, 6, 7, 12, 15]], jnp.float32)
    learner = persistent_contrastive_divergence(n)
    hidden, law = machines.joint(rbm).hidden, machines.joint(rbm).hidden_marginal
    chains = oracles.draw_states(np.random.default_rng(5), hidden.states, law, n)
    state = learner.init(jax.random.key(0), rbm)._replace(chains=jnp.asarray(chains, jnp.float32))
    new, _ = jax.jit(learner.step)(jax.random.key(1), updates.hyper(1.0), state, data)
    slope = jax.jit(jax.grad(lambda r: exact.log_prob(r, data).mean()))(rbm)
    error = 2.5 / np.sqrt(n)  # the data's part is exact; the chains' statistics lie in [0, 1]
    for after, before, wanted in zip(*map(jax.tree.leaves, (new.params, rbm, slope)), strict=True):
        np.testing.assert_allclose(after - before, wanted, rtol=0, atol=error)
        assert np.abs(wanted).max() > 5 * error


def test_learning_by_the_exact_gradient_ends_at_the_datas_moments():
    counts = np.array([8, 8, 18, 17, 8, 7, 19, 16])
    states, law = oracles.binary_states(3), counts / counts.sum()
    data = jnp.asarray(np.repeat(states, counts, axis=0), jnp.float32)

    def climb(rbm, _):
        gradient = exact.gradient(rbm, data)
        return jax.tree.map(lambda p, g: p + g, rbm, gradient), None

    start = jax.tree.map(lambda x: 0.3 * x, machines.binary(6, 3, 2))
    learnt = jax.jit(lambda r: jax.lax.scan(climb, r, None, 3000)[0])(start)
    joint = machines.joint(learnt)
    np.testing.assert_allclose(joint.visible_marginal @ states, law @ states, atol=5e-5)
    assert np.abs(oracles.coupling_gradient(joint, law)).max() < 5e-5
    assert np.abs(oracles.coupling_gradient(machines.joint(start), law)).max() > 0.05
