"""What units declare of their arrays, for a unit type of a user's own with couplings."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from dbnjax import exact, rbm, units
from dbnjax.checks import InputError
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, pytree
from dbnjax.units.declared import only_learned, unit_arrays

N = 3


@pytree
class Mixed(units.Unit):
    """Binary units whose biases are mixtures, an array of two axes, times a scale that is given."""

    mixture: Array
    scale: Array

    n_axes = {"mixture": 2}  # noqa: RUF012
    not_learned = ("scale",)

    @property
    def size(self):
        return self.mixture.shape[-1]

    @property
    def n_states(self):
        return 2**self.size

    def state(self, index):
        return self._binary().state(index)

    def energies(self, state):
        return self._binary().energies(state)

    def cumulants(self, field):
        return self._binary().cumulants(field)

    def _binary(self):
        return units.Bernoulli((self.scale * self.mixture).sum(-2))


UNIT = Mixed(jnp.arange(2.0 * N).reshape(2, N), 0.3 * jnp.ones(N))
HIDDEN = units.Bernoulli.zeros(2)
MACHINE = rbm.create(UNIT, HIDDEN, jnp.ones((N, 2)))


def test_a_parameter_of_two_axes_belongs_to_one_case_if_its_units_say_so():
    plain = RBM(UNIT._binary(), HIDDEN, jnp.ones((N, 2)))
    assert jnp.allclose(exact.log_z(MACHINE), exact.log_z(plain))
    many = dataclasses.replace(MACHINE, visible=jax.tree.map(lambda x: x[None], UNIT))
    with pytest.raises(
        InputError, match=r"visible.mixture: expected units .* of 2 axes, got .*1, 2"
    ):
        exact.log_z(many)
    with pytest.raises(InputError, match=r"visible.parts\[1\].mixture: expected units"):
        exact.log_z(RBM(units.Concat((HIDDEN, many.visible)), HIDDEN, jnp.ones((N + 2, 2))))


def test_a_parameter_of_too_few_axes_is_refused():
    flat = dataclasses.replace(UNIT, mixture=jnp.ones(N))
    with pytest.raises(InputError, match="mixture: expected 2 axes of units"):
        flat.check()


def test_arrays_are_found_in_units_within_units_and_nowhere_else():
    layer = units.Concat((UNIT, units.Present(units.Gaussian.zeros(1), jnp.ones(1))))
    model = {"net": RBM(layer, HIDDEN, jnp.ones((N + 1, 2)))}
    found = {name.partition(".")[2]: axes for name, _, axes in unit_arrays(model)}
    assert found == {
        "visible.parts[0].mixture": 2,
        "visible.parts[0].scale": 1,
        "visible.parts[1].unit.bias": 1,
        "visible.parts[1].unit.raw_log_variance": 1,
        "visible.parts[1].mask": 1,
        "hidden.bias": 1,
    }
    left = only_learned(jax.tree.map(jnp.ones_like, model))["net"]
    sums = {name: float(x.sum()) for name, x, _ in unit_arrays(left)}
    assert [name for name, x in sums.items() if x == 0.0] == [
        ".visible.parts[0].scale",
        ".visible.parts[1].mask",
    ]
    assert float(left.weights.sum()) == 2 * (N + 1)
