"""The blocks of a layer, whose energies and cumulants add up to the layer's."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

# For each unit the number of its block.
BLOCKS = {
    "bernoulli": [0, 1, 2],
    "categorical": [0, 0, 0, 0],
    "groups": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    "gaussian": [0, 1],
    "relu": [0, 1],
    "poisson": [0, 1],
    "mixed": [0, 1, 2, 2, 2, 2, 3],
    "counted": [0, 1, 1, 1, 1, 2],
}


def test_every_unit_with_an_energy_is_here():
    assert BLOCKS.keys() == cases.WITH_ENERGY.keys()


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_one_unit_or_one_group_and_depends_on_nothing_else(name):
    unit, blocks = cases.WITH_ENERGY[name], np.array(BLOCKS[name])
    own = blocks == np.arange(blocks.max() + 1)[:, None]
    field = jnp.linspace(-1.5, 1.3, unit.size)
    by_field = jax.jit(jax.jacobian(unit.cumulants))(field)
    np.testing.assert_allclose(by_field, own * unit.mean(field), rtol=3e-5, atol=1e-6)
    by_state = jax.jit(jax.jacobian(unit.energies))(jnp.full(unit.size, 0.3))
    assert not np.any(by_state * ~own)
    assert (by_state != 0).any(1).all()
