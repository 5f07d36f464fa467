"""Untying, the passes of a deep belief net, and the tied start of an added layer."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax.checks import InputError
from dbnjax.evaluation import exact
from dbnjax.inference import classify, features
from dbnjax.models import belief_net
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib

KEY = jax.random.key(7)
V = jax.random.uniform(jax.random.key(8), (6, 5))
N_STATES, N_BOUND_STEPS = 16, 30


@pytest.fixture(scope="module")
def stack():
    return machines.stack(1, (5, 4, 3, 2), n_labels=3)


def test_untying_puts_each_bias_where_it_belongs(stack):
    net, (first, second, top) = dbn_lib.untie(stack), stack.rbms
    wanted = [
        (net.recognition[0].unit.bias, first.hidden.bias),
        (net.generative[1].unit.bias, second.visible.bias),  # the same layer, looking down
        (net.recognition[1].unit.bias, second.hidden.bias),
        (net.memory.visible.parts[0].bias, top.visible.parts[0].bias),
        (net.generative[0].unit.bias, first.visible.bias),
        (net.memory.hidden.bias, top.hidden.bias),
    ]
    for got, expected in wanted:
        np.testing.assert_array_equal(got, expected)
    for layer, machine in zip(net.generative, stack.rbms, strict=False):
        np.testing.assert_array_equal(layer.weights, machine.weights.T)


def test_untying_changes_no_output(stack):
    net = dbn_lib.untie(stack)
    for how in ("mean", "sample"):
        upward = belief_net.propagate(KEY, stack_lib.recognition(stack), V, how)
        assert all(map(np.array_equal, dbn_lib.up_pass(KEY, net, V, how), upward))
    penultimate = upward[-1]
    tied = dbn_lib.DBN(stack_lib.recognition(stack), stack_lib.generative(stack), stack.rbms[-1])

    @jax.jit
    def outputs(net):
        return (
            dbn_lib.down_pass(KEY, net, penultimate),
            classify.deterministic(net, V),
            classify.stochastic(KEY, net, V),
            features.reconstruct(KEY, net, V, 2, "sample"),
        )

    assert jax.tree.all(jax.tree.map(np.array_equal, outputs(tied), outputs(net)))


def test_a_net_that_has_not_learned_is_tied_again(stack):
    net = dbn_lib.untie(stack)
    assert dbn_lib.is_tied(net)
    assert jax.tree.all(jax.tree.map(np.array_equal, dbn_lib.tie(net), stack))
    first, *others = net.recognition
    learned = first.replace(weights=first.weights.at[0, 0].add(1.0))
    assert not dbn_lib.is_tied(net.replace(recognition=(learned, *others)))


def test_an_untied_net_owns_its_arrays_and_can_be_donated(stack):
    before = jax.tree.map(np.array, stack)
    net = dbn_lib.untie(stack)
    buffers = [x.unsafe_buffer_pointer() for x in jax.tree.leaves((net, stack))]
    assert len(set(buffers)) == len(buffers)
    jax.jit(lambda n: jax.tree.map(lambda x: x + 1.0, n), donate_argnums=0)(net)
    assert all(x.is_deleted() for x in jax.tree.leaves(net))
    assert jax.tree.all(jax.tree.map(np.array_equal, before, stack))


def test_the_down_pass_samples_hidden_layers_and_leaves_the_pixels_a_mean(stack):
    net = dbn_lib.untie(stack)
    start = jnp.ones((200, 3))
    penultimate, hidden, visible = dbn_lib.down_pass(KEY, net, start)
    assert np.array_equal(penultimate, start)
    assert set(np.unique(hidden)) == {0.0, 1.0}
    np.testing.assert_array_equal(visible, belief_net.conditional(net.generative[0], hidden).mean())


def test_a_bare_memory_passes_its_input_through():
    net = dbn_lib.untie(machines.stack(1, (5, 4)))
    assert dbn_lib.up_pass(KEY, net, V, "sample") == ()
    (state,) = dbn_lib.down_pass(KEY, net, V)
    assert state is V


def test_labels_join_and_split(stack):
    memory, penultimate = stack.rbms[-1], jnp.ones((2, 4, 3))
    joined = dbn_lib.join_labels(penultimate, jnp.eye(3)[1])
    assert joined.shape == (2, 4, 6)
    back, labels = dbn_lib.split_labels(memory, joined)
    np.testing.assert_array_equal(back, penultimate)
    np.testing.assert_array_equal(labels, jnp.broadcast_to(jnp.eye(3)[1], (2, 4, 3)))
    assert dbn_lib.join_labels(penultimate, None) is penultimate
    assert dbn_lib.split_labels(machines.binary(1, 3, 2), penultimate)[1] is None


def test_a_net_without_labels_says_so():
    with pytest.raises(InputError, match="no label units"):
        dbn_lib.label_unit(machines.binary(1, 3, 2))


def bound_and_log_p(bottom, added, data):
    """The oracle's bound of equation 4.2 and mean log p(v), in nats, for a law of the data."""
    lower, upper = machines.joint(bottom), machines.joint(added)
    log_prior = -upper.free_energy - upper.log_z  # log p(h), h being visible to the added layer
    log_q = lower.log_hidden_given_visible
    inside = np.exp(log_q) * (log_prior + lower.log_visible_given_hidden - log_q)
    log_p = np.log((np.exp(log_prior) * np.exp(lower.log_visible_given_hidden)).sum(1))
    return data @ inside.sum(1), data @ log_p


@pytest.fixture(scope="module")
def data():
    return np.random.default_rng(2).dirichlet(np.full(N_STATES, 0.5))


def test_the_tied_start_of_an_added_layer_changes_nothing_and_its_bound_is_tight(data):
    bottom = machines.binary(17, 4, 3)
    joint = machines.joint(bottom)
    log_p = data @ np.log(joint.visible_marginal)
    bound, with_added = bound_and_log_p(bottom, rbm_lib.transpose(bottom), data)
    np.testing.assert_allclose([bound, with_added], log_p, atol=1e-12)
    # Every other start loosens it.
    other = rbm_lib.transpose(bottom)
    bound, with_other = bound_and_log_p(bottom, other.replace(weights=other.weights * 0.5), data)
    assert bound < with_other - 0.01


def test_exact_steps_on_the_added_layer_never_lower_the_bound(data):
    bottom = machines.binary(17, 4, 3)
    lower = machines.joint(bottom)
    inferred = jnp.asarray(data @ np.exp(lower.log_hidden_given_visible), jnp.float32)
    h = jnp.asarray(oracles.binary_states(3), jnp.float32)

    @jax.jit
    def ascend(added):
        gradient = jax.grad(lambda m: inferred @ exact.log_prob(m, h))(added)  # equation 4.3
        return jax.tree.map(lambda p, g: p + 0.3 * g, added, gradient)

    added = rbm_lib.transpose(bottom)
    results = [bound_and_log_p(bottom, added, data)]
    for _ in range(N_BOUND_STEPS):
        added = ascend(added)
        results.append(bound_and_log_p(bottom, added, data))
    bounds, log_p = np.array(results).T
    assert (np.diff(bounds) > 0).all()
    assert bounds[-1] > bounds[0] + 0.05
    assert (log_p >= bounds - 1e-12).all()
    assert (log_p >= log_p[0] - 1e-12).all()
