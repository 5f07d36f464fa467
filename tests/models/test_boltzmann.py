import re

import boltzmann_machines
import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
from scipy.special import logsumexp

from dbnjax import units
from dbnjax.errors import InputError
from dbnjax.models import boltzmann, couplings
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.couplings import Mask, between, lateral


@pytest.fixture(params=boltzmann_machines.ALL, scope="module")
def machine(request):
    return boltzmann_machines.ALL[request.param]()


@pytest.fixture(scope="module")
def table(machine):
    return boltzmann_machines.table(machine)


def as_library(states):
    return tuple(jnp.asarray(x, jnp.float32) for x in states)


def test_energies(machine, table):
    found = boltzmann.energy(machine, as_library(table.states))
    np.testing.assert_allclose(found, table.energy, rtol=1e-5, atol=1e-4)


def test_the_field_is_what_a_unit_changes_the_energy_by(machine, table):
    # In an energy that is linear in a unit apart from its own term, the field is minus its slope.
    states = as_library(x[:50] for x in table.states)
    for layer, unit in enumerate(machine.layers):

        def coupled(x, layer=layer, unit=unit):
            changed = (*states[:layer], x, *states[layer + 1 :])
            return (boltzmann.energy(machine, changed) - unit.energy(x)).sum()

        slope = jax.grad(coupled)(states[layer])
        np.testing.assert_allclose(boltzmann.field(machine, layer, states), -slope, atol=1e-4)


def test_free_energies_sum_layers_out(machine, table):
    for group in boltzmann.groups(machine):
        summed = [i for i in group if boltzmann.lateral_weights(machine, i) is None]
        kept = [i for i in range(len(machine.layers)) if i not in summed]
        if not summed or not kept:
            continue
        rows, number = np.unique(
            np.concatenate([table.states[i] for i in kept], axis=1), axis=0, return_inverse=True
        )
        # The kept layers' own integration weights do not belong to their free energy.
        first = [np.flatnonzero(number.ravel() == row)[0] for row in range(min(len(rows), 40))]
        for row, at in enumerate(first):
            chosen = number.ravel() == row
            log_weight = table.log_weight[chosen]
            if np.ptp(log_weight):  # an integral over real units: their layer is not summed here
                continue
            expected = -logsumexp(-table.energy[chosen])
            states = [
                None if i in summed else jnp.asarray(table.states[i][at], jnp.float32)
                for i in range(len(machine.layers))
            ]
            found = boltzmann.free_energy(machine, states, summed)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_a_layer_of_one_group_is_independent_of_the_others(machine):
    for group in boltzmann.groups(machine):
        for layer in group:
            assert not set(boltzmann.neighbours(machine, layer)) & set(group)
    assert sorted(sum(boltzmann.groups(machine), ())) == list(range(len(machine.layers)))


def test_a_chain_has_even_and_odd_layers():
    machine = boltzmann_machines.chain(sizes=(2, 2, 2, 2, 2))
    assert boltzmann.groups(machine) == ((0, 2, 4), (1, 3))


def test_two_layers_are_an_rbm():
    rbm = machines.labelled(0, 3, 2, 4)
    machine = boltzmann.from_rbm(rbm)
    v, h = (jnp.asarray(machines.states(u)[:8], jnp.float32) for u in (rbm.visible, rbm.hidden))
    np.testing.assert_allclose(
        boltzmann.energy(machine, (v, h)), rbm_lib.energy(rbm, v, h), rtol=1e-6
    )
    np.testing.assert_array_equal(
        boltzmann.free_energy(machine, (v, None), (1,)), rbm_lib.free_energy(rbm, v)
    )
    np.testing.assert_array_equal(
        boltzmann.conditional(machine, 1, (v, None)).mean(),
        rbm_lib.hidden_given_visible(rbm, v).mean(),
    )


def test_without_lateral_weights_a_semi_restricted_machine_is_an_rbm():
    rbm = machines.binary(0, 3, 2)
    machine = boltzmann.semi_restricted(rbm.visible, rbm.hidden, rbm.weights, jnp.zeros((3, 3)))
    v = jnp.asarray(machines.states(rbm.visible), jnp.float32)
    np.testing.assert_allclose(
        boltzmann.free_energy(machine, (v, None), (1,)), rbm_lib.free_energy(rbm, v), rtol=1e-6
    )


def test_any_leading_axes_and_vmap(machine, table):
    states = as_library(x[:6] for x in table.states)
    folded = tuple(x.reshape(2, 3, -1) for x in states)
    flat = boltzmann.energy(machine, states)
    np.testing.assert_allclose(boltzmann.energy(machine, folded).ravel(), flat, rtol=1e-6)
    mapped = jax.vmap(lambda x: boltzmann.energy(machine, x))(states)
    np.testing.assert_allclose(mapped, flat, rtol=1e-5, atol=1e-5)


def test_drawn_weights_keep_the_structure(machine):
    drawn = boltzmann.randomise(jax.random.key(0), machine, 0.1)
    assert jax.tree.structure(drawn) == jax.tree.structure(machine)
    for coupling in drawn.couplings:
        couplings.check(coupling, drawn.layers)
        exists = couplings.may_exist(coupling, drawn.layers[coupling.first])
        assert (np.asarray(coupling.weights)[exists if exists is not None else ...] != 0).all()


