"""The blocks of a layer, whose energies and cumulants add up to the layer's."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

# For each unit the number of its block, -1 where it is absent.
BLOCKS = {
    "bernoulli": [0, 1, 2],
    "categorical": [0, 0, 0, 0],
    "groups": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    "gaussian": [0, 1],
    "relu": [0, 1],
    "poisson": [0, 1],
    "mixed": [0, 1, 2, 2, 2, 2, 3],
    "counted": [0, 1, 1, 1, 1, 2],
    "multinomial": [0, 0, 0],
    "some groups": [0, 0, 0, -1, -1, -1, 2, 2, 2],
    "some of several": [-1, 1, 2, -1, 4],
}


def test_every_unit_with_an_energy_is_here():
    assert BLOCKS.keys() == cases.WITH_ENERGY.keys()


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_is_one_unit_or_one_group_and_depends_on_nothing_else(name):
    unit, blocks = cases.WITH_ENERGY[name], np.array(BLOCKS[name])
    own = blocks[:, None] == np.arange(blocks.max() + 1)
    here = jnp.full(unit.size, 0.4)
    one_moved = here + 0.5 * jnp.eye(unit.size)
    x = jnp.concatenate([here[None], one_moved])
    for terms in jax.jit(lambda x: (unit.energies(x), unit.cumulants(x)))(x):
        moved = np.abs(terms[1:] - terms[0]) > 1e-4
        assert not (moved & ~own).any()
        assert moved.shape[-1] == unit.n_blocks
        np.testing.assert_array_equal(moved.any(0), own.any(0))
