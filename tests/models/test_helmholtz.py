"""Belief nets with recognition, and the deep belief nets that they are, against enumeration."""

import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import exact
from dbnjax.inference import generate
from dbnjax.models import dbn, helmholtz

N = 20_000
MACHINE = nets_of_causes.machine(3, 2, 3, 4)
LAYERS = [units.Bernoulli.zeros(n) for n in (4, 3, 2)]


def test_the_memory_without_hidden_units_is_the_prior():
    memory = helmholtz.as_dbn(MACHINE).memory
    joint = nets_of_causes.joint(MACHINE.net).sum((1, 2))
    states = jnp.asarray(machines.states(MACHINE.net.prior), jnp.float32)
    np.testing.assert_allclose(exact.log_prob(memory, states), np.log(joint), rtol=1e-5)


def test_what_generates_from_a_deep_belief_net_generates_from_a_belief_net():
    net, key = helmholtz.as_dbn(MACHINE), jax.random.key(1)
    chains = generate.start_at_random(key, net, N)
    penultimate = generate.film(key, net, chains, 1, 1)
    law = nets_of_causes.joint(MACHINE.net).sum((0, 1))
    means = law @ machines.states(MACHINE.net.layers[-1].unit)
    found = jax.tree.leaves(penultimate)
    visible = next(x for x in found if x.shape[-1] == 4)
    np.testing.assert_allclose(visible.reshape(-1, 4).mean(0), means, atol=5 * 0.5 / N**0.5)


def test_the_up_pass_has_the_law_of_recognition():
    v = np.array([1.0, 0.0, 1.0, 1.0])
    number = int(np.flatnonzero((machines.states(LAYERS[0]) == v).all(-1))[0])
    cases = jnp.broadcast_to(jnp.asarray(v, jnp.float32), (N, 4))
    states = jax.jit(helmholtz.up_pass)(jax.random.key(2), MACHINE, cases)
    assert [x.shape for x in states] == [(N, 2), (N, 3), (N, 4)]
    law = np.zeros_like(nets_of_causes.joint(MACHINE.net))
    law[..., number] = nets_of_causes.recognised(MACHINE)[..., number]
    floor = oracles.total_variation_floor(law.ravel(), N)
    assert nets_of_causes.distance(MACHINE.net, law, states) < floor


def test_both_halves_begin_with_the_units_biases_and_weights_of_their_own():
    biased = [unit.replace(bias=unit.bias + i) for i, unit in enumerate(LAYERS)]
    machine = helmholtz.init(jax.random.key(0), biased, scale=0.5)
    machine.check()
    assert [layer.weights.shape for layer in machine.recognition] == [(4, 3), (3, 2)]
    assert [layer.weights.shape for layer in machine.net.layers] == [(2, 3), (3, 4)]
    assert [float(layer.unit.bias[0]) for layer in machine.recognition] == [1.0, 2.0]
    assert [float(unit.bias[0]) for unit in nets_of_causes.layers_of(machine.net)] == [2, 1, 0]
    assert not dbn.is_tied(helmholtz.as_dbn(machine))
    assert dbn.is_tied(helmholtz.as_dbn(helmholtz.tied(machine.net)))
    spread = np.concatenate([layer.weights.ravel() for layer in machine.recognition])
    assert 0.2 < spread.std() < 0.9


def test_modules_are_stacked_from_the_bottom_up():
    lower, upper = nets_of_causes.machine(1, 3, 4), nets_of_causes.machine(2, 2, 3)
    whole = helmholtz.stack([lower, upper])
    assert whole.net.prior is upper.net.prior
    assert whole.net.layers == (upper.net.layers[0], lower.net.layers[0])
    assert whole.recognition == (lower.recognition[0], upper.recognition[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: helmholtz.init(jax.random.key(0), LAYERS[:1]), "got 1 in all"),
        (lambda: helmholtz.init(jax.random.key(0), LAYERS, scale=-1.0), "scale: expected 0 or"),
        (lambda: helmholtz.stack([]), "expected one module or more, got none"),
        (lambda: helmholtz.stack([MACHINE]), r"one hidden layer each, got \[2\] layers"),
        (
            lambda: helmholtz.stack([nets_of_causes.machine(1, 3, 4)] * 2),
            "level 1 expects 4 units below it, but level 0 has 3",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
