"""Precision and generator are the run's choice; what is reported does not follow the precision."""

import re

import jax
import jax.numpy as jnp
import machines
import pytest

from dbnjax.checks import InputError
from dbnjax.evaluation import annealing, bounds, exact, exact_nets, raise_bound
from dbnjax.inference import classify
from dbnjax.learning import contrastive_divergence, passes, persistent, up_down, updates
from dbnjax.models import path as path_lib
from dbnjax.sampling import tempering
from dbnjax.training import evaluate
from experiments import mnist_dbn
from experiments.common import devices
from experiments.common.groups import GENERATORS
from experiments.mnist_dbn import main as dbn_main
from experiments.sweep import config as sweep_config
from experiments.sweep import main as sweep_main

KEY = jax.random.key(0)
RBM = machines.binary(0, 5, 4)
NET = machines.net(1, (5, 4, 3, 6), n_labels=3)
V, LABELS = jnp.ones((2, 5)), jnp.eye(3)[:2]
PATH = path_lib.from_base_rates(RBM, jnp.full(5, 0.4), jnp.full(5, 0.24))
CHAINS = annealing.start(PATH, V, 0.0)
LADDER = jnp.array([1.0, 0.5, 0.0])
TEMPERED = tempering.init(KEY, PATH, LADDER, n_chains=2)


def learning(learner, hyper, params, batch):
    state = learner.init(KEY, params)
    return lambda: learner.step(KEY, hyper, state, batch)


REPORTED = {
    "log Z": lambda: exact.log_z(RBM),
    "log p": lambda: exact.log_prob(RBM, V),
    "gradient": lambda: exact.gradient(RBM, V),
    "log p of a net": lambda: exact_nets.log_prob(NET, V, LABELS),
    "annealing": lambda: annealing.anneal(KEY, PATH, LADDER[::-1][1:], CHAINS),
    "raise": lambda: raise_bound.estimate(PATH, V, 0.0, CHAINS),
    "bound": lambda: bounds.log_weights(KEY, NET, V, 0.0, 2, LABELS),
    "pseudo-likelihood": lambda: bounds.pseudo_log_likelihood(RBM, V),
    "tempering": lambda: tempering.step(KEY, PATH, LADDER, TEMPERED),
    "deterministic read-out": lambda: classify.deterministic(NET, V),
    "stochastic read-out": lambda: classify.stochastic(KEY, NET, V),
    "averaged read-outs": lambda: classify.averaged(KEY, NET, V, 2),
    "Gibbs read-out": lambda: classify.gibbs(KEY, NET, V, 2),
    "free-energy gap": lambda: evaluate.free_energy_gap(RBM, V, 1 - V),
    "reconstruction": lambda: evaluate.reconstruction_error(NET, V),
}
LEARNED = {
    "CD": learning(contrastive_divergence.contrastive_divergence(2), updates.hyper(0.1), RBM, V),
    "PCD": learning(persistent.persistent_contrastive_divergence(2), updates.hyper(0.1), RBM, V),
    "up-down": learning(up_down.up_down(2), passes.hyper(0.1), NET, passes.Batch(V, LABELS)),
}


def products(function, precision):
    """The precision of every matrix product that a function makes."""
    with devices.precision(precision):
        text = str(jax.make_jaxpr(lambda _: function())(0))
    return re.findall(r"dot_general\[.*?\bprecision=(.*?)\n", text, re.DOTALL)


@pytest.mark.parametrize("name", REPORTED)
def test_what_is_reported_is_in_full_float32_whatever_learning_does(name):
    found = products(REPORTED[name], "bfloat16")
    assert found
    assert all(set(re.findall("[A-Z]{4,}", one)) == {"HIGHEST"} for one in found), found


@pytest.mark.parametrize(
    ("name", "precision", "expected"),
    [
        ("CD", "default", "DEFAULT"),
        ("CD", "high", "HIGH"),
        ("CD", "highest", "HIGHEST"),
        *((name, "bfloat16", "BF16_BF16_F32") for name in LEARNED),
    ],
)
def test_every_product_of_learning_has_the_precision_that_was_asked_for(name, precision, expected):
    found = products(LEARNED[name], precision)
    assert found
    assert all(re.search(rf"\b{expected}\b", one) for one in found), found


def test_the_generator_is_the_key_s():
    assert jax.random.key_impl(devices.key(3, "threefry")) == "threefry2x32"
    assert jax.random.key_impl(devices.key(3, "rbg")) == "rbg"
    for how in GENERATORS:
        assert jax.random.key_data(devices.key(3, how))[-1] == 3


@pytest.mark.parametrize(
    ("experiment", "config"), [(dbn_main, mnist_dbn.Config), (sweep_main, sweep_config.Config)]
)
def test_a_run_is_made_with_the_precision_of_its_flag(monkeypatch, experiment, config):
    monkeypatch.setattr(experiment, "run_here", lambda _: jax.config.jax_default_matmul_precision)
    assert experiment.run(config(precision="bfloat16")) == "BF16_BF16_F32"
    assert experiment.run(config()) == "default"


def test_members_of_a_sweep_share_their_precision():
    with pytest.raises(InputError, match="got 'precision=high,highest'"):
        sweep_config.members(mnist_dbn.Config(), "precision=high,highest")
