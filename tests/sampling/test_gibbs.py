"""Gibbs kernels by stationarity: chains that start at the exact law must stay there."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import oracles_dbn
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.models import rbm as rbm_lib
from dbnjax.sampling import gibbs

N = 20_000
STEPS = (1, 4, 16)
MACHINES = {
    "bernoulli": machines.binary(17, 4, 3),
    "concat": machines.labelled(3, 2, 3, 3),
    "softmax groups": machines.groups(2),
}
# Which units are clamped, and to what; every other value is left as nonsense.
VISIBLE = {
    "bernoulli": {0: 1.0, 2: 0.0},
    "concat": {2: 0.0, 3: 1.0, 4: 0.0},
    "softmax groups": {0: 0.0, 1: 0.0, 2: 1.0},
}
HIDDEN = {"bernoulli": {1: 1.0}, "concat": {0: 0.0, 2: 1.0}}


def held(unit, given):
    """A clamp, and which of the oracle's states agree with it."""
    mask, values = np.zeros(unit.size, bool), np.full(unit.size, 0.37)
    for i, value in given.items():
        mask[i], values[i] = True, value
    agree = (machines.states(unit)[:, mask] == values[mask]).all(-1)
    return gibbs.clamp(unit, mask, values), agree


def drifts(rbm, kernel, law, n=N):
    """The distances from a law `[Sv, Sh]` after 1, 4 and 16 steps of a kernel.

    Returns:
      The distances, and what that of exact draws stays below.
    """
    joint = machines.joint(rbm)
    pairs = [
        np.repeat(joint.visible.states, len(joint.hidden.states), axis=0),
        np.tile(joint.hidden.states, (len(joint.visible.states), 1)),
    ]
    start = np.random.default_rng(9).choice(law.size, n, p=law.reshape(-1))
    state = gibbs.State(*(jnp.asarray(x[start], jnp.float32) for x in pairs))
    distances = []
    for i in range(STEPS[-1]):
        state = kernel(jax.random.key(21 + i), rbm, state)
        if i + 1 in STEPS:
            drawn = np.concatenate([state.visible, state.hidden], axis=-1)
            seen = oracles.frequencies(np.concatenate(pairs, axis=-1), drawn)
            distances.append(oracles.total_variation(seen, law.reshape(-1)))
    return np.array(distances), oracles.total_variation_floor(law.reshape(-1), n)


def chain_of(n_steps, **clamps):
    return jax.jit(partial(gibbs.chain, n_steps=n_steps, **clamps))


@pytest.mark.parametrize("name", MACHINES)
def test_a_chain_leaves_the_joint_law_unchanged(name):
    rbm = MACHINES[name]
    distances, floor = drifts(rbm, chain_of(1), machines.joint(rbm).probability)
    assert (distances < floor).all()


@pytest.mark.parametrize("name", VISIBLE)
def test_a_clamped_visible_layer_leaves_the_conditional_law_unchanged(name):
    rbm = MACHINES[name]
    clamp, agree = held(rbm.visible, VISIBLE[name])
    joint = machines.joint(rbm)
    law = oracles_dbn.conditioned(joint, agree, np.ones(len(joint.hidden.states), bool))
    distances, floor = drifts(rbm, chain_of(1, clamp_visible=clamp), law)
    assert (distances < floor).all()


def test_a_clamped_hidden_layer_leaves_the_conditional_law_unchanged():
    rbm = MACHINES["bernoulli"]
    clamp, agree = held(rbm.hidden, HIDDEN["bernoulli"])
    joint = machines.joint(rbm)
    law = oracles_dbn.conditioned(joint, np.ones(len(joint.visible.states), bool), agree)
    distances, floor = drifts(rbm, chain_of(1, clamp_hidden=clamp), law)
    assert (distances < floor).all()


@pytest.mark.parametrize("name", HIDDEN)
def test_clamps_on_both_layers_leave_the_conditional_law_unchanged(name):
    rbm = MACHINES[name]
    visible, agree_visible = held(rbm.visible, VISIBLE[name])
    hidden, agree_hidden = held(rbm.hidden, HIDDEN[name])
    joint = machines.joint(rbm)
    law = oracles_dbn.conditioned(joint, agree_visible, agree_hidden)
    kernel = chain_of(1, clamp_visible=visible, clamp_hidden=hidden)
    distances, floor = drifts(rbm, kernel, law)
    assert (distances < floor).all()


def wrong_sign(key, rbm, state):
    return gibbs.step(key, rbm.replace(weights=-rbm.weights), state)


def hidden_from_the_old_visible(key, rbm, state):
    new = gibbs.step(key, rbm, state)
    return gibbs.State(new.visible, gibbs.start(key, rbm, state.visible).hidden)


def rounded_means(key, rbm, state):
    v = jnp.round(rbm_lib.visible_given_hidden(rbm, state.hidden).mean())
    return gibbs.start(key, rbm, v)


def hot_visible(key, rbm, state):
    v = rbm.visible.sample(key, 0.6 * state.hidden @ rbm.weights.T)
    return gibbs.start(jax.random.fold_in(key, 1), rbm, v)


