"""The average beside a learner: its weights, and that the learner does not notice it."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import averaging, contrastive_divergence, updates


@pytest.mark.parametrize("newest", [1.0, 0.8, 0.01])
def test_the_average_forgets_the_start_and_then_moves_by_its_weight(newest):
    machine, batch = machines.binary(0, 6, 4), jnp.ones((5, 6))
    alone = contrastive_divergence.contrastive_divergence()
    learner = averaging.averaged(alone)
    own, state = (each.init(jax.random.key(1), machine) for each in (alone, learner))
    step, step_alone = jax.jit(learner.step), jax.jit(alone.step)
    numbers = averaging.hyper(updates.hyper(0.1), newest)
    expected = np.asarray(machine.weights, np.float64)
    for t in range(6):
        state, _ = step(jax.random.key(2 + t), numbers, state, batch)
        own, _ = step_alone(jax.random.key(2 + t), updates.hyper(0.1), own, batch)
        np.testing.assert_allclose(state.learner.params.weights, own.params.weights, rtol=1e-6)
        weight = max(newest, 10 / (t + 10))
        expected += weight * (np.asarray(own.params.weights) - expected)
        np.testing.assert_allclose(state.params.weights, expected, rtol=1e-5, atol=1e-7)
    same = state.average.weights == state.learner.params.weights
    assert bool(same.all()) == (newest == 1.0)
