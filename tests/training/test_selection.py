"""The best so far, of one learner and of every member of an ensemble, against Python's `min`."""

import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax.training.selection import ByErrors, ByErrorsThenCost, choose, update

N_MEMBERS, N_EPOCHS = 4, 12


def script(seed):
    """Errors and costs `[n_epochs + 1, n_members]` with many ties, the start's first."""
    rng = np.random.default_rng(seed)
    shape = (N_EPOCHS + 1, N_MEMBERS)
    return rng.integers(2, 6, shape), rng.integers(0, 3, shape).astype(np.float32)


def params(epoch, shape):
    return {"w": jnp.full((*shape, 2), float(epoch))}


def followed(errors, costs, by_cost):
    """Takes in all epochs of one learner, or of all members at once."""
    shape, start = errors.shape[1:], jnp.zeros(errors.shape[1:], jnp.int32)
    own = {"cost": jnp.asarray(costs[0])} if by_cost else {}
    kind = ByErrorsThenCost if by_cost else ByErrors
    seen = kind("0", params(0, shape), errors=jnp.int32(errors[0]), epoch=start, **own)
    for i in range(1, len(errors)):
        cost = costs[i] if by_cost else None
        seen = update(seen, str(i), params(i, shape), i, errors[i], cost)
    return seen


@pytest.mark.parametrize("by_cost", [False, True])
def test_the_first_of_the_fewest_errors_is_kept_of_one_and_of_many(by_cost):
    errors, costs = script(int(by_cost))
    together = followed(errors, costs, by_cost)
    assert together.learner == str(N_EPOCHS)  # learning goes on from the last, not from the best
    for member in range(N_MEMBERS):
        told = list(zip(errors[:, member], costs[:, member] * by_cost, strict=True))
        best = min(range(len(told)), key=told.__getitem__)
        alone = followed(errors[:, member], costs[:, member], by_cost)
        assert (int(alone.epoch), int(alone.errors)) == (best, told[best][0])
        assert int(together.epoch[member]) == best
        for found in (alone.best["w"], together.best["w"][member]):
            np.testing.assert_array_equal(found, [best, best])
    assert len(set(together.epoch.tolist())) > 1  # the members differ


def test_what_is_kept_outlives_the_state_it_came_from():
    learned = params(1, ())
    seen = update(ByErrors(None, params(0, ()), jnp.int32(3), jnp.int32(0)), None, learned, 1, 2)
    learned["w"].delete()  # as a donated state is
    np.testing.assert_array_equal(seen.best["w"], [1, 1])


def test_the_best_net_of_each_member_is_kept():
    old, new = {"w": np.zeros((2, 3))}, {"w": np.ones((2, 3))}
    kept = choose(np.array([True, False]), new, old)
    np.testing.assert_array_equal(kept["w"], [[1, 1, 1], [0, 0, 0]])