def test_a_mask_comes_back_as_it_was():
    exists = np.random.default_rng(0).random((5, 7)) < 0.5
    np.testing.assert_array_equal(Mask.of(exists).array(), exists)
    assert Mask.of(exists) == Mask.of(exists.astype(int))
    assert hash(Mask.of(exists)) == hash(Mask.of(exists))


def test_a_turned_coupling_is_the_same():
    weights, exists = jnp.array([[1.0, 2.0, 0.0]]), [[1, 1, 0]]
    turned = between(weights, 1, 0, exists)
    assert (turned.first, turned.second) == (0, 1)
    np.testing.assert_array_equal(turned.weights, weights.T)
    np.testing.assert_array_equal(turned.mask.array(), np.array(exists, bool).T)


@pytest.mark.parametrize("unit", [units.Bernoulli.zeros(4), units.Categorical.zeros(2, 3)])
def test_a_block_is_a_layer_of_its_own(unit):
    unit = unit.shift_field(jnp.linspace(-1, 1, unit.size))
    width = unit.size // unit.n_blocks
    field = jnp.linspace(0, 1, unit.size)
    pieces = [unit.block(i).mean(field[i * width : (i + 1) * width]) for i in range(unit.n_blocks)]
    np.testing.assert_array_equal(jnp.concatenate(pieces), unit.mean(field))
    traced = jax.jit(lambda i: unit.block(i).mean(jnp.zeros(width)))
    np.testing.assert_array_equal(traced(1), unit.block(1).mean(jnp.zeros(width)))


def test_the_runs_of_joined_layers():
    inner = units.Concat((units.Bernoulli.zeros(2), units.Categorical.zeros(3)))
    joined = units.Concat((units.Gaussian.zeros(1), inner))
    assert [(at, type(run).__name__) for at, run in joined.runs()] == [
        (0, "Gaussian"),
        (1, "Bernoulli"),
        (3, "Categorical"),
    ]
    assert couplings.blocks(joined).tolist() == [0, 1, 2, 3, 3, 3]


TWO, SOFTMAX = units.Bernoulli.zeros(2), units.Categorical.zeros(2)
PAIR = jnp.array([[0.0, 1.0], [1.0, 0.0]])
BAD = {
    "asymmetric": (lambda: boltzmann.create([TWO], [lateral(jnp.triu(PAIR), 0)]), "symmetric"),
    "self": (lambda: boltzmann.create([TWO], [lateral(PAIR + jnp.eye(2), 0)]), "empty diagonal"),
    "in a group": (lambda: boltzmann.create([SOFTMAX], [lateral(PAIR, 0)]), "inside a softmax"),
    "mask's shape": (lambda: lateral(PAIR, 0, np.ones((3, 3))), "expected the shape of the weigh"),
    "mask's values": (lambda: Mask.of(2 * np.ones((2, 2))), "true and false"),
    "masked weight": (
        lambda: boltzmann.create([TWO], [lateral(PAIR, 0, np.zeros((2, 2)))]),
        "zeros where the mask",
    ),
    "does not fit": (
        lambda: boltzmann.create([TWO, TWO], [between(jnp.ones((2, 3)), 0, 1)]),
        "expected shape (2, 2)",
    ),
    "no coupling": (
        lambda: boltzmann.create([TWO, TWO, TWO], [between(PAIR, 0, 1)]),
        "layer 2: expected a coupling",
    ),
    "twice": (
        lambda: boltzmann.create([TWO, TWO], [between(PAIR, 0, 1), between(PAIR, 1, 0)]),
        "at most one a pair",
    ),
    "no such layer": (
        lambda: boltzmann.create([TWO, TWO], [between(PAIR, 0, 2)]),
        "numbers from 0 to 1",
    ),
    "one matrix short": (lambda: boltzmann.deep([TWO, TWO, TWO], [PAIR]), "2 weight matrices"),
    "not finite": (
        lambda: boltzmann.create([TWO, TWO], [between(PAIR * jnp.nan, 0, 1)]),
        "weights 0-1",
    ),
    "no precision": (
        lambda: boltzmann.create([units.Gaussian.zeros(2)], [lateral(1.01 * PAIR, 0)]),
        "positive definite",
    ),
    "counts": (
        lambda: boltzmann.create([units.Poisson.zeros(2)], [lateral(PAIR, 0)]),
        "outgrow",
    ),
    "dependent units": (
        lambda: boltzmann.conditional(boltzmann_machines.general(), 0, [None, jnp.zeros(3)]),
        "without lateral weights",
    ),
    "neighbours": (
        lambda: boltzmann.free_energy(boltzmann_machines.chain(), [jnp.zeros(4)] * 3, (1, 2)),
        "without a coupling between them",
    ),
    "width": (
        lambda: boltzmann.energy(boltzmann_machines.chain(), [jnp.zeros(4)] * 3),
        "states of layer 1",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name):
    attempt, words = BAD[name]
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        attempt()
    assert "\n" not in str(caught.value)


def test_strong_negative_lateral_weights_of_real_units_are_a_precision():
    # Eigenvalues of the couplings are -1.8, 0.9 and 0.9: one exceeds 1 in size and none in value.
    beside = -0.9 * (jnp.ones((3, 3)) - jnp.eye(3))
    boltzmann.create([units.Gaussian.zeros(3)], [lateral(beside, 0)])
    with pytest.raises(InputError, match="positive definite"):
        boltzmann.create([units.Gaussian.zeros(3)], [lateral(-beside, 0)])
