"""Feedforward nets: what a stack becomes, what a net says, first weights, refusals."""

import feedforward_nets as nets
import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles_feedforward as oracles
import pytest
from scipy.special import expit

from dbnjax.checks import InputError
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import feedforward
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.feedforward import Feedforward
from dbnjax.units import Bernoulli, Categorical, Gaussian, Rectifier, Relu

KEY = jax.random.key(0)
V = jax.random.uniform(jax.random.key(1), (6, 5))
SIZES = {1: (5, 4), 2: (5, 4, 3), 3: (5, 4, 3, 6)}


def up_pass(layers, v):
    """Probabilities through given weights and biases, in float64."""
    found = []
    for weights, bias in layers:
        v = expit(v @ np.float64(weights) + np.float64(bias))
        found.append(v)
    return found


def assert_states(net, expected, v=V):
    got = feedforward.states(net, v)
    assert len(got) == len(expected)
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_labels", [0, 3])
@pytest.mark.parametrize("depth", SIZES)
def test_an_unrolled_stack_is_its_deterministic_up_pass(depth, n_labels):
    """Of a labelled top machine the rows of the labels are left out, not clamped to anything."""
    stack = machines.stack(2, SIZES[depth], n_labels)
    net = feedforward.unroll(KEY, stack, n_classes=4)
    *below, memory = stack.rbms
    layers = [(rbm.weights, rbm.hidden.bias) for rbm in below]
    layers.append((memory.weights[: SIZES[depth][-2]], memory.hidden.bias))
    assert_states(net, up_pass(layers, np.float64(V)))
    below_the_top = dbn_lib.up_pass(KEY, dbn_lib.untie(stack), V, "mean")
    for mine, theirs in zip(feedforward.states(net, V)[:-1], below_the_top, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    if not n_labels:
        penultimate = (V, *below_the_top)[-1]
        top = rbm_lib.hidden_given_visible(memory, penultimate).mean()
        np.testing.assert_array_equal(feedforward.states(net, V)[-1], top)


@pytest.mark.parametrize("n_labels", [0, 3])
def test_an_untied_net_gives_its_recognition_layers(n_labels):
    net = machines.net(2, SIZES[3], n_labels)
    layers = [(layer.weights, layer.unit.bias) for layer in net.recognition]
    layers.append((net.memory.weights[:3], net.memory.hidden.bias))
    assert_states(feedforward.unroll(KEY, net, 4), up_pass(layers, np.float64(V)))


def test_a_machine_alone_is_a_stack_of_one():
    rbm = machines.binary(2, 5, 4)
    net = feedforward.unroll(KEY, rbm, 4)
    assert_states(net, up_pass([(rbm.weights, rbm.hidden.bias)], np.float64(V)))


def test_every_unit_type_brings_its_own_mean():
    first = rbm_lib.init(KEY, Gaussian.zeros(5), Relu.zeros(4))
    second = rbm_lib.init(KEY, Relu.zeros(4), Bernoulli.zeros(3))
    net = feedforward.unroll(KEY, stack_lib.create((first, second)), 2)
    v = 3.0 * V - 1.0
    below = rbm_lib.hidden_given_visible(first, v).mean()
    assert_states(net, (below, rbm_lib.hidden_given_visible(second, below).mean()), v)


@pytest.mark.parametrize("n_labels", [0, 3])
@pytest.mark.parametrize("make", [machines.stack, machines.net])
def test_an_unrolled_net_has_arrays_of_its_own(make, n_labels):
    """So that its state may be donated and the stack lives on."""
    model = make(2, SIZES[2], n_labels)
    net = feedforward.unroll(KEY, model, 4)
    for array in jax.tree.leaves(net):
        array.delete()
    assert not any(array.is_deleted() for array in jax.tree.leaves(model))


def test_the_softmax_layer_is_new_and_small():
    net = feedforward.unroll(KEY, machines.binary(2, 5, 500), 10)
    again = feedforward.unroll(KEY, machines.binary(2, 5, 500), 10)
    other = feedforward.unroll(jax.random.key(1), machines.binary(2, 5, 500), 10)
    weights = np.asarray(net.output.weights)
    assert weights.shape == (500, 10)
    spread = feedforward.SOFTMAX_SCALE
    # The mean of n normal draws has the deviation s / sqrt(n), their spread s / sqrt(2 n).
    assert abs(weights.mean()) < 5 * spread / np.sqrt(weights.size)
    assert abs(weights.std() - spread) < 5 * spread / np.sqrt(2 * weights.size)
    assert not net.output.unit.bias.any()
    np.testing.assert_array_equal(weights, again.output.weights)
    assert (weights != other.output.weights).all()


@pytest.mark.parametrize("kind", nets.UNITS)
@pytest.mark.parametrize("sizes", [(4,), (4, 3), (4, 3, 2)])
def test_a_net_says_the_softmax_of_what_its_layers_make_of_the_image(kind, sizes):
    net, v = nets.net(kind, sizes), nets.batch().visible
    *hidden, log_p = oracles.states(nets.exact(net), np.float64(v))
    assert_states(net, hidden, v)
    got = feedforward.log_probabilities(net, v)
    np.testing.assert_allclose(got, log_p, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.exp(got).sum(-1), 1.0, rtol=1e-5)


def test_any_number_of_leading_axes():
    net, v = nets.net(), nets.batch(6).visible
    flat = feedforward.log_probabilities(net, v)
    for lead in ((2, 3), (1, 6, 1)):
        got = feedforward.log_probabilities(net, v.reshape(*lead, -1))
        np.testing.assert_allclose(got, flat.reshape(*lead, -1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(feedforward.log_probabilities(net, v[0]), flat[0], rtol=1e-5)
    assert [x.shape for x in feedforward.states(net, v[0])] == [(3,), (2,)]


def test_an_image_of_another_size_is_refused():
    for net in (nets.net(), nets.net(sizes=(4,))):
        with pytest.raises(InputError, match="expected 4 units in the last axis, got 5"):
            feedforward.log_probabilities(net, jnp.ones((2, 5)))


BOUNDS = {
    # The variance of a uniform in [-a, a] is a^2 / 3; n_from times it is what an input's is.
    "custom_of_2006": (feedforward.custom_of_2006, Bernoulli, lambda n, m: 1 / (3 * n)),
    "science_2006": (feedforward.science_2006, Bernoulli, lambda n, m: 0.1**2),
    # 16 times 2 / (n + m): the slope of the logistic function at zero is a quarter of tanh's.
    "glorot": (feedforward.glorot_logistic, Bernoulli, lambda n, m: 16 * 2 / (n + m)),
    "he": (feedforward.he, Rectifier, lambda n, m: 2 / n),
}


@pytest.mark.parametrize(("bound", "unit", "variance"), BOUNDS.values(), ids=BOUNDS)
def test_first_weights_are_uniform_within_their_bound(bound, unit, variance):
    net = feedforward.init(KEY, (40, 90, 50), 10, unit, bound)
    assert [type(layer.unit) for layer in net.hidden] == [unit, unit]
    for layer, (n, m) in zip(net.hidden, ((40, 90), (90, 50)), strict=True):
        assert layer.weights.shape == (n, m)
        most = np.sqrt(3 * variance(n, m))
        check_uniform(layer.weights, most)
        assert not layer.unit.bias.any()
    assert (net.hidden[0].weights[:, :10] != net.hidden[1].weights[:40, :10]).all()
    check_uniform(net.output.weights, 1 / np.sqrt(50))
    assert not net.output.unit.bias.any()


def check_uniform(weights, most):
    """All n within the bound, and 5 deviations of their mean and of their square's mean."""
    relative = np.asarray(weights) / most
    n = relative.size
    assert np.abs(relative).max() <= 1
    assert abs(relative.mean()) < 5 * np.sqrt(1 / 3 / n)
    assert abs((relative**2).mean() - 1 / 3) < 5 * np.sqrt((1 / 5 - 1 / 9) / n)


def test_a_net_without_hidden_layers_is_softmax_regression():
    net = feedforward.init(KEY, (4,), 3)
    assert net.hidden == ()
    assert feedforward.states(net, V[:, :4]) == ()
    assert net.output.weights.shape == (4, 3)


def layer(n_from, n_to, unit=Bernoulli.zeros):
    return Layer(unit(n_to), jnp.zeros((n_from, n_to)))


SOFTMAX = layer(3, 2, Categorical.zeros)
REFUSED = {
    "no softmax": (([layer(5, 3)], layer(3, 2)), "output: expected one softmax group, got Bern"),
    "two groups": (
        ([], Layer(Categorical.zeros(2, n_groups=2), jnp.zeros((3, 4)))),
        "output: expected one softmax group",
    ),
    "layers": (
        ([layer(5, 4), layer(3, 3)], SOFTMAX),
        r"level 2: expected weights of shape \(4, 3\), got \(3, 3\)",
    ),
    "softmax": (([layer(5, 4)], SOFTMAX), r"level 2: expected weights of shape \(4, 2\), got \(3"),
    "units": (
        ([Layer(Bernoulli.zeros(2), jnp.zeros((5, 3)))], SOFTMAX),
        r"level 1: expected weights of shape \(5, 2\), got \(5, 3\)",
    ),
}


@pytest.mark.parametrize(("layers", "message"), REFUSED.values(), ids=REFUSED)
def test_layers_that_do_not_fit_are_refused_in_one_line(layers, message):
    with pytest.raises(InputError, match=message) as caught:
        feedforward.create(*layers)
    assert "\n" not in str(caught.value)
    fitting = feedforward.create([layer(5, 4), layer(4, 3)], SOFTMAX)
    assert isinstance(fitting, Feedforward)


def test_too_few_classes_and_no_sizes_are_refused():
    with pytest.raises(InputError, match=r"n_classes: expected 2 or more, .* got 1"):
        feedforward.unroll(KEY, machines.binary(2, 5, 4), 1)
    with pytest.raises(InputError, match=r"n_classes: expected 2 or more, .* got 1"):
        feedforward.init(KEY, (5, 4), 1)
    with pytest.raises(InputError, match="sizes: expected at least the visible units"):
        feedforward.init(KEY, (), 3)
    with pytest.raises(InputError, match="sizes: expected 1 or more, a whole number, got 0"):
        feedforward.init(KEY, (5, 0), 3)
