"""Bounds on log p(v) of a net and the pseudo-likelihood of a machine, against enumeration."""

import functools

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
from scipy.special import logsumexp

from dbnjax import numerics, units
from dbnjax.checks import InputError
from dbnjax.evaluation import bounds
from dbnjax.models.belief_net import Layer
from dbnjax.models.dbn import DBN
from dbnjax.models.rbm import RBM

SIZES = (3, 2, 3, 2)  # visible, first hidden, penultimate, top
N_LABELS, N = 3, 4000
NETS = {"plain": machines.net(5, SIZES), "labels": machines.net(9, SIZES, N_LABELS)}
KEY = jax.random.key(0)
draw = jax.jit(bounds.log_weights, static_argnames="n_samples")
LABEL = jnp.array([0.0, 1.0, 0.0])

# The net, what is asked about, and the label that is given.
QUESTIONS = {
    "p(v)": ("plain", None),
    "p(v), labels summed out": ("labels", None),
    "p(v, label)": ("labels", LABEL),
}


class Exact:
    """Every path through the directed layers from every v, as tables `[Sv, Sh1, Spen]`."""

    def __init__(self, dbn, label):
        (up_1, up_2), (down_1, down_2) = dbn.recognition, dbn.generative
        self.v = machines.states(down_1.unit)
        h1, pen = machines.states(up_1.unit), machines.states(up_2.unit)
        memory = machines.joint(dbn.memory)
        self.log_z = memory.log_z
        log_top = -memory.free_energy.reshape(len(pen), -1)
        which = slice(None) if label is None else [int(np.argmax(label))]
        log_top = logsumexp(log_top[:, which], axis=1) - self.log_z
        log_p = (
            np.log(machines.table(down_1, h1)).T[:, :, None]
            + np.log(machines.table(down_2, pen)).T
            + log_top
        )
        log_q = np.log(machines.table(up_1, self.v))[:, :, None] + np.log(machines.table(up_2, h1))
        self.q, self.log_w = np.exp(log_q), log_p - log_q
        self.log_p = logsumexp(log_p, axis=(1, 2))
        self.bound = (self.q * self.log_w).sum((1, 2))

    def spread(self, x):
        """Standard deviation over recognition passes of a function of them, `[Sv]`."""
        mean = (self.q * x).sum((1, 2), keepdims=True)
        return np.sqrt((self.q * (x - mean) ** 2).sum((1, 2)))


@functools.cache
def question(name):
    net, label = QUESTIONS[name]
    exact = Exact(NETS[net], label)
    v = jnp.asarray(exact.v, jnp.float32)
    labels = None if label is None else jnp.broadcast_to(label, (len(v), N_LABELS))
    return exact, draw(KEY, NETS[net], v, exact.log_z, n_samples=N, labels=labels)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_weights_have_the_expectation_p(name):
    exact, log_weights = question(name)
    assert log_weights.shape == (N, len(exact.v))
    error = np.abs(np.exp(np.float64(log_weights)).mean(0) - np.exp(exact.log_p))
    assert (error < 5 * exact.spread(np.exp(exact.log_w)) / np.sqrt(N) + 1e-6).all()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_variational_bound_is_equation_4_2_with_its_error(name):
    exact, log_weights = question(name)
    got = bounds.variational(log_weights)
    spread = exact.spread(exact.log_w) / np.sqrt(N)
    assert (np.abs(got.value - exact.bound) < 5 * spread + 1e-5).all()
    np.testing.assert_allclose(got.standard_error, spread, rtol=0.2)
    assert (spread > 1e-3).all()


