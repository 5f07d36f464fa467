"""The best parameters so far are those of the fewest errors, of one learner and of many."""

import jax.numpy as jnp

from dbnjax.training import selection
from dbnjax.training.selection import ByErrors


def test_the_first_of_the_fewest_errors_is_kept_for_each_member():
    def nets(x):
        return {"weights": jnp.full((2, 1), x)}

    seen = ByErrors(None, nets(0.0), jnp.array([9, 9]), jnp.array([0, 0]))
    for epoch, errors in enumerate([(5, 4), (5, 3), (6, 7)], start=1):
        seen = selection.update(seen, epoch, nets(float(epoch)), epoch, jnp.array(errors))
    assert seen.errors.tolist() == [5, 3]
    assert seen.epoch.tolist() == [1, 2]
    assert seen.best["weights"].tolist() == [[1.0], [2.0]]
    assert seen.learner == 3
