"""What single units generate: the states they are tried in, and the effect on the image."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import dbn
from dbnjax.checks import InputError
from dbnjax.inference import generate
from dbnjax.sampling import gibbs


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_effect_of_a_unit_is_the_difference_of_two_down_passes(level):
    net = machines.net(3, (6, 4, 5, 3), n_labels=2)
    states = np.random.default_rng(0).integers(0, 2, (7, (4, 5, 3)[level - 1])).astype(float)
    down = [(layer.weights, layer.unit.bias) for layer in net.generative]
    down.append((net.memory.weights[:5].T, net.memory.visible.parts[0].bias))

    def imagine(state):
        for weights, bias in reversed(down[:level]):
            state = 1 / (1 + np.exp(-(state @ np.float64(weights) + np.float64(bias))))
        return state

    expected = []
    for unit in (2, 0):
        on, off = states.copy(), states.copy()
        on[:, unit], off[:, unit] = 1.0, 0.0
        expected.append((imagine(on) - imagine(off)).mean(0))
    effects = generate.unit_effects(net, level, jnp.float32(states), jnp.array([2, 0]))
    np.testing.assert_allclose(effects, expected, atol=1e-6)


@pytest.mark.parametrize("level", [0, 4])
def test_there_are_no_units_below_the_first_layer_or_above_the_top(level):
    net = machines.net(3, (6, 4, 5, 3))
    with pytest.raises(InputError, match=f"level: expected 1 .* to 3, got {level}"):
        generate.unit_effects(net, level, jnp.zeros((1, 3)), jnp.array([0]))


def test_hidden_states_are_a_down_pass_below_the_chains():
    n, net = 20_000, machines.net(3, (6, 2, 3, 4), n_labels=2)
    top = jnp.tile(jnp.array([1.0, 0.0, 1.0, 1.0]), (n, 1))
    penultimate = jnp.tile(jnp.array([0.0, 1.0, 1.0]), (n, 1))
    labels = jnp.tile(jnp.array([1.0, 0.0]), (n, 1))
    state = gibbs.State(dbn.join_labels(penultimate, labels), top)
    first, *above = generate.hidden_states(jax.random.key(0), net, state)
    np.testing.assert_array_equal(above[0], penultimate)
    np.testing.assert_array_equal(above[1], top)
    law = machines.table(net.generative[1], np.float64(penultimate[:1]))[0]
    frequencies = oracles.frequencies(oracles.binary_states(2), first)
    floor = oracles.total_variation_floor(law, n)
    assert oracles.total_variation(frequencies, law) < floor
