"""Members of an ensemble with their own numbers of Gibbs iterations, each as it is alone."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax.learning import passes, updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.persistent import persistent_contrastive_divergence
from dbnjax.learning.up_down import up_down

N_CASES, N_CHAINS, NUMBERS = 16, 100, (1, 3)
KEY = jax.random.key(4)
PIXELS = jax.random.uniform(jax.random.key(1), (N_CASES, 5))


class Case(NamedTuple):
    """A learner by its number of iterations, and what a step takes."""

    make: Any
    params: Any
    hyper: Any
    batch: Any


LEARNERS = {
    "cd": Case(contrastive_divergence, machines.binary(1, 5, 4), updates.hyper(1.0), PIXELS),
    "pcd": Case(
        partial(persistent_contrastive_divergence, N_CHAINS),
        machines.binary(1, 5, 4),
        updates.hyper(1.0),
        PIXELS,
    ),
    "up-down": Case(
        up_down,
        machines.net(2, (5, 4), 3),
        passes.hyper(1.0),
        passes.Batch(PIXELS, jax.nn.one_hot(jnp.arange(N_CASES) % 3, 3)),
    ),
}


def step(case, n_steps, hyper, in_axes=None):
    """The state after a step from rest, of one or of all members."""
    learner = case.make(n_steps)
    state = learner.init(jax.random.key(7), case.params)
    made = learner.step if in_axes is None else jax.vmap(learner.step, in_axes)
    return jax.jit(made)(KEY, hyper, state, case.batch)[0]


@pytest.mark.parametrize("name", LEARNERS)
def test_a_member_makes_the_steps_that_it_would_make_alone(name):
    case = LEARNERS[name]
    hyper = case.hyper._replace(n_steps=jnp.array(NUMBERS))
    own = jax.tree.map(lambda _: None, case.hyper)._replace(n_steps=0)
    together = step(case, max(NUMBERS), hyper, (None, own, None, None))
    for i, n_steps in enumerate(NUMBERS):
        alone = step(case, n_steps, case.hyper)
        for a, b in zip(*map(jax.tree.leaves, (together.params, alone.params)), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-5, atol=2e-6)
        if hasattr(alone, "chains"):
            np.testing.assert_array_equal(together.chains[i], alone.chains)
    weights = jax.tree.leaves(together.params)[-1]
    assert np.abs(weights[0] - weights[1]).max() > 1e-3  # so that the tolerance says something
