"""Mean field of belief nets: its bound against the exact log p(v) and a search by NumPy."""

import jax
import jax.numpy as jnp
import machines
import nets_of_causes
import numpy as np
import pytest
from scipy.special import logsumexp

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.models.belief_net import BeliefNet, Layer
from dbnjax.sampling import belief_net_mean_field as mean_field

SIZES = (2, 3, 4)
NET = nets_of_causes.net(3, *SIZES)
NETS = {
    f"times {scale}": jax.tree.map(lambda x, scale=scale: scale * x, NET)
    for scale in (0.3, 1.0, 6.0)
}
V = machines.states(units.Bernoulli.zeros(4))
fit = jax.jit(mean_field.fit, static_argnums=2)


def products(means):
    """All states of some binary units and the probability that means give them, `[S, n]`, `[S]`."""
    states = machines.states(units.Bernoulli.zeros(len(means)))
    return states, np.prod(np.where(states == 1, means, 1 - means), axis=-1)


def best_second_moment(layer, means):
    """The smallest xi E z + log(E e^(-xi z) + E e^((1 - xi) z)) of each unit, less xi y, by a grid.

    Returns:
      The bound on E log(1 + e^z) and the true mean, `[n_to]` each.
    """
    states, p = products(means)
    z = states @ np.float64(layer.weights) + np.float64(layer.unit.bias)
    xi = np.linspace(0.0, 1.0, 2001)[:, None, None]
    log_p = np.log(p)[:, None]
    terms = np.logaddexp(logsumexp(log_p - xi * z, axis=1), logsumexp(log_p + (1 - xi) * z, axis=1))
    return (xi[:, 0] * (p @ z) + terms).min(0), p @ np.logaddexp(0.0, z)


def bounds(net, v, means):
    """The bound that is asked for at some means, and the one of the same Q without xi."""
    total = {"xi": 0.0, "exact": 0.0}
    values = [*means, v]
    bias = np.float64(net.prior.bias)
    for kind in total:
        total[kind] += values[0] @ bias - np.logaddexp(0.0, bias).sum()
        total[kind] -= sum((m * np.log(m) + (1 - m) * np.log1p(-m)).sum() for m in means)
    for layer, x, y in zip(net.layers, means, values[1:], strict=True):
        z = x @ np.float64(layer.weights) + np.float64(layer.unit.bias)
        for kind, partition in zip(total, best_second_moment(layer, x), strict=True):
            total[kind] += y @ z - partition.sum()
    return total


@pytest.mark.parametrize("name", NETS)
def test_the_bound_is_the_oracles_and_below_the_likelihood(name):
    net = NETS[name]
    log_p = np.log(nets_of_causes.joint(net).sum((0, 1)))
    drawn = np.random.default_rng(1).uniform(0.02, 0.98, (16, 5)).astype(np.float32)
    means = np.split(drawn, [2], axis=-1)
    found = np.asarray(jax.jit(mean_field.bound)(net, V, means))
    assert (found < log_p).all()
    for i in range(16):
        wanted = bounds(net, V[i], [np.float64(x[i]) for x in means])
        np.testing.assert_allclose(found[i], wanted["xi"], rtol=1e-4, atol=1e-4)
        assert found[i] <= wanted["exact"] + 1e-4


@pytest.mark.parametrize("name", NETS)
def test_no_iteration_lowers_the_bound_and_the_last_is_below_the_likelihood(name):
    net = NETS[name]
    log_p = np.log(nets_of_causes.joint(net).sum((0, 1)))
    found = [fit(net, V, n) for n in (1, 2, 3, 5, 9, 200)]
    reached = np.array([one.bound for one in found])
    scale = np.abs(reached).max()
    assert (np.diff(reached, axis=0) > -1e-5 * scale).all()
    assert (reached < log_p + 1e-6 * scale).all()
    assert (reached[-1] > reached[0] + 1e-4).any()
    assert int(found[-1].n_unconverged) == 0
    assert int(found[-1].n_iterations) < 200
    assert int(found[0].n_iterations) == 1


