"""Any optax transformation in the place of a learner's own momentum."""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import optax
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.learning import conditional, hybrid, passes, persistent, phases, updates
from dbnjax.learning import helmholtz as helmholtz_learning
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.learning.gibbs_posterior import gibbs_posterior
from dbnjax.learning.tempered import parallel_tempering
from dbnjax.learning.up_down import up_down
from dbnjax.learning.wake_sleep import wake_sleep
from dbnjax.models import conditional as conditional_model
from dbnjax.training import checkpoint

MOMENTUM = 0.5
OURS = updates.hyper(0.1, momentum=MOMENTUM, decay=0.01, sparsity_cost=0.1)
THEIRS = OURS._replace(momentum=jnp.zeros(()))
FINE = passes.hyper(0.1, momentum=MOMENTUM, decay=0.01)
MIXED = hybrid.hyper(0.1, 0.3, momentum=MOMENTUM, decay=0.01)
RBM_, NET = machines.binary(1, 5, 4), machines.net(2, (5, 4, 4), 3)
PIXELS = jax.random.uniform(jax.random.key(1), (6, 5))
CASES = passes.Batch(PIXELS, jax.nn.one_hot(jnp.arange(6) % 3, 3))
UNDER = conditional_model.init(
    jax.random.key(4), units.Bernoulli.zeros(5), units.Bernoulli.zeros(4), n_inputs=3
)
CONTEXTS = conditional_model.Context(jax.random.normal(jax.random.key(5), (6, 3)))
GIVEN = conditional.Batch(PIXELS, CONTEXTS)
LEARNERS = {  # what makes one with an optimiser, its parameters, numbers and cases
    "cd": (contrastive_divergence, RBM_, OURS, PIXELS),
    "centred cd": (partial(contrastive_divergence, centred=True), RBM_, OURS, PIXELS),
    "pcd": (partial(persistent.persistent_contrastive_divergence, 3), RBM_, OURS, PIXELS),
    "fast pcd": (
        partial(persistent.fast_persistent_contrastive_divergence, 3),
        RBM_,
        persistent.fast_hyper(OURS),
        PIXELS,
    ),
    "tempered": (partial(parallel_tempering, (1.0, 0.0), 3, centred=True), RBM_, OURS, PIXELS),
    "up-down": (partial(up_down, 2), NET, FINE, CASES),
    "wake-sleep": (partial(wake_sleep, 3, 2), NET, FINE, CASES),
    "wake-sleep of causes": (
        helmholtz_learning.wake_sleep,
        nets_of_causes.machine(2, 3, 4, 5),
        FINE,
        PIXELS,
    ),
    "gibbs posterior": (
        partial(gibbs_posterior, 2),
        nets_of_causes.net(2, 3, 4, 5),
        FINE,
        PIXELS,
    ),
    "hybrid": (partial(hybrid.contrastive, 2), NET, MIXED, CASES),
    "conditional cd": (conditional.contrastive_divergence, UNDER, FINE, GIVEN),
    "conditional pcd": (
        partial(conditional.persistent_contrastive_divergence, CONTEXTS),
        UNDER,
        FINE,
        GIVEN,
    ),
    "hybrid of a stack": (
        hybrid.pretraining,
        machines.stack(2, (5, 4, 4), 3),
        MIXED,
        CASES,
    ),
}

CENTRED = ("centred cd", "tempered")


def without_momentum(hyper):
    """The same numbers, none of them a momentum."""
    if isinstance(hyper, persistent.FastHyper):
        return hyper._replace(regular=without_momentum(hyper.regular))
    return hyper._replace(momentum=jnp.zeros(()))


def learned(learner, params, hyper, batch, n_steps=4):
    """The state after some steps, compiled once; and the step."""
    step = jax.jit(learner.step)
    state = learner.init(jax.random.key(3), params)
    for i in range(n_steps):
        state, _ = step(jax.random.key(i), hyper, state, batch)
    return state, step


@pytest.mark.parametrize("name", LEARNERS)
def test_optax_momentum_is_ours_and_a_new_rate_compiles_nothing(name):
    make, params, hyper, batch = LEARNERS[name]
    own, _ = learned(make(), params, hyper, batch)
    trace = optax.chain(optax.trace(MOMENTUM), optax.scale(-1.0))
    for optimiser in (trace, optax.sgd(1.0, momentum=MOMENTUM)):
        numbers = without_momentum(hyper)
        other, step = learned(make(optimiser=optimiser), params, numbers, batch)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6),
            other.params,
            own.params,
        )
        new_rate = jax.tree.map(lambda x: 0.5 * x, numbers)
        step(jax.random.key(9), new_rate, other, batch)
        assert step._cache_size() == 1
    still, _ = learned(make(), params, without_momentum(hyper), batch)
    moved = [np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (still, own)), strict=True)]
    assert max(moved) > 1e-3  # the momentum that was compared is no small thing here