@pytest.mark.parametrize(
    "kernel", [wrong_sign, hidden_from_the_old_visible, rounded_means, hot_visible]
)
def test_the_check_finds_a_wrong_kernel(kernel):
    rbm = MACHINES["bernoulli"]
    distances, floor = drifts(rbm, jax.jit(kernel), machines.joint(rbm).probability)
    assert (distances > 2 * floor).all()


def test_a_chain_is_its_steps_with_folded_keys():
    rbm, key = MACHINES["bernoulli"], jax.random.key(1)
    state = gibbs.start(jax.random.key(2), rbm, jnp.ones((2, 3, 4)))
    assert state.hidden.shape == (2, 3, 3)
    walked = chain_of(3)(key, rbm, state)
    by_hand, step = state, jax.jit(gibbs.step)
    for i in range(3):
        by_hand = step(jax.random.fold_in(key, i), rbm, by_hand)
    assert jax.tree.all(jax.tree.map(np.array_equal, walked, by_hand))
    unmoved = gibbs.chain(key, rbm, state, 0)
    assert jax.tree.all(jax.tree.map(np.array_equal, unmoved, state))


def test_a_chain_may_carry_the_means_of_one_part():
    rbm = MACHINES["concat"]
    state = gibbs.start(jax.random.key(2), rbm, jnp.zeros((50, 5)))
    carrying = jax.jit(partial(gibbs.step, visible=("sample", "mean")))
    new = carrying(jax.random.key(3), rbm, state)
    features, labels = rbm.visible.split(new.visible)
    assert set(np.unique(features)) == {0.0, 1.0}
    expected = rbm.visible.split(rbm_lib.visible_given_hidden(rbm, state.hidden).mean())[1]
    np.testing.assert_allclose(labels, expected, rtol=1e-6)


def test_every_chain_may_be_clamped_to_values_of_its_own():
    rbm = MACHINES["bernoulli"]
    values = jnp.asarray(oracles.binary_states(4), jnp.float32)
    mask = np.array([True, False, False, True])
    clamp = gibbs.clamp(rbm.visible, mask, values)
    state = gibbs.start(jax.random.key(4), rbm, jnp.zeros((16, 4)))
    walked = chain_of(5, clamp_visible=clamp)(jax.random.key(5), rbm, state)
    np.testing.assert_array_equal(walked.visible[:, mask], values[:, mask])
    assert not np.array_equal(walked.visible, values)


@pytest.mark.parametrize(
    ("unit", "mask", "values", "message"),
    [
        (units.Bernoulli.zeros(3), [True, False], np.zeros(3), r"clamp mask: expected shape \(3,"),
        (units.Bernoulli.zeros(3), [True] * 3, np.zeros(4), "expected 3 units .* got 4"),
        (units.Bernoulli.zeros(2), [True] * 2, [0.0, np.nan], "expected finite"),
        (units.Categorical.zeros(3), [True, False, False], np.zeros(3), "splits group"),
        (
            units.Concat((units.Bernoulli.zeros(2), units.Categorical.zeros(3))),
            [True, False, False, True, True],
            np.zeros(5),
            "splits group",
        ),
    ],
    ids=["mask", "width", "nan", "softmax group", "group beside others"],
)
def test_a_clamp_that_cannot_be_is_refused(unit, mask, values, message):
    with pytest.raises(InputError, match=message):
        gibbs.clamp(unit, mask, values)


def test_a_value_that_is_not_clamped_need_not_be_finite():
    clamp = gibbs.clamp(units.Bernoulli.zeros(2), [True, False], [1.0, np.nan])
    np.testing.assert_array_equal(gibbs.apply_clamp(clamp, jnp.zeros(2)), [1.0, 0.0])


def test_a_chain_that_makes_some_of_its_steps_is_the_shorter_chain():
    rbm, key = MACHINES["concat"], jax.random.key(3)
    state = gibbs.start(jax.random.key(2), rbm, jnp.zeros((50, 5)))
    some = chain_of(5)
    for n in (0, 2, 5):
        shorter = chain_of(n)(key, rbm, state)
        walked = some(key, rbm, state, n_active=jnp.int32(n))
        np.testing.assert_array_equal(walked.visible, shorter.visible)
        np.testing.assert_array_equal(walked.hidden, shorter.hidden)
    # What it walked last is all five steps.
    assert not np.array_equal(walked.visible, chain_of(2)(key, rbm, state).visible)


def test_a_chain_that_makes_all_of_its_steps_selects_nothing():
    rbm, key = MACHINES["bernoulli"], jax.random.key(3)
    state = gibbs.start(jax.random.key(2), rbm, jnp.zeros((2, 4)))
    text = [
        str(jax.make_jaxpr(partial(gibbs.chain, n_steps=2, n_active=n))(key, rbm, state))
        for n in (None, 1)
    ]
    plain, selecting = (program.count("select_n") for program in text)
    assert plain < selecting  # the draws' own are in both
