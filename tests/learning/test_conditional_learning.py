"""Learning under a context: gradients by enumeration, chains with contexts, absent units.

The oracle is the mean of log p(v | x), in float64 NumPy from the energy with the context in it, and
its central differences by every parameter.
"""

from functools import partial

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import exact, passes, rbm, units
from dbnjax.checks import InputError
from dbnjax.learning import conditional, phases
from dbnjax.models import conditional as conditional_lib
from dbnjax.models.conditional import EACH_CASE, Context
from dbnjax.models.rbm import RBM

N_CASES, N_INPUTS = 3, 2
INPUTS = jnp.asarray(np.random.default_rng(3).normal(0.3, 1.0, (N_CASES, N_INPUTS)), jnp.float32)
PRESENT = jnp.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], jnp.float32)
STILL = passes.hyper(0.0)  # the velocity is then the gradient of one step
DRAWN = phases.Choices(visible="sample")


def model(visible, hidden):
    generator = np.random.default_rng(visible.size)
    shapes = (visible.size, hidden.size), (N_INPUTS, visible.size), (N_INPUTS, hidden.size)
    weights, a, b = (generator.normal(0.1, 0.6, s).astype(np.float32) for s in shapes)
    return conditional_lib.create(RBM(visible, hidden, jnp.asarray(weights)), a, b)


MODELS = {
    "binary": model(cases.BERNOULLI, cases.BERNOULLI),
    "some binary": model(cases.BERNOULLI, cases.BERNOULLI),
    "some groups": model(cases.GROUPS, cases.BERNOULLI),
    "real": model(units.Concat((cases.ONE_GAUSSIAN, cases.CATEGORICAL)), cases.BERNOULLI),
    "rectified": model(cases.ONE_RELU, cases.CATEGORICAL),
    "documents": model(cases.MULTINOMIAL, cases.BERNOULLI),
}


def context_of(name):
    return Context(INPUTS, PRESENT if name.startswith("some") else None)


