"""The four read-outs of section 6.2 against enumeration."""

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest
from scipy.special import expit, logsumexp

from dbnjax.checks import InputError
from dbnjax.inference import classify
from dbnjax.models import dbn as dbn_lib

N_PEN, N_LABELS = 3, 4
NET = machines.net(6, (5, 4, N_PEN, 3), N_LABELS)
KEY = jax.random.key(2)
V = jax.random.uniform(jax.random.key(1), (6, 5))
N = 20_000
stochastic = jax.jit(classify.stochastic)


def label_log_probabilities(memory, penultimate):
    """log p(label | penultimate) by summing over every top state: `[n, n_labels]`."""
    tops = machines.states(memory.hidden)
    weights = np.float64(memory.weights)
    joined = np.concatenate(
        [np.repeat(penultimate, N_LABELS, 0), np.tile(np.eye(N_LABELS), (len(penultimate), 1))], 1
    )
    biases = np.concatenate([np.float64(part.bias) for part in memory.visible.parts])
    score = (joined @ biases)[:, None] + tops @ np.float64(memory.hidden.bias)
    score = logsumexp(score + joined @ weights @ tops.T, axis=1).reshape(-1, N_LABELS)
    return score - logsumexp(score, axis=1, keepdims=True)


def test_the_exact_distribution_over_labels_is_brute_force_enumeration():
    penultimate = np.random.default_rng(1).uniform(size=(7, N_PEN))
    got = classify.log_label_probabilities(NET.memory, jnp.asarray(penultimate, jnp.float32))
    expected = label_log_probabilities(NET.memory, penultimate)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-5)
    joint = dbn_lib.log_joint(NET.memory, jnp.asarray(oracles.binary_states(N_PEN), jnp.float32))
    table = machines.joint(NET.memory)
    np.testing.assert_allclose(
        joint, -table.free_energy.reshape(-1, N_LABELS), rtol=1e-5, atol=2e-5
    )


def test_the_deterministic_read_out_puts_probabilities_through_the_recognition_weights():
    state = np.float64(V)
    for layer in NET.recognition:
        state = expit(state @ np.float64(layer.weights) + np.float64(layer.unit.bias))
    expected = label_log_probabilities(NET.memory, state)
    np.testing.assert_allclose(classify.deterministic(NET, V), expected, rtol=1e-5, atol=2e-5)


def expectation(transform):
    """E over stochastic up-passes from V[0] of a function of log p(label), and its spread."""
    law = machines.penultimate_given_visible(NET, np.float64(V[0]))
    value = transform(label_log_probabilities(NET.memory, oracles.binary_states(N_PEN)))
    mean = law @ value
    return mean, np.sqrt(law @ (value - mean) ** 2)


def test_the_stochastic_read_out_has_its_exact_expectation():
    got = stochastic(KEY, NET, jnp.broadcast_to(V[0], (N, 5)))
    for transform in (np.exp, lambda x: x):
        mean, spread = expectation(transform)
        error = np.abs(transform(np.float64(got)).mean(0) - mean)
        assert (error < 5 * spread / np.sqrt(N) + 1e-5).all()
        assert (spread > 0.01).any()


def test_the_averaged_read_out_is_the_mean_of_its_passes():
    got = jax.jit(classify.averaged, static_argnums=3)(KEY, NET, V, 5)
    passes = [stochastic(jax.random.fold_in(KEY, i), NET, V) for i in range(5)]
    np.testing.assert_allclose(got.log_probabilities, np.mean(passes, axis=0), rtol=1e-5)
    np.testing.assert_allclose(got.probabilities, np.mean(np.exp(passes), axis=0), rtol=1e-5)
    assert np.ptp(passes, axis=0).max() > 0.01


