"""What each machine of a stack is given to learn from."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest

from dbnjax import dbn, stack
from dbnjax.checks import InputError
from dbnjax.evaluation import bounds, exact, exact_nets
from dbnjax.models.belief_net import Layer
from dbnjax.training import greedy
from dbnjax.units import Bernoulli

KEY = jax.random.key(0)
PIXELS = jnp.asarray(np.random.default_rng(0).integers(0, 256, (50, 6)), jnp.uint8)
LABELS = jnp.arange(50) % 3


@pytest.fixture
def below() -> tuple[Layer, ...]:
    keys = jax.random.split(KEY)
    sizes = ((6, 5), (5, 4))
    return tuple(
        Layer(Bernoulli.zeros(n_to), jax.random.normal(key, (n_from, n_to)))
        for key, (n_from, n_to) in zip(keys, sizes, strict=True)
    )


def test_means_are_intensities_and_activation_probabilities(below):
    prepare = greedy.layer_data("mean", "mean", 0)
    v = PIXELS / 255.0
    np.testing.assert_allclose(prepare(KEY, (), PIXELS, LABELS), v, atol=1e-7)
    expected = jax.nn.sigmoid(jax.nn.sigmoid(v @ below[0].weights) @ below[1].weights)
    np.testing.assert_allclose(prepare(KEY, below, PIXELS, LABELS), expected, atol=1e-6)


def test_samples_are_binary_new_each_time_and_right_on_average(below):
    prepare = jax.jit(greedy.layer_data("sample", "sample", 0))
    keys = jax.random.split(KEY, 2000)
    pixels = jax.vmap(lambda key: prepare(key, (), PIXELS[:4], LABELS[:4]))(keys)
    assert set(np.unique(pixels)) == {0.0, 1.0}
    # Six standard errors of a mean of 2,000 binary draws.
    np.testing.assert_allclose(pixels.mean(0), PIXELS[:4] / 255.0, atol=6 * 0.5 / 2000**0.5)
    features = jax.vmap(lambda key: prepare(key, below, PIXELS[:4], LABELS[:4]))(keys)
    assert set(np.unique(features)) == {0.0, 1.0}
    assert (features[0] != features[1]).any()


def test_labels_stand_one_of_k_beside_the_features(below):
    joined = greedy.layer_data("mean", "mean", 3)(KEY, below, PIXELS, LABELS)
    assert joined.shape == (50, 4 + 3)
    np.testing.assert_array_equal(joined[:, 4:], np.eye(3)[np.asarray(LABELS)])


def test_a_net_gets_pixels_and_labels():
    batch = greedy.net_data("mean", 3)(KEY, None, PIXELS, LABELS)
    np.testing.assert_allclose(batch.visible, PIXELS / 255.0, atol=1e-7)
    np.testing.assert_array_equal(batch.labels.argmax(-1), LABELS)
    assert greedy.net_data("mean", 0)(KEY, None, PIXELS, LABELS).labels is None


def test_only_a_labelled_machine_has_a_softmax_group():
    assert greedy.layer(KEY, 6, 4).visible.size == 6
    assert greedy.layer(KEY, 6, 4, 3).visible.size == 9


@pytest.mark.parametrize("how", ["mean", "sample"])
def test_reconstructions_are_of_the_datas_own_kind_and_labels_sampled(how):
    assert greedy.choices(how, 0).visible == how
    assert greedy.choices(how, 3).visible == (how, "sample")


def test_a_stack_is_learned_from_the_bottom_up():
    seen = []

    def learn(level, machine, below):
        seen.append((level, machine.visible.size, len(below)))
        return machine.replace(weights=machine.weights + level)

    stack = greedy.learn_stack(KEY, 6, (5, 4, 3), 2, learn)
    assert seen == [(0, 6, 0), (1, 5, 1), (2, 4 + 2, 2)]
    assert [rbm.weights.shape for rbm in stack.rbms] == [(6, 5), (5, 4), (6, 3)]
    assert float(stack.rbms[2].weights.mean()) == pytest.approx(2.0, abs=0.1)  # what was learned


def test_a_matched_layer_begins_with_the_activities_of_its_data():
    below = greedy.layers_of([machines.binary(0, 6, 4)])
    pixels = np.random.default_rng(0).integers(0, 256, (50, 6), dtype=np.uint8)
    machine = greedy.matched_layer(jax.random.key(0), 3, below, pixels)
    field = pixels / 255.0 @ np.float64(below[0].weights) + np.float64(below[0].unit.bias)
    mean = (1 / (1 + np.exp(-field))).mean(0)
    np.testing.assert_allclose(machine.visible.bias, np.log(mean / (1 - mean)), rtol=1e-4)
    lowest = greedy.matched_layer(jax.random.key(0), 3, (), pixels)
    mean = pixels.mean(0) / 255.0
    np.testing.assert_allclose(lowest.visible.bias, np.log(mean / (1 - mean)), rtol=1e-4)
    assert lowest.weights.shape == (6, 3)


@pytest.mark.parametrize(("n_hidden", "error"), [(6, 1e-5), (40, 0.01)])
def test_a_tied_layer_starts_with_the_log_p_of_the_one_below(n_hidden, error):
    lower = machines.binary(0, 6, 4)
    machine = greedy.tied_layer(greedy.layer(jax.random.key(0), 4, n_hidden), lower)
    net = dbn.untie(stack.create((lower, machine)))
    v = exact.binary_states(6)
    # Exact log p, which no bound exceeds; spare units with small weights cost next to nothing.
    found = exact_nets.log_prob(net, v)
    np.testing.assert_allclose(found, exact.log_prob(lower, v), rtol=0, atol=error)
    log_w = bounds.log_weights(jax.random.key(1), net, v, exact.log_z(machine), 3)
    np.testing.assert_allclose(log_w, jnp.broadcast_to(found, (3, 64)), rtol=0, atol=10 * error)


def test_a_tied_layer_has_a_place_for_all_weights_below():
    with pytest.raises(InputError, match=r"tied layer: expected 6 or more, .* below, got 5; there"):
        greedy.tied_layer(greedy.layer(jax.random.key(0), 4, 5), machines.binary(0, 6, 4))