def some_states(name):
    """A state of each case, zeros where it has no units."""
    visible = MODELS[name].rbm.visible
    table = machines.states(visible)
    v = jnp.asarray(table[[len(table) // 3, 2 * len(table) // 3, len(table) // 2]], jnp.float32)
    return MODELS[name].given(context_of(name)).visible.only_present(v)


def mean_log_p(name, v, leaves):
    """The mean of log p(v | x) over cases, from E(v, h) - x A v - x B h and all states."""
    net = jax.tree.unflatten(jax.tree.structure(MODELS[name]), leaves)
    total, visible, hidden = 0.0, cases.layer(net.rbm.visible), cases.layer(net.rbm.hidden)
    for x, case, present in zip(np.float64(INPUTS), np.float64(v), PRESENT, strict=True):
        layer = visible
        if name.startswith("some"):
            layer = cases.layer(units.Present(net.rbm.visible, present))
        below = layer._replace(energy=layer.energy - layer.states @ (x @ net.to_visible.weights))
        above = hidden._replace(energy=hidden.energy - hidden.states @ (x @ net.to_hidden.weights))
        joint = oracles.rbm_joint(below, above, net.rbm.weights)
        here = int(np.abs(layer.states - case).sum(1).argmin())
        total += -joint.free_energy[here] - joint.log_z
    return total / len(v)


def slopes(name, v):
    """Central differences of the oracle by every entry of every parameter."""
    leaves = [np.float64(leaf) for leaf in jax.tree.leaves(MODELS[name])]
    found = []
    for i, leaf in enumerate(leaves):
        slope = np.zeros(leaf.shape)
        for at in np.ndindex(leaf.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = leaf.copy()
                moved[at] += step
                ends.append(mean_log_p(name, v, [*leaves[:i], moved, *leaves[i + 1 :]]))
            slope[at] = (ends[0] - ends[1]) / 2e-5
        found.append(slope)
    return found


def exact_gradient(name, v, of_case=slice(None)):
    """The chain rule on exact statistics, each case's own."""
    context = jax.tree.map(lambda x: x[of_case], context_of(name))
    many, v = MODELS[name].given(context), v[of_case]
    each = jax.vmap(exact.gradient, (EACH_CASE, 0))(many, v[:, None])
    shares = jax.tree.map(lambda x: x / len(v), each)
    statistics = shares.replace(weights=shares.weights.sum(0))
    return conditional.gradient(MODELS[name], context, statistics)


@pytest.mark.parametrize("name", MODELS)
def test_the_chain_rule_on_exact_statistics_is_the_slope_of_log_p(name):
    v = some_states(name)
    got = jax.tree.leaves(exact_gradient(name, v))
    for mine, wanted in zip(got, slopes(name, v), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=2e-4, atol=2e-5)


def test_a_phase_says_the_same_of_its_cases():
    """Averaged statistics of the data, against the slope of minus the mean free energy."""
    name = "some groups"
    net, context, v = MODELS[name], context_of(name), some_states(name)
    phase = phases.positive_phase(jax.random.key(0), net.given(context), v, DRAWN)
    got = conditional.gradient(net, context, conditional.mean_statistics(phase))
    wanted = jax.grad(lambda m: -rbm.free_energy(m.given(context), v).mean())(net)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), got, wanted)


def close_in_mean(estimates, wanted):
    """Estimates `[n, ...]` from independent keys agree in mean with what they estimate."""

    def one(found, exactly):
        found = np.float64(found)
        error = found.std(0, ddof=1) / np.sqrt(len(found))
        assert (np.abs(found.mean(0) - exactly) <= 5.0 * error + 1e-5).all()
        assert (error < 0.02 * (1.0 + np.abs(exactly))).all()  # or the comparison says nothing

    jax.tree.map(one, estimates, wanted)


@pytest.mark.parametrize("name", ["binary", "some groups", "real"])
def test_long_cd_has_the_exact_gradient_in_mean(name):
    v, context = some_states(name), context_of(name)
    batch = conditional.Batch(v, context)
    batch = jax.tree.map(lambda x: jnp.repeat(x, 40, axis=0), batch)
    learner = conditional.contrastive_divergence(k=25, choices=DRAWN)
    state = learner.init(jax.random.key(0), MODELS[name])
    step = jax.jit(jax.vmap(lambda key: learner.step(key, STILL, state, batch)[0].velocity))
    close_in_mean(step(jax.random.split(jax.random.key(1), 40)), exact_gradient(name, v))


def test_persistent_chains_keep_their_contexts_and_are_learned_from_under_them():
    """Each batch is one case alone, so that hardly a chain runs under the batch's context."""
    name, n, n_rounds = "some binary", 20, 30
    v, context = some_states(name), context_of(name)
    first = jax.tree.map(lambda x: jnp.repeat(x, 2 * n, axis=0), context)
    learner = conditional.persistent_contrastive_divergence(first, k=4)

    def gradients(key):
        def body(state, i):
            batch = conditional.Batch(v, context)
            batch = jax.tree.map(lambda x: jnp.repeat(x[i % N_CASES][None], n, axis=0), batch)
            state, _ = learner.step(jax.random.fold_in(key, i), STILL, state, batch)
            return state, state.velocity

        begin = learner.init(key, MODELS[name])
        state, found = jax.lax.scan(body, begin, jnp.arange(N_CASES * n_rounds))
        return state, jax.tree.map(lambda x: x[2 * N_CASES :].mean(0), found)

    state, found = jax.jit(jax.vmap(gradients))(jax.random.split(jax.random.key(2), 20))
    close_in_mean(found, exact_gradient(name, v))
    newest_first = np.repeat([2, 1, 0, 2, 1, 0], n)
    kept = jax.tree.map(
        lambda x: jnp.broadcast_to(x[newest_first], (20, 6 * n, x.shape[1])), context
    )
    jax.tree.map(np.testing.assert_array_equal, state.chains.context, kept)


def test_a_unit_that_is_never_there_learns_nothing_and_is_not_read():
    name = "some groups"
    net, v = MODELS[name], some_states(name)
    never = Context(INPUTS, PRESENT.at[:, 1].set(0.0))
    learner = conditional.contrastive_divergence()
    state = learner.init(jax.random.key(0), net)
    step = jax.jit(learner.step)
    of = slice(3, 6)
    nonsense = conditional.Batch(v.at[:, of].set(jnp.nan), never)
    zeros = conditional.Batch(v.at[:, of].set(0.0), never)
    moved, info = step(jax.random.key(1), passes.hyper(0.5), state, nonsense)
    again, _ = step(jax.random.key(1), passes.hyper(0.5), state, zeros)
    jax.tree.map(np.testing.assert_array_equal, moved, again)
    assert np.isfinite(info.reconstruction_error)
    before, after = (
        [m.rbm.visible.bias, m.rbm.weights.T, m.to_visible.weights] for m in (net, moved.params)
    )
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old[..., of], new[..., of])
        assert not np.array_equal(old, new)


def test_what_depends_on_the_context_is_learned():
    """Three units copy three inputs: a machine without a context can do no better than 3 log 2."""
    x = exact.binary_states(3)
    net = conditional_lib.init(
        jax.random.key(0), units.Bernoulli.zeros(3), units.Bernoulli.zeros(2), n_inputs=3
    )
    learner = conditional.contrastive_divergence()
    batch = conditional.Batch(x, Context(2.0 * x - 1.0))

    def body(state, i):
        return learner.step(
            jax.random.fold_in(jax.random.key(1), i), passes.hyper(0.5), state, batch
        )

    state, _ = jax.lax.scan(body, learner.init(jax.random.key(0), net), jnp.arange(200))
    many = state.params.given(batch.context)
    log_p = jax.vmap(exact.log_prob, (EACH_CASE, 0))(many, x)
    assert float(log_p.mean()) > -0.3


NET, V = MODELS["binary"], jnp.ones((N_CASES, 3))
CD = conditional.contrastive_divergence()


def taught(batch, learner=CD, net=NET):
    return lambda: learner.step(
        jax.random.key(0), STILL, learner.init(jax.random.key(0), net), batch
    )


def pcd(contexts):
    return conditional.persistent_contrastive_divergence(contexts)


REFUSED = {
    "no batch": (taught(V), r"batch: expected conditional.Batch\(visible, context\), got float32"),
    "no context": (taught(conditional.Batch(V, None)), "context: expected arrays with one leading"),
    "contexts of others": (
        taught(conditional.Batch(V, Context(INPUTS[:2]))),
        r"batch: expected visible .* got shape \(3, 3\) and 2 contexts",
    ),
    "one case": (taught(conditional.Batch(V[0], Context(INPUTS))), r"got shape \(3,\) and 3"),
    "masks of others": (
        taught(conditional.Batch(V, Context(INPUTS, PRESENT[:2]))),
        "context: expected arrays with one leading axis of cases",
    ),
    "width of the context": (
        taught(conditional.Batch(V, Context(jnp.ones((3, 5))))),
        "context: expected 2 units in the last axis, got 5",
    ),
    "width": (
        taught(conditional.Batch(jnp.ones((3, 4)), Context(INPUTS))),
        "visible states: expected 3 units in the last axis, got 4",
    ),
    "pixels": (
        taught(conditional.Batch(255 * V, Context(INPUTS))),
        r"visible states: expected values in \[0, 1\]",
    ),
    "a rating that is absent": (
        taught(
            conditional.Batch(jnp.zeros((3, 9)), Context(INPUTS, PRESENT)),
            net=MODELS["some groups"],
        ),
        "visible states: expected one-of-K",
    ),
    "more cases than chains": (
        taught(conditional.Batch(V, Context(INPUTS)), pcd(Context(INPUTS[:2]))),
        "batch: expected at most as many cases as chains, 2, got 3",
    ),
    "no contexts of chains": (lambda: pcd(Context()), "contexts: expected arrays with one leading"),
    "no chains": (lambda: pcd(Context(INPUTS[:0])), "n_chains: expected 1 or more"),
    "means in chains": (
        lambda: conditional.persistent_contrastive_divergence(
            Context(INPUTS), choices=phases.Choices()
        ),
        "persistent chains: expected choices.visible='sample'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_batches_and_contexts_that_do_not_fit_are_refused(name):
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