def test_the_gibbs_read_out_sums_the_label_probabilities_of_its_chain():
    """On a bare memory, whose up-pass draws nothing: exact means at every iteration."""
    net = dbn_lib.untie(machines.stack(6, (N_PEN, 3), N_LABELS))
    memory, penultimate = net.memory, np.array([1.0, 0.0, 1.0])
    tops = machines.states(memory.hidden)
    weights = np.float64(memory.weights)
    to_labels = weights[N_PEN:]
    field = penultimate @ weights[:N_PEN] + np.float64(memory.hidden.bias)

    def top_law(label):  # [..., n_labels] to the law of the top units
        on = expit(field + label @ to_labels)[..., None, :]
        return np.where(tops == 1, on, 1 - on).prod(-1)

    logits = tops @ to_labels.T + np.float64(memory.visible.parts[1].bias)
    label_law = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    kernel = top_law(np.eye(N_LABELS)) @ label_law
    law = top_law(np.full(N_LABELS, 1 / N_LABELS)) @ label_law
    total, run = np.zeros(N_LABELS), jax.jit(classify.gibbs, static_argnums=3)
    batch = jnp.broadcast_to(jnp.asarray(penultimate, jnp.float32), (N, N_PEN))
    for n_steps in (1, 2, 3):
        total, law = total + law, law @ kernel
        scores = np.float64(run(KEY, net, batch, n_steps))
        assert (scores % 1 > 0).all()  # probabilities are summed, not drawn labels
        got = scores.mean(0)
        # Each iteration's probabilities lie in [0, 1]: their sum spreads by n_steps / 2 at most.
        np.testing.assert_allclose(got, total, rtol=0, atol=5 * 0.5 * n_steps / np.sqrt(N))
    # Summed for long, it is the exact distribution that the other read-outs compute.
    exact = np.exp(label_log_probabilities(memory, penultimate[None])[0])
    np.testing.assert_allclose(np.linalg.matrix_power(kernel, 200)[0], exact, atol=1e-6)
    long = np.float64(run(KEY, net, batch[:200], 400)).mean(0) / 400
    np.testing.assert_allclose(long, exact, atol=0.02)


READ_OUTS = {
    "deterministic": classify.deterministic,
    "stochastic": lambda net, v: classify.stochastic(KEY, net, v),
    "averaged": lambda net, v: classify.averaged(KEY, net, v, n_passes=3).probabilities,
    "gibbs": lambda net, v: classify.gibbs(KEY, net, v, n_steps=3),
}


@pytest.mark.parametrize("name", READ_OUTS)
def test_inference_uses_the_recognition_weights_and_never_the_generative_ones(name):
    read = jax.jit(READ_OUTS[name])
    many = jnp.tile(V, (20, 1))
    scores = read(NET, many)
    assert scores.shape == (120, N_LABELS)
    changed = NET.replace(generative=jax.tree.map(lambda x: x + 1.0, NET.generative))
    np.testing.assert_array_equal(read(changed, many), scores)
    leaves, structure = jax.tree.flatten(NET.recognition)
    for i, leaf in enumerate(leaves):
        new = structure.unflatten([*leaves[:i], leaf - 1.0, *leaves[i + 1 :]])
        assert not np.allclose(read(NET.replace(recognition=new), many), scores)


def test_a_product_of_nets_multiplies_their_probabilities():
    p = np.random.default_rng(0).dirichlet(np.ones(N_LABELS), (3, 2, 5))  # of nets, of cases
    joined = p.prod(0)
    expected = np.log(joined / joined.sum(-1, keepdims=True))
    got = classify.product(jnp.log(jnp.asarray(p, jnp.float32)))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert (got.argmax(-1) != p.mean(0).argmax(-1)).any()
    alone = classify.product(jnp.log(jnp.asarray(p[:1], jnp.float32)))
    np.testing.assert_allclose(alone, np.log(p[0]), rtol=1e-4, atol=1e-5)


def test_a_product_of_very_sure_nets_is_still_a_distribution():
    sure = jnp.array([[0.0, -200.0, -300.0], [-300.0, -200.0, 0.0]])
    np.testing.assert_allclose(np.exp(classify.product(sure)), [0.5, 0.0, 0.5], atol=1e-6)


def test_read_outs_take_any_leading_axes():
    v = V.reshape(2, 3, 5)
    np.testing.assert_allclose(
        classify.deterministic(NET, v).reshape(6, -1), classify.deterministic(NET, V), rtol=1e-5
    )
    for read in READ_OUTS.values():
        assert jax.eval_shape(read, NET, v).shape == (2, 3, N_LABELS)


@pytest.mark.parametrize("name", READ_OUTS)
def test_a_net_without_labels_has_no_read_out(name):
    with pytest.raises(InputError, match="no label units"):
        READ_OUTS[name](machines.net(6, (5, 4, 3)), V)


def test_no_passes_and_no_iterations_are_refused():
    with pytest.raises(InputError, match="passes of the averaged read-out: expected 1 or more"):
        classify.averaged(KEY, NET, V, n_passes=0)
    with pytest.raises(InputError, match="iterations of the Gibbs read-out: expected 1 or more"):
        classify.gibbs(KEY, NET, V, n_steps=0)
