"""Whole nets by enumeration against the oracle, and explaining away."""

import itertools

import jax
import jax.numpy as jnp
import machines
import numpy as np
import pytest
from scipy.special import expit

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import exact, exact_nets
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models import stack as stack_lib
from experiments import explaining_away

N_VISIBLE, N_HIDDEN, N_PEN, N_TOP, N_LABELS = 4, 3, 2, 3, 3
PLAIN = machines.net(6, (N_VISIBLE, N_HIDDEN, N_PEN, N_TOP))
LABELLED = machines.net(7, (N_VISIBLE, N_HIDDEN, N_PEN, N_TOP), N_LABELS)
CHOSEN = 1  # the label that is given
ASKED = {
    "plain": (PLAIN, None),
    "labels summed out": (LABELLED, None),
    "labels given": (LABELLED, jnp.eye(N_LABELS)[CHOSEN]),
}
asked = pytest.mark.parametrize(("net", "labels"), ASKED.values(), ids=ASKED)


def penultimate_law(net, labels):
    """p(pen) or p(pen, label), `[Spen]`."""
    law = machines.joint(net.memory).visible_marginal.reshape(2**N_PEN, -1)
    return law.sum(1) if labels is None else law[:, CHOSEN]


def joint_table(net, labels):
    """p(v, h1, pen) or with the label, `[Sv, Sh1, Spen]`, from the oracle's tables."""
    hidden, pen = (machines.states(layer.unit) for layer in net.recognition)
    below = machines.table(net.generative[0], hidden)
    above = machines.table(net.generative[1], pen)
    return np.einsum("p,ph,hv->vhp", penultimate_law(net, labels), above, below)


def recognition_table(net, v):
    """Q(h1, pen | v), `[Sv, Sh1, Spen]`."""
    first = machines.table(net.recognition[0], v)
    second = machines.table(net.recognition[1], machines.states(net.recognition[0].unit))
    return first[:, :, None] * second


@jax.jit
def answers(net, v, labels):
    return (
        exact_nets.log_prob(net, v, labels),
        exact_nets.bound(net, v, labels),
        exact_nets.posterior(net, v, labels),
    )


jitted_log_prob, jitted_bound = jax.jit(exact_nets.log_prob), jax.jit(exact_nets.bound)


@asked
def test_a_nets_likelihood_bound_and_posterior_are_the_oracles(net, labels):
    states = machines.states(net.generative[0].unit)
    v = jnp.asarray(states, jnp.float32).reshape(2, 8, N_VISIBLE)
    table = joint_table(net, labels)
    q = recognition_table(net, states)
    log_p = np.log(table.sum((1, 2)))
    gap = (q * (np.log(q) - np.log(table / table.sum((1, 2), keepdims=True)))).sum((1, 2))

    got, found, ((hidden, pen), probability) = answers(net, v, labels)
    assert got.shape == (2, 8)
    np.testing.assert_allclose(got.ravel(), log_p, rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(found.bound.ravel(), log_p - gap, rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(found.gap.ravel(), gap, rtol=1e-4, atol=3e-5)
    assert gap.min() > 0.01

    assert hidden.shape == (2 ** (N_HIDDEN + N_PEN), N_HIDDEN)
    np.testing.assert_array_equal(hidden[:: 2**N_PEN], machines.states(net.recognition[0].unit))
    np.testing.assert_array_equal(pen[: 2**N_PEN], machines.states(net.recognition[1].unit))
    expected = table / table.sum((1, 2), keepdims=True)
    np.testing.assert_allclose(
        probability.reshape(16, 2**N_HIDDEN, 2**N_PEN), expected, rtol=1e-4, atol=1e-6
    )


def test_the_labels_probabilities_add_up_to_the_images():
    v = jnp.asarray(machines.states(LABELLED.generative[0].unit), jnp.float32)[:, None]
    apart = jitted_log_prob(LABELLED, v, jnp.eye(N_LABELS))
    np.testing.assert_allclose(
        jax.nn.logsumexp(apart, axis=-1), jitted_log_prob(LABELLED, v)[:, 0], atol=2e-5
    )


def test_a_tied_net_is_its_bottom_machine_and_its_bound_is_tight():
    """Equation 4.2 with the true posterior for Q: equality."""
    bottom = machines.binary(17, N_VISIBLE, N_HIDDEN)
    tied = dbn_lib.untie(stack_lib.create((bottom, rbm_lib.transpose(bottom))))
    v = exact.binary_states(N_VISIBLE)
    found = jitted_bound(tied, v)
    np.testing.assert_allclose(found.bound, exact.log_prob(bottom, v), rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(found.gap, 0.0, atol=2e-5)


def zeros_net(sizes):
    rbms = [
        rbm_lib.init(jax.random.key(0), units.Bernoulli.zeros(m), units.Bernoulli.zeros(n))
        for m, n in itertools.pairwise(sizes)
    ]
    return dbn_lib.untie(stack_lib.create(tuple(rbms)))


BROKEN = PLAIN.replace(recognition=jax.tree.map(lambda x: x.at[0].set(jnp.nan), PLAIN.recognition))
V = jnp.zeros((2, N_VISIBLE))
REFUSED = {
    "states": (
        zeros_net((4, 20, 10, 2)),
        V,
        None,
        r"at most 2\^25 .* got 2\^30; use a bound instead",
    ),
    "one machine": (
        zeros_net((4, 2)),
        V,
        None,
        "got a single machine; ask dbnjax.evaluation.exact",
    ),
    "width": (PLAIN, jnp.zeros((2, 5)), None, "visible states: expected 4 units .* got 5"),
    "probabilities": (PLAIN, V + 0.5, None, "expected 0 or 1, got 8 other values such as"),
    "NaN pixels": (PLAIN, V * jnp.nan, None, "visible states: expected finite values, got 8 NaN"),
    "labels' width": (
        LABELLED,
        V,
        jnp.eye(4),
        r"labels: expected one-of-K states \[..., 3\], got shape \(4, 4\)",
    ),
    "no labels": (PLAIN, V, jnp.eye(3), "has no label units"),
    "NaN": (BROKEN, V, None, r"parameters\.recognition\[0\].*: expected finite"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("ask", [exact_nets.log_prob, exact_nets.bound, exact_nets.posterior])
def test_nets_and_cases_that_do_not_fit_are_refused(ask, name):
    net, v, labels, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        ask(net, v, labels)


def test_figure_2_explains_away(capsys):
    result = explaining_away.run(explaining_away.Config())
    e = np.exp(-10.0)
    # Truck and earthquake on or off; the odds of the four explanations of a jump.
    weight = np.array([expit(-20.0), e * expit(0.0), e * expit(0.0), e**2 * expit(20.0)])
    expected = weight / weight.sum()
    np.testing.assert_allclose(result.posterior, expected, rtol=1e-4)
    np.testing.assert_allclose(result.earthquake, expected[2] + expected[3], rtol=1e-4)
    np.testing.assert_allclose(
        result.earthquake_given_truck, expected[3] / (expected[1] + expected[3]), rtol=1e-3
    )
    assert result.correlation < -0.99
    printed = capsys.readouterr().out
    assert "0.4999" in printed
    assert "correlation" in printed
