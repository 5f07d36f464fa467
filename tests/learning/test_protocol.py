"""One protocol for all learners: signatures, state, tracing, ensembles, donation, devices."""

import inspect
from collections import Counter
from functools import partial
from typing import NamedTuple

import feedforward_nets
import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from dbnjax.learning import autoencoder, backprop, conditional, hybrid, passes, persistent, updates
from dbnjax.learning import helmholtz as helmholtz_learning
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.gibbs_posterior import gibbs_posterior
from dbnjax.learning.persistent import (
    fast_persistent_contrastive_divergence,
    persistent_contrastive_divergence,
)
from dbnjax.learning.tempered import parallel_tempering
from dbnjax.learning.up_down import up_down
from dbnjax.learning.wake_sleep import wake_sleep
from dbnjax.models.conditional import Context, create
from dbnjax.types import Learner, PyTree

N_CASES, N_CHAINS, N_MEMBERS = 16, 8, 3
RBM_, NET = machines.binary(1, 5, 4), machines.net(2, (5, 4, 4), 3)
CAUSES = nets_of_causes.machine(2, 3, 4, 5)
STACK = machines.stack(2, (5, 4, 4), 3)
PIXELS = jax.random.uniform(jax.random.key(1), (N_CASES, 5))
CASES = passes.Batch(PIXELS, jax.nn.one_hot(jnp.arange(N_CASES) % 3, 3))
PLAIN = updates.hyper(0.1, momentum=0.5, decay=0.01, sparsity_cost=0.1)
FINE = passes.hyper(0.1, momentum=0.5, decay=0.01)
MOMENTUM = optax.sgd(1.0, momentum=0.9)
FORWARD = feedforward_nets.net(sizes=(5, 4, 4))
TUNING = backprop.hyper(0.1, decay=0.01, drop_visible=0.2, drop_hidden=0.5, max_norm=1.0)
LABELLED = backprop.Batch(*CASES)
DRIVEN = create(RBM_, jnp.full((2, 5), 0.3), jnp.full((2, 4), -0.2))
CONTEXTS = Context(
    jax.random.normal(jax.random.key(2), (2 * N_CASES, 2)),
    (jnp.arange(2 * N_CASES)[:, None] + jnp.arange(5)) % 4 > 0,
)
GIVEN = conditional.Batch(PIXELS, jax.tree.map(lambda x: x[:N_CASES], CONTEXTS))
MIXED = hybrid.hyper(0.1, weight=0.3, momentum=0.5, decay=0.01)


class Case(NamedTuple):
    learner: Learner
    params: PyTree
    hyper: PyTree
    batch: PyTree


LEARNERS = {
    "cd": Case(contrastive_divergence(k=2), RBM_, PLAIN, PIXELS),
    "centred cd": Case(contrastive_divergence(centred=True), RBM_, PLAIN, PIXELS),
    "pcd": Case(persistent_contrastive_divergence(N_CHAINS), RBM_, PLAIN, PIXELS),
    "fast pcd": Case(
        fast_persistent_contrastive_divergence(N_CHAINS),
        RBM_,
        persistent.fast_hyper(PLAIN, rate=0.2),
        PIXELS,
    ),
    "tempered": Case(
        parallel_tempering((1.0, 0.5, 0.0), N_CHAINS, centred=True), RBM_, PLAIN, PIXELS
    ),
    "up-down": Case(up_down(n_steps=2), NET, FINE, CASES),
    "backprop": Case(backprop.backprop(MOMENTUM), FORWARD, TUNING, LABELLED),
    "dropout and max-norm": Case(
        backprop.backprop(MOMENTUM, dropout=True, max_norm=True), FORWARD, TUNING, LABELLED
    ),
    "backprop by adam": Case(backprop.backprop(optax.adam(1.0)), FORWARD, TUNING, LABELLED),
    "wake-sleep": Case(wake_sleep(N_CHAINS, n_steps=2), NET, FINE, CASES),
    "wake-sleep of causes": Case(helmholtz_learning.wake_sleep(), CAUSES, FINE, PIXELS),
    "gibbs posterior": Case(gibbs_posterior(n_sweeps=2), CAUSES.net, FINE, PIXELS),
    "autoencoder": Case(autoencoder.autoencoder(MOMENTUM), RBM_, autoencoder.hyper(0.1), PIXELS),
    "untied autoencoder": Case(
        autoencoder.autoencoder(MOMENTUM, "squared"),
        autoencoder.untie(RBM_),
        autoencoder.hyper(0.1),
        PIXELS,
    ),
    "conditional cd": Case(conditional.contrastive_divergence(k=2), DRIVEN, FINE, GIVEN),
    "conditional pcd": Case(
        conditional.persistent_contrastive_divergence(CONTEXTS, k=2), DRIVEN, FINE, GIVEN
    ),
    "hybrid": Case(hybrid.contrastive(n_steps=2), NET, MIXED, CASES),
    "hybrid of a stack": Case(hybrid.pretraining(features="sample"), STACK, MIXED, CASES),
}


@pytest.fixture(params=LEARNERS)
def case(request):
    return LEARNERS[request.param]


def copy(tree):
    return jax.tree.map(jnp.copy, tree)


traces = Counter()  # of each learner's step