def test_the_fitted_means_are_no_worse_than_any_on_a_grid():
    """One hidden layer of two units, so that a grid can be searched for each case."""
    net = nets_of_causes.net(8, 2, 3)
    v = machines.states(units.Bernoulli.zeros(3))
    line = np.linspace(0.01, 0.99, 50)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 1, 2)
    lead = np.broadcast_to(grid, (len(grid), len(v), 2))
    ask = jax.jit(mean_field.bound)
    tried = ask(net, np.broadcast_to(v, (len(grid), *v.shape)), (lead.astype(np.float32),))
    best = np.argmax(tried, axis=0)
    found = fit(net, v, 200, start=(grid[best, 0].astype(np.float32),))
    assert (found.bound > np.asarray(tried).max(0) - 1e-5).all()
    np.testing.assert_allclose(found.means[0], grid[best, 0], atol=0.03)


def test_without_weights_between_the_causes_the_bound_is_tight():
    """A posterior that is a product, as of causes with one effect each: only xi is lost."""
    net = nets_of_causes.net(8, 2, 2)
    layer = net.layers[0]
    apart = net.replace(layers=(layer.replace(weights=0.05 * jnp.diag(layer.weights.diagonal())),))
    v = machines.states(units.Bernoulli.zeros(2))
    log_p = np.log(nets_of_causes.joint(apart).sum(0))
    np.testing.assert_allclose(fit(apart, v, 100).bound, log_p, atol=2e-3)


def test_cases_that_do_not_converge_are_counted():
    net = NETS["times 6.0"]
    short, long = fit(net, V, 2), fit(net, V, 200)
    assert int(short.n_iterations) == 2
    assert 0 < int(short.n_unconverged) <= 16
    assert int(long.n_unconverged) == 0
    never = fit(net, V, 3, tolerance=0.0)
    assert int(never.n_iterations) == 3


def test_two_equal_causes_are_told_apart():
    """Figure 2 of the 2006 paper: the posterior has two modes, and a product can have one."""
    net = BeliefNet(
        units.Bernoulli(jnp.full(2, -10.0)),
        (Layer(units.Bernoulli(jnp.full(1, -20.0)), jnp.full((2, 1), 20.0)),),
    )
    found = fit(net, np.ones((1, 1)), 200)
    assert sorted(np.round(found.means[0][0], 2).tolist()) == [0.0, 1.0]
    log_p = np.log(nets_of_causes.joint(net).sum(0)[1])
    one_mode = log_p - np.log(2.0)  # from which xi takes a little
    assert one_mode - 0.05 < float(found.bound[0]) < one_mode + 1e-4


def test_any_leading_axes_and_vmap():
    net, v = NETS["times 1.0"], V.reshape(2, 8, 4)
    whole = fit(net, v, 200)
    assert [x.shape for x in whole.means] == [(2, 8, 2), (2, 8, 3)]
    flat = fit(net, V, 200)
    np.testing.assert_allclose(whole.bound.ravel(), flat.bound, atol=1e-5)
    each = jax.jit(jax.vmap(lambda x: mean_field.fit(net, x).bound))(v)
    np.testing.assert_allclose(each, whole.bound, atol=1e-4)


REAL = BeliefNet(units.Gaussian.zeros(2), NETS["times 1.0"].layers)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_field.fit(REAL, V), "expected binary units, got Gaussian"),
        (lambda: mean_field.fit(NETS["times 1.0"], V[:, :3]), "expected 4 units .* got 3"),
        (lambda: mean_field.fit(NETS["times 1.0"], V, 0), "n_iterations: expected 1 or more"),
        (lambda: mean_field.fit(NETS["times 1.0"], V, 5, -1.0), "tolerance: expected 0 or more"),
        (
            lambda: mean_field.bound(NETS["times 1.0"], V, (np.ones(2),)),
            "means: expected one for each of 2 hidden layers from the top down, got 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