@pytest.mark.parametrize("name", QUESTIONS)
def test_more_weights_raise_the_bound_towards_log_p(name):
    exact, log_weights = question(name)
    means, errors = [exact.bound], []
    for k in (5, 50):
        groups = log_weights.reshape(N // k, k, -1).swapaxes(0, 1)
        value = np.float64(bounds.importance_weighted(groups).value)
        means.append(value.mean(0))
        errors.append(value.std(0) / np.sqrt(N // k))
    assert (means[1] - means[0] > 5 * errors[0]).all()
    assert (means[2] - means[1] > 3 * errors[1]).all()
    assert (means[2] < exact.log_p + 3 * errors[1]).all()


def test_a_bound_stays_one_where_the_recognition_pass_hardly_ever_goes():  # F24
    """q(h = 1 | v) = 1e-12, while nearly all of p(v) lies there.

    One of these draws has 24 leading bits of 0. If it were a 1, so would be one in 2^24 instead of
    one in 1e12, and its weight of 5e11 would lift the mean of all weights above p(v).
    """
    n, key, one = 2**16, jax.random.key(118), units.Bernoulli.zeros(1)
    drawn_by = jax.random.fold_in(jax.random.fold_in(key, 0), 0)
    assert (numerics.uniform(drawn_by, (n, 1)) == 0).sum() == 1
    rare = units.Bernoulli(jnp.full(1, -27.631021))
    net = DBN(
        recognition=(Layer(rare, jnp.zeros((1, 1))),),
        generative=(Layer(units.Bernoulli(jnp.full(1, -20.0)), jnp.full((1, 1), 40.0)),),
        memory=RBM(one, one, jnp.zeros((1, 1))),
    )
    log_p = np.log(0.5)  # h is a fair coin, and v is h
    log_w = draw(key, net, jnp.ones((n, 1)), np.log(4.0), n_samples=1)[0]
    assert logsumexp(np.float64(log_w)) - np.log(n) < log_p
    assert np.float64(log_w).mean() < log_p


def test_a_net_without_directed_layers_needs_no_bound():
    net = machines.net(4, (4, 3))
    joint = machines.joint(net.memory)
    v = jnp.asarray(joint.visible.states, jnp.float32).reshape(2, 8, 4)
    got = bounds.variational(draw(KEY, net, v, joint.log_z, n_samples=2))
    exact = -joint.free_energy - joint.log_z
    np.testing.assert_allclose(got.value.reshape(-1), exact, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(got.standard_error, 0.0)


def test_the_labels_of_p_v_are_the_sum_of_p_v_label():
    net, v = NETS["labels"], jnp.asarray(Exact(NETS["labels"], None).v, jnp.float32)
    each = [
        draw(KEY, net, v, 1.5, n_samples=3, labels=jnp.broadcast_to(label, (len(v), N_LABELS)))
        for label in jnp.eye(N_LABELS)
    ]
    summed = draw(KEY, net, v, 1.5, n_samples=3)
    np.testing.assert_allclose(summed, logsumexp(np.float64(each), axis=0), rtol=1e-5, atol=1e-5)


def memory_of_nan():
    net = NETS["plain"]
    return net.replace(memory=net.memory.replace(weights=net.memory.weights.at[0, 0].set(np.nan)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((NETS["plain"], jnp.zeros((2, 3)), 0.0, 0), "samples: expected 1 or more, a whole number"),
        ((NETS["plain"], jnp.zeros((2, 4)), 0.0, 1), "expected 3 units in the last axis, got 4"),
        ((NETS["plain"], jnp.zeros((2, 3)), np.nan, 1), "log Z: expected finite values"),
        (
            (memory_of_nan(), jnp.zeros((2, 3)), 0.0, 1),
            "memory.weights: expected finite",
        ),
        ((NETS["plain"], jnp.zeros((2, 3)), 0.0, 1, jnp.eye(2)), "this net has no label units"),
        (
            (NETS["labels"], jnp.zeros((2, 3)), 0.0, 1, jnp.eye(2)),
            r"labels: expected one-of-K states \[..., 3\]",
        ),
    ],
    ids=["samples", "width", "log z", "nan", "no labels", "other labels"],
)
def test_what_cannot_be_bounded_is_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        bounds.log_weights(KEY, *arguments)
    assert "\n" not in str(caught.value)


def test_one_sample_has_no_error():
    with pytest.raises(InputError, match="samples for a bound with an error: expected 2 or more"):
        bounds.variational(jnp.zeros((1, 4)))


@pytest.mark.parametrize("hidden", ["BERNOULLI", "GAUSSIAN"])
def test_the_pseudo_likelihood_is_every_unit_given_the_others(hidden):
    unit = getattr(cases, hidden)
    weights = jnp.asarray(np.random.default_rng(3).normal(0.0, 0.8, (4, unit.size)), jnp.float32)
    rbm = RBM(machines.binary(2, 4, 1).visible, unit, weights)
    joint = machines.joint(rbm)
    law = joint.visible_marginal.reshape(2, 2, 2, 2)
    exact = sum(np.log(law / law.sum(i, keepdims=True)) for i in range(4)).reshape(2, 8)
    v = jnp.asarray(joint.visible.states, jnp.float32).reshape(2, 8, 4)
    np.testing.assert_allclose(bounds.pseudo_log_likelihood(rbm, v), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("rbm", "v", "message"),
    [
        (machines.labelled(1, 2, 2, 2), np.zeros((1, 4)), "binary visible units, got Concat"),
        (machines.binary(1, 3, 2), np.full((1, 3), 0.5), "expected 0 or 1, got 3 other values"),
        (machines.binary(1, 3, 2), np.zeros((1, 4)), "expected 3 units in the last axis, got 4"),
    ],
    ids=["labels", "probabilities", "width"],
)
def test_only_binary_states_have_a_pseudo_likelihood(rbm, v, message):
    with pytest.raises(InputError, match=message):
        bounds.pseudo_log_likelihood(rbm, jnp.asarray(v))


def test_a_machine_of_nan_has_no_pseudo_likelihood():
    rbm = machines.binary(1, 3, 2)
    broken = rbm.replace(weights=rbm.weights.at[0, 0].set(jnp.nan))
    with pytest.raises(InputError, match="weights: expected finite"):
        bounds.pseudo_log_likelihood(broken, jnp.zeros((1, 3)))