@partial(jax.jit, static_argnums=0, donate_argnums=3)
def step(learner, key, hyper, state, batch):
    """The un-vmapped step that the others are compared with; the state is given away."""
    traces[learner] += 1
    return learner.step(key, hyper, state, batch)


def start(case):
    return copy(case.learner.init(jax.random.key(7), case.params))


def assert_same_step(got, expected):
    """Parameters to rounding; chains are draws, so they agree exactly or not at all."""
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6), got, expected)
    if hasattr(expected, "chains"):
        jax.tree.map(np.testing.assert_array_equal, got.chains, expected.chains)


def test_learners_are_pairs_of_the_same_two_functions(case):
    assert isinstance(case.learner, Learner)
    assert list(inspect.signature(case.learner.init).parameters) == ["key", "params"]
    wanted = ["key", "hyper", "state", "batch"]
    assert list(inspect.signature(case.learner.step).parameters) == wanted
    state = start(case)
    assert jax.tree.structure(state.params) == jax.tree.structure(case.params)


def test_a_step_preserves_the_state_and_reports_scalars(case):
    state = start(case)
    new, info = jax.eval_shape(case.learner.step, jax.random.key(0), case.hyper, state, case.batch)
    assert jax.tree.structure(new) == jax.tree.structure(state)

    def kind(x):
        return x.shape, x.dtype, x.weak_type

    assert jax.tree.map(kind, new) == jax.tree.map(lambda x: kind(jax.typeof(x)), state)
    others = {jnp.dtype("int32"), jnp.dtype("bool")}  # an optimiser's count, contexts of chains
    assert {x.dtype for x in jax.tree.leaves((new, info))} - others == {jnp.dtype("float32")}
    assert {x.shape for x in jax.tree.leaves(info)} == {()}
    assert type(info).__name__ == "Info"


def test_one_program_serves_every_step_and_every_hyper_parameter_and_may_be_donated_to(case):
    one_of_each: dict = {}  # leaves that share an array (F28)
    params = jax.tree.map(lambda x: one_of_each.setdefault(x.shape, x), case.params)
    state, before = case.learner.init(jax.random.key(7), params), jax.tree.leaves(params)[0]
    n_before = traces[case.learner]
    for i, scale in enumerate((1.0, 1.0, 0.5)):
        given = state
        hyper = jax.tree.map(lambda x, scale=scale: scale * x, case.hyper)
        state, _ = step(case.learner, jax.random.key(i), hyper, state, case.batch)
        assert all(x.is_deleted() for x in jax.tree.leaves(given.params))
    assert traces[case.learner] <= n_before + 1
    assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(state))
    assert not any(x.is_deleted() for x in jax.tree.leaves(params))  # F17
    assert not np.array_equal(jax.tree.leaves(state.params)[0], before)


def test_an_ensemble_that_scans_over_minibatches_is_its_members_and_their_steps(case):
    """vmap over keys, parameters and hyper-parameters in a scan, against loops over both.

    Two steps with a rate of zero in the first, so that nothing parts the trajectories.
    """
    scales, rates = np.array([1.0, 0.7, 0.4], np.float32), np.array([0.0, 1.0], np.float32)
    keys = jax.random.split(jax.random.key(3), (2, N_MEMBERS))
    many = jax.tree.map(lambda x: np.stack([s * x for s in scales]), (case.params, case.hyper))
    members = [jax.tree.map(lambda x, i=i: x[i], many) for i in range(N_MEMBERS)]
    together = jax.vmap(case.learner.step, in_axes=(0, 0, 0, None))

    @jax.jit
    def scanned(params, hyper):
        def body(states, given):
            keys, rate = given
            own = jax.tree.map(lambda x: rate * x, hyper)
            return together(keys, own, states, case.batch)

        states = jax.vmap(case.learner.init)(keys[0], params)
        return jax.lax.scan(body, states, (keys, rates))[0]

    new = scanned(*many)
    for i, (params, hyper) in enumerate(members):
        state = case.learner.init(keys[0, i], params)
        for own_keys, rate in zip(keys, rates, strict=True):
            scaled = jax.tree.map(lambda x, rate=rate: rate * x, hyper)
            state, _ = step(case.learner, own_keys[i], scaled, state, case.batch)
        assert_same_step(jax.tree.map(lambda x, i=i: x[i], new), state)


def test_eight_devices_make_the_same_draws_and_the_same_update(case):
    mesh = jax.make_mesh((8,), ("cases",), axis_types=(AxisType.Auto,))
    whole, rows = (NamedSharding(mesh, PartitionSpec(*s)) for s in ((), ("cases",)))
    state = start(case)
    where = jax.tree.map(lambda _: whole, state)
    if hasattr(state, "chains"):
        where = where._replace(chains=jax.tree.map(lambda _: rows, state.chains))
    sharded = jax.device_put(state, where)
    batch = jax.device_put(case.batch, rows)
    key = jax.random.key(4)
    got, _ = jax.jit(case.learner.step)(key, case.hyper, sharded, batch)
    expected, _ = step(case.learner, key, case.hyper, state, case.batch)
    assert_same_step(got, expected)
    for x, sharding in zip(jax.tree.leaves(got), jax.tree.leaves(where), strict=True):
        assert x.sharding.is_equivalent_to(sharding, x.ndim)
