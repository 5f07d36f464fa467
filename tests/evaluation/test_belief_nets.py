"""Likelihoods, posteriors, gradients and bounds of belief nets against enumeration."""

import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.evaluation import belief_nets, bounds
from dbnjax.models import helmholtz
from dbnjax.models.belief_net import BeliefNet, Layer

SHALLOW, DEEP = nets_of_causes.machine(1, 3, 4), nets_of_causes.machine(3, 2, 3, 4)
V = jnp.asarray(machines.states(units.Bernoulli.zeros(4)), jnp.float32)
N = 20_000
machine_of_any_depth = pytest.mark.parametrize("machine", [SHALLOW, DEEP], ids=["one", "two"])


def hidden_first(law):
    """`[n_states, Sv]` of a law, the hidden states as the library counts them."""
    hidden = np.moveaxis(law, -1, 0)
    return np.transpose(hidden, (0, *range(hidden.ndim - 1, 0, -1))).reshape(len(hidden), -1)


@jax.jit
def answers(machine, v):
    net = machine.net
    asked = belief_nets.log_prob(net, v), belief_nets.posterior(net, v)
    return *asked, belief_nets.bound(machine, v), belief_nets.gradient(net, v)


@machine_of_any_depth
def test_a_nets_likelihood_posterior_bound_and_gradient_are_the_oracles(machine):
    net = machine.net
    joint, q = nets_of_causes.joint(net), nets_of_causes.recognised(machine)
    p, n_hidden = joint.reshape(-1, 16).sum(0), joint.ndim - 1
    posterior = joint / p
    log_prob, (states, found), (bound, gap), gradient = answers(machine, V.reshape(2, 8, 4))
    np.testing.assert_allclose(log_prob.ravel(), np.log(p), rtol=1e-5, atol=2e-5)

    expected = hidden_first(posterior)
    np.testing.assert_allclose(found.reshape(16, -1), expected, rtol=1e-4, atol=1e-6)
    upwards = nets_of_causes.layers_of(net)[-2::-1]
    numbers = np.indices([unit.n_states for unit in upwards]).reshape(n_hidden, -1)
    for unit, number, state in zip(upwards, numbers, reversed(states), strict=True):
        np.testing.assert_array_equal(state, machines.states(unit)[number])

    divergence = (q * (np.log(q) - np.log(posterior))).reshape(-1, 16).sum(0)
    np.testing.assert_allclose(gap.ravel(), divergence, rtol=1e-4, atol=3e-5)
    np.testing.assert_allclose(bound.ravel(), np.log(p) - divergence, rtol=1e-5, atol=2e-5)
    assert divergence.min() > 0.01

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6),
        gradient,
        nets_of_causes.delta_rule(net, posterior / 16),
    )


@machine_of_any_depth
def test_sampled_weights_have_the_exact_bound_and_likelihood_as_their_means(machine):
    sample = jax.jit(belief_nets.log_weights, static_argnums=3)
    log_weights = sample(jax.random.key(4), machine, V, N)
    own, tighter = bounds.variational(log_weights), bounds.importance_weighted(log_weights)
    exact = belief_nets.bound(machine, V)
    assert (np.abs(own.value - exact.bound) < 5 * own.standard_error).all()
    distance = np.abs(tighter.value - (exact.bound + exact.gap))
    assert (distance < 5 * tighter.standard_error + 1e-5).all()
    assert (own.standard_error < 0.2 * exact.gap).any()  # so that the two could be told apart


def test_a_net_that_explains_nothing_away_has_a_tight_bound():
    """Without weights the posterior is the prior, which recognition without weights has, too."""
    nothing = jax.tree.map(lambda x: 0.0 * x if x.ndim == 2 else x, helmholtz.tied(DEEP.net))
    found = belief_nets.bound(nothing, V)
    np.testing.assert_allclose(found.gap, 0.0, atol=2e-6)


def test_real_visible_units_have_a_density():
    net = nets_of_causes.net(1, 2, 1, visible=units.Gaussian.zeros(1))
    x = np.linspace(-12.0, 12.0, 2401)
    density = np.exp(belief_nets.log_prob(net, jnp.asarray(x, jnp.float32)[:, None]))
    np.testing.assert_allclose(density.sum() * (x[1] - x[0]), 1.0, atol=1e-4)


def test_learning_by_the_exact_gradient_climbs_to_the_datas_law():
    """A net with two causes for two pixels can have any law of the four states."""
    counts = np.array([7, 3, 2, 8])
    v = jnp.asarray(np.repeat(machines.states(units.Bernoulli.zeros(2)), counts, axis=0))

    def climb(net, _):
        gradient = belief_nets.gradient(net, v)
        return jax.tree.map(lambda p, g: p + 0.5 * g, net, gradient), belief_nets.log_prob(net, v)

    start = jax.tree.map(lambda x: 0.3 * x, nets_of_causes.net(5, 2, 2))
    learnt, log_p = jax.jit(lambda net: jax.lax.scan(climb, net, None, 3000))(start)
    assert (np.diff(log_p.mean(-1)) > -1e-5).all()  # to rounding
    np.testing.assert_allclose(nets_of_causes.joint(learnt).sum(0), counts / 20, atol=1e-3)


LARGE = helmholtz.init(jax.random.key(0), [units.Bernoulli.zeros(n) for n in (4, 20, 10)]).net
BROKEN = DEEP.net.replace(prior=DEEP.net.prior.replace(bias=jnp.full(2, jnp.nan)))
REAL = BeliefNet(units.Gaussian.zeros(2), (Layer(units.Bernoulli.zeros(4), jnp.zeros((2, 4))),))


@pytest.mark.parametrize(
    ("net", "v", "message"),
    [
        (LARGE, V, r"at most 2\^25 .* got 2\^30; use a bound instead"),
        (REAL, V, "got infinitely many"),
        (BROKEN, V, "expected finite"),
        (DEEP.net, jnp.zeros((2, 5)), "visible states: expected 4 units .* got 5"),
        (DEEP.net, V + 0.5, "expected 0 or 1"),
    ],
    ids=["large", "real causes", "NaN", "width", "probabilities"],
)
@pytest.mark.parametrize("ask", [belief_nets.log_prob, belief_nets.posterior])
def test_nets_and_cases_that_do_not_fit_are_refused(ask, net, v, message):
    with pytest.raises(InputError, match=message):
        ask(net, v)
