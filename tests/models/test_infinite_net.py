"""The infinite directed net with tied weights is a restricted Boltzmann machine.

Sections 2.1 and 3 of the 2006 paper, by enumeration.
"""

from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import oracles_dbn
import pytest

from dbnjax.evaluation import exact
from dbnjax.models import belief_net
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import BeliefNet, Layer
from dbnjax.sampling import gibbs

chain = jax.jit(gibbs.chain, static_argnums=3)
N_VISIBLE, N_HIDDEN = 3, 2
N = 40_000
DATA = np.array([0.3, 0.0, 0.2, 0.05, 0.0, 0.25, 0.15, 0.05])  # a law of the 8 visible states


@pytest.fixture(scope="module")
def rbm():
    return machines.binary(37, N_VISIBLE, N_HIDDEN)


@pytest.fixture(scope="module")
def joint(rbm):
    return machines.joint(rbm)


@partial(jax.jit, static_argnums=(1, 2))
def library_table(layer, n_from, n_to):
    """The library's log p(y | x) over all binary states, `[2^n_from, 2^n_to]`."""
    x, y = exact.binary_states(n_from), exact.binary_states(n_to)
    return belief_net.conditional(layer, x[:, None]).log_prob(y[None])


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_the_unrolled_net_gives_every_state_the_same_probability_at_any_depth(rbm, depth):
    stack = stack_lib.unroll(rbm, depth)
    size = stack.rbms[-1].visible.size
    log_p = exact.log_prob(stack.rbms[-1], exact.binary_states(size))
    for layer in reversed(stack_lib.generative(stack)):
        to = layer.unit.size
        log_p = jax.nn.logsumexp(log_p[:, None] + library_table(layer, size, to), axis=0)
        size = to
    expected = np.log(machines.joint(rbm).visible_marginal)
    np.testing.assert_allclose(log_p, expected, rtol=1e-5, atol=1e-5)


def directed_net(rbm, n_steps):
    """The net of figure 3 cut after full steps, with a start that ignores the weights."""
    down = Layer(rbm.visible, rbm.weights.T)
    up = Layer(rbm.hidden, rbm.weights)
    start = rbm.visible.replace(bias=jnp.zeros(rbm.visible.size))
    return BeliefNet(prior=start, layers=(up, down) * n_steps)


def test_ancestral_sampling_is_gibbs_sampling(rbm, joint):
    net = directed_net(rbm, 2)
    sizes = [N_VISIBLE, N_HIDDEN, N_VISIBLE, N_HIDDEN, N_VISIBLE]
    states = np.split(np.asarray(exact.binary_states(sum(sizes))), np.cumsum(sizes)[:-1], axis=-1)
    log_joint = jax.jit(belief_net.log_joint)(net, [jnp.asarray(x) for x in states])
    p = np.exp(np.float64(log_joint))
    law = p.reshape(-1, 2**N_VISIBLE).sum(0)
    expected = oracles_dbn.after_steps(joint, np.full(8, 1 / 8), 2)
    np.testing.assert_allclose(law, expected, atol=1e-6)
    sample = jax.jit(belief_net.ancestral_sample, static_argnums=2)
    drawn = sample(jax.random.key(1), net, N)[-1]
    walked = chain(
        jax.random.key(2), rbm, gibbs.start(jax.random.key(3), rbm, start_states(N)), 2
    ).visible
    floor = oracles.total_variation_floor(expected, N)
    for samples in (drawn, walked):
        seen = oracles.frequencies(joint.visible.states, samples)
        assert oracles.total_variation(seen, expected) < floor