# The biases of a centred machine follow its weights, too: see below.
@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in CENTRED])
def test_the_first_step_of_adam_goes_uphill_by_the_rate(name):
    """Adam's first update of a parameter is its gradient's sign: nothing about signs can be lost.

    Sparsity, decay and centring apart, the parameters move by the rate, towards where plain ascent
    goes.
    """
    make, params, hyper, batch = LEARNERS[name]
    hyper = without_momentum(hyper)
    plain = jax.tree.map(jnp.zeros_like, hyper)
    if isinstance(hyper, persistent.FastHyper):
        hyper = hyper._replace(regular=plain.regular._replace(rate=hyper.regular.rate))
    else:
        hyper = plain._replace(rate=hyper.rate)
    ascent, _ = learned(make(), params, hyper, batch, 1)
    adam, _ = learned(make(optimiser=optax.adam(1.0, eps=1e-12)), params, hyper, batch, 1)
    for start, up, step in zip(
        *map(jax.tree.leaves, (params, ascent.params, adam.params)), strict=True
    ):
        moved = np.abs(up - start) > 1e-5
        expected = np.asarray(start) + 0.1 * np.sign(up - start)
        np.testing.assert_allclose(step[moved], expected[moved], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("optimiser", [None, optax.adam(1.0)], ids=["momentum", "adam"])
def test_a_centred_step_shifts_the_biases_by_what_the_weights_really_moved(optimiser):
    state = updates.initial_state(RBM_, True, optimiser)
    for i in range(2):  # with a memory of the step before
        positive = phases.positive_phase(jax.random.key(i), state.params, PIXELS, phases.Choices())
        gradient = jax.tree.map(
            lambda x, i=i: jnp.cos(jnp.arange(x.size) + i).reshape(x.shape), RBM_
        )
        plain = state._replace(offsets=None)
        before = state.params
        centred = updates.ascend(OURS, state, gradient, positive, optimiser)
        uncentred = updates.ascend(OURS, plain, gradient, positive, optimiser)
        change = np.asarray(centred.params.weights, float) - before.weights
        for side, shift in (
            ("visible", -change @ state.offsets.hidden),
            ("hidden", -state.offsets.visible @ change),
        ):
            moved = getattr(centred.params, side).bias - getattr(uncentred.params, side).bias
            np.testing.assert_allclose(moved, shift, rtol=1e-4, atol=1e-5)
            assert np.abs(shift).max() > 1e-3
        state = centred


def test_members_of_an_ensemble_have_memories_of_their_own():
    learner = contrastive_divergence(optimiser=optax.adam(1.0))
    params = jax.tree.map(lambda *x: jnp.stack(x), RBM_, machines.binary(2, 5, 4))
    hyper = jax.tree.map(lambda x: jnp.stack([x, 2.0 * x]), THEIRS)
    keys = jax.random.split(jax.random.key(0), 2)
    together = jax.vmap(learner.init)(keys, params)
    together, _ = jax.vmap(learner.step, (0, 0, 0, None))(keys, hyper, together, PIXELS)
    for i in range(2):
        one = jax.tree.map(lambda x, i=i: x[i], (params, hyper))
        alone, _ = learner.step(keys[i], one[1], learner.init(keys[i], one[0]), PIXELS)
        jax.tree.map(
            lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-5, atol=1e-5),
            together.params,
            alone.params,
        )


def test_a_checkpoint_of_another_optimiser_is_refused_in_one_line(tmp_path):
    saved = updates.initial_state(RBM_, False, optax.adam(1.0))
    checkpoint.save(tmp_path, 1, saved, {})
    number, _ = checkpoint.restore(tmp_path, saved, {})
    assert number == 1
    for other in (None, optax.sgd(1.0, momentum=MOMENTUM)):
        with pytest.raises(InputError, match=r"expected the arrays of this run, got .*velocity"):
            checkpoint.restore(tmp_path, updates.initial_state(RBM_, False, other), {})
