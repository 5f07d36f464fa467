"""Gibbs sampling of belief nets by stationarity: chains that start at the exact law stay there."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.models.belief_net import BeliefNet
from dbnjax.sampling import belief_net_gibbs, gibbs

N = 20_000
STEPS = (1, 4, 16)
SOFTMAX = units.Categorical(jnp.array([0.4, -0.8, 1.1]), n_categories=3)
NETS = {
    "one hidden layer": nets_of_causes.net(4, 4, 3),
    "two hidden layers": nets_of_causes.net(11, 3, 3, 3),
    "softmax below": nets_of_causes.net(7, 2, 3, 3, visible=SOFTMAX),
}
V = {  # the number of the visible state that is given
    "one hidden layer": 5,
    "two hidden layers": 2,
    "softmax below": 1,
}
# For each layer from the top down which units are clamped, and to what.
HELD = ({0: 1.0, 2: 0.0}, {1: 1.0}, {0: 0.0})


def drifts(net, kernel, law):
    """The distances from a law after 1, 4 and 16 sweeps, and what exact draws stay below."""
    states, distances = nets_of_causes.draws(9, net, law, N), []
    for i in range(STEPS[-1]):
        states = kernel(jax.random.key(21 + i), net, states)
        if i + 1 in STEPS:
            distances.append(nets_of_causes.distance(net, law, states))
    return np.array(distances), oracles.total_variation_floor(law.ravel(), N)


def given_v(net, number):
    """The posterior of one visible state, with the axes of the joint law."""
    law = np.zeros_like(nets_of_causes.joint(net))
    law[..., number] = nets_of_causes.joint(net)[..., number]
    return law / law.sum()


@pytest.mark.parametrize("name", NETS)
def test_a_sweep_leaves_the_posterior_unchanged(name):
    net = NETS[name]
    kernel = jax.jit(belief_net_gibbs.sweep)
    distances, floor = drifts(net, kernel, given_v(net, V[name]))
    assert (distances < floor).all()


def test_a_sweep_without_clamps_leaves_the_joint_law_unchanged():
    net = NETS["two hidden layers"]
    kernel = jax.jit(partial(belief_net_gibbs.sweep, clamps=(None, None, None)))
    distances, floor = drifts(net, kernel, nets_of_causes.joint(net))
    assert (distances < floor).all()


def test_clamped_units_of_every_layer_leave_the_conditional_law_unchanged():
    net = NETS["two hidden layers"]
    law, clamps = nets_of_causes.joint(net).ravel(), []
    for unit, given, states in zip(
        nets_of_causes.layers_of(net), HELD, nets_of_causes.every_state(net), strict=True
    ):
        mask, values = np.zeros(3, bool), np.full(3, 0.37)
        for i, value in given.items():
            mask[i], values[i] = True, value
        clamps.append(gibbs.clamp(unit, mask, values))
        law = np.where((states[:, mask] == values[mask]).all(-1), law, 0.0)
    law = law.reshape(nets_of_causes.joint(net).shape) / law.sum()
    kernel = jax.jit(partial(belief_net_gibbs.sweep, clamps=tuple(clamps)))
    distances, floor = drifts(net, kernel, law)
    assert (distances < floor).all()


def ignores_explaining_away(key, net, states):
    """Draws each hidden unit from its parents and from what its weights say of the children."""
    _, y = states
    field = y @ net.layers[0].weights.T
    return net.prior.sample(key, field), y


def all_units_at_once(key, net, states):
    """Each unit sees the old states of the others."""
    held = np.eye(4, dtype=bool)
    new = [
        belief_net_gibbs.sweep(
            jax.random.fold_in(key, i), net, states, (gibbs.Clamp(~held[i], states[0]), None)
        )[0][:, i]
        for i in range(4)
    ]
    return jnp.stack(new, axis=-1), states[1]


@pytest.mark.parametrize("kernel", [ignores_explaining_away, all_units_at_once])
def test_the_check_finds_a_wrong_kernel(kernel):
    net = NETS["one hidden layer"]
    distances, floor = drifts(net, jax.jit(kernel), given_v(net, V["one hidden layer"]))
    assert (distances > 1.5 * floor).any()


def test_chains_from_the_prior_come_to_the_posterior():
    net, number = NETS["two hidden layers"], 2
    v = jnp.asarray(machines.states(net.layers[-1].unit)[number], jnp.float32)
    law = given_v(net, number)

    @jax.jit
    def walk(key):
        start = belief_net_gibbs.start(key, net, jnp.broadcast_to(v, (N, 3)))
        return start, belief_net_gibbs.chain(jax.random.fold_in(key, 1), net, start, 60)

    start, end = walk(jax.random.key(5))
    floor = oracles.total_variation_floor(law.ravel(), N)
    assert nets_of_causes.distance(net, law, start) > 5 * floor
    assert nets_of_causes.distance(net, law, end) < floor


def test_a_chain_is_its_sweeps_with_folded_keys_and_takes_any_leading_axes():
    net, key = NETS["two hidden layers"], jax.random.key(1)
    states = belief_net_gibbs.start(jax.random.key(2), net, jnp.ones((2, 5, 3)))
    assert [x.shape for x in states] == [(2, 5, 3)] * 3
    walked = jax.jit(belief_net_gibbs.chain, static_argnums=3)(key, net, states, 3)
    by_hand = states
    for i in range(3):
        by_hand = jax.jit(belief_net_gibbs.sweep)(jax.random.fold_in(key, i), net, by_hand)
    assert jax.tree.all(jax.tree.map(np.array_equal, walked, by_hand))
    unmoved = belief_net_gibbs.chain(key, net, states, 0)
    assert jax.tree.all(jax.tree.map(np.array_equal, unmoved, states))


SHALLOW = NETS["one hidden layer"]
REAL = BeliefNet(units.Gaussian.zeros(4), SHALLOW.layers)
STATES = (jnp.zeros((2, 4)), jnp.zeros((2, 3)))


@pytest.mark.parametrize(
    ("net", "states", "clamps", "message"),
    [
        (REAL, STATES, None, "expected binary units, got Gaussian"),
        (SHALLOW, STATES[:1], None, "states: expected one for each of 2 layers .* got 1"),
        (SHALLOW, STATES, (None,), "clamps: expected one for each of 2 layers .* got 1"),
        (SHALLOW, STATES[::-1], None, "states: expected 4 units .* got 3"),
    ],
)
def test_what_does_not_fit_is_refused(net, states, clamps, message):
    with pytest.raises(InputError, match=message):
        belief_net_gibbs.chain(jax.random.key(0), net, states, 1, clamps)