def start_states(n):
    """Uniform visible states, exactly as many of each."""
    return jnp.tile(exact.binary_states(N_VISIBLE), (n // 8, 1))


def test_a_deep_enough_start_is_forgotten(joint):
    start = np.full(8, 1 / 8)
    distances = [
        oracles.total_variation(oracles_dbn.after_steps(joint, start, k), joint.visible_marginal)
        for k in (0, 1, 2, 4, 8, 16, 40)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.2
    assert distances[-1] < 1e-9


def test_the_posterior_is_factorial_at_every_layer_and_is_the_up_pass(rbm):
    """p(h0, v1, h1 | v0) by Bayes in the net of depth 3, against the chain of up-passes."""
    stack = stack_lib.unroll(rbm, 3)
    down0, down1 = (
        np.exp(np.float64(library_table(layer, layer.weights.shape[0], layer.unit.size)))
        for layer in stack_lib.generative(stack)
    )
    top = machines.joint(stack.rbms[-1]).probability  # p(v1, h1)
    everything = np.einsum("bc,ba,av->vabc", top, down1, down0)  # v0, h0, v1, h1
    posterior = everything / everything.sum((1, 2, 3), keepdims=True)
    up0, up1 = (
        np.exp(np.float64(library_table(layer, layer.weights.shape[0], layer.unit.size)))
        for layer in stack_lib.recognition(stack)
    )
    up2 = top / top.sum(1, keepdims=True)
    up_pass = np.einsum("va,ab,bc->vabc", up0, up1, up2)
    np.testing.assert_allclose(posterior, up_pass, atol=2e-6)
    first = posterior.sum((2, 3)).reshape(8, 2, 2)  # p(h0 | v0) by unit
    product = first.sum(2)[:, :, None] * first.sum(1)[:, None, :]
    np.testing.assert_allclose(first, product, atol=2e-6)


def correlations(joint, v_index, n_layers):
    """<v^t h^t> and <v^(t+1) h^t> along the infinite posterior from one data vector."""
    law = np.eye(8)[v_index]
    hidden = joint.probability / joint.visible_marginal[:, None]
    visible = (joint.probability / joint.hidden_marginal).T  # p(v | h), [Sh, Sv]
    v, h = joint.visible.states, joint.hidden.states
    same, next_up = [], []
    for _ in range(n_layers):
        pair = law[:, None] * hidden
        same.append(v.T @ pair @ h)
        following = pair.sum(0)[:, None] * visible
        next_up.append((h.T @ following @ v).T)
        law = following.sum(0)
    return same, next_up


def test_equations_2_2_to_2_4_telescope_to_3_1(joint):
    v_index, n_layers = 5, 400
    same, next_up = correlations(joint, v_index, n_layers)
    total = np.zeros((N_VISIBLE, N_HIDDEN))
    for t in range(n_layers - 1):
        total += same[t] - next_up[t]  # <h^t (v^t - v^(t+1))>
        total += next_up[t] - same[t + 1]  # <v^(t+1) (h^t - h^(t+1))>
        np.testing.assert_allclose(total, same[0] - same[t + 1], atol=1e-12)
    exact_gradient = oracles.coupling_gradient(joint, np.eye(8)[v_index])  # equation 3.1
    np.testing.assert_allclose(total, exact_gradient, atol=1e-9)
    assert np.abs(exact_gradient).max() > 0.1


def test_each_layers_share_of_equation_2_4_is_its_own_derivative(rbm, joint):
    """Autodiff of log p(v0) in the net of depth 2, its two layers' weights untied."""
    v_index = 5
    v0 = exact.binary_states(N_VISIBLE)[v_index]
    bottom, memory = stack_lib.unroll(rbm, 2).rbms
    h = exact.binary_states(N_HIDDEN)

    def log_p(generative, memory_weights):
        layer = Layer(bottom.visible, generative)
        below = belief_net.conditional(layer, h).log_prob(jnp.broadcast_to(v0, (4, N_VISIBLE)))
        return jax.nn.logsumexp(exact.log_prob(memory.replace(weights=memory_weights), h) + below)

    by_layer, by_memory = jax.jit(jax.grad(log_p, argnums=(0, 1)))(bottom.weights.T, memory.weights)
    same, next_up = correlations(joint, v_index, 400)
    np.testing.assert_allclose(by_layer.T, same[0] - next_up[0], atol=1e-5)  # equation 2.3
    np.testing.assert_allclose(by_memory.T, next_up[0] - same[-1], atol=1e-5)  # the rest of 2.4
    np.testing.assert_allclose(
        (by_layer + by_memory).T, oracles.coupling_gradient(joint, np.eye(8)[v_index]), atol=1e-5
    )


def test_the_difference_of_equation_3_2_is_positive_and_its_second_part_shrinks(joint):
    model = joint.visible_marginal
    kls = [
        oracles_dbn.divergence(oracles_dbn.after_steps(joint, DATA, k), model) for k in range(12)
    ]
    assert (np.diff(kls) < 0).all()
    difference = kls[0] - np.array(kls)
    assert (difference >= 0).all()
    # What separates contrastive divergence's objective from maximum likelihood's vanishes.
    assert kls[-1] < 1e-3 * kls[0]


@pytest.mark.parametrize("k", [1, 4])
def test_k_gibbs_steps_from_the_data_have_the_law_of_p_k(rbm, joint, k):
    counts = np.round(DATA * N).astype(int)
    data = jnp.asarray(np.repeat(joint.visible.states, counts, axis=0), jnp.float32)
    state = gibbs.start(jax.random.key(4), rbm, data)
    walked = chain(jax.random.key(5), rbm, state, k).visible
    expected = oracles_dbn.after_steps(joint, DATA, k)
    seen = oracles.frequencies(joint.visible.states, walked)
    assert oracles.total_variation(seen, expected) < oracles.total_variation_floor(expected, N)


def test_hidden_and_visible_conditionals_are_the_layers_of_the_net(rbm):
    stack = stack_lib.unroll(rbm, 2)
    (up,), (down,) = stack_lib.recognition(stack), stack_lib.generative(stack)
    v, h = exact.binary_states(N_VISIBLE), exact.binary_states(N_HIDDEN)
    np.testing.assert_array_equal(
        belief_net.conditional(up, v).mean(), rbm_lib.hidden_given_visible(rbm, v).mean()
    )
    np.testing.assert_array_equal(
        belief_net.conditional(down, h).mean(), rbm_lib.visible_given_hidden(rbm, h).mean()
    )
