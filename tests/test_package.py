"""What a user meets first: the package's names, and how its models show themselves."""

import subprocess
import sys

import jax
import pytest

import dbnjax
from dbnjax import dbn, feedforward, rbm, stack, units
from dbnjax.units import Bernoulli, Categorical, Concat

LIGHT = "import sys, dbnjax; from dbnjax import checks; assert 'jax' not in sys.modules; dbnjax.rbm"


def test_a_module_is_imported_when_it_is_asked_for():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)


@pytest.mark.parametrize("name", dbnjax.__all__)
def test_every_public_name_is_a_module(name):
    assert getattr(dbnjax, name).__name__.split(".")[-1] == name
    assert name in dir(dbnjax)


def test_another_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dbnjax.nothing


def deep_net(n_layers):
    key = jax.random.key(0)
    below = rbm.init(key, Bernoulli.zeros(784), Bernoulli.zeros(784))
    joint = Concat((Bernoulli.zeros(784), Categorical.zeros(10)))
    top = rbm.init(key, joint, units.NoisyRelu.zeros(2000))
    return dbn.untie(stack.create((*[below] * (n_layers - 1), top)))


@pytest.mark.parametrize("n_layers", [1, 3, 40])
def test_repr_names_types_and_sizes_and_stays_short(n_layers):
    net = deep_net(n_layers)
    shown = repr(net)
    assert len(shown) < 600
    for part in ("DBN", "Bernoulli", "Categorical", "n_categories=10", "NoisyRelu", "[794, 2000]"):
        assert part in shown
    assert repr(stack.create((net.memory,))).startswith("Stack((RBM(Concat((Bernoulli(")
    assert len(repr(feedforward.unroll(jax.random.key(0), net, 10))) < 600


def test_repr_serves_traced_and_abstract_models():
    machine = rbm.init(jax.random.key(0), Bernoulli.zeros(3), Bernoulli.zeros(2))
    seen = []
    jax.jit(lambda traced: seen.append(repr(traced)))(machine)
    assert {*seen, repr(jax.eval_shape(lambda x: x, machine))} == {repr(machine)}
    assert repr(machine) == "RBM(Bernoulli(float32[3]), Bernoulli(float32[2]), float32[3, 2])"
