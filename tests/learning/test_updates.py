"""Gradients against autodiff of what they ascend, and the step along them."""

from functools import partial

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles_dbn
import pytest

from dbnjax import units
from dbnjax.learning import phases, updates
from dbnjax.models import belief_net
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.belief_net import Layer
from dbnjax.models.rbm import RBM

N_CASES, N_HIDDEN = 7, 3
SAMPLED = phases.Choices(positive="sample", visible="sample", negative="sample")
AVERAGED = phases.Choices(positive="mean", visible="sample", negative="mean")


def assert_close(got, expected, atol=2e-5, rtol=2e-5):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), got, expected)


def machine_of(visible, hidden):
    weights = 0.3 * jax.random.normal(jax.random.key(5), (visible.size, hidden.size))
    return RBM(visible=visible, hidden=hidden, weights=weights)


MACHINES = {
    "binary": machine_of(cases.BERNOULLI, cases.BERNOULLI),
    "real parts": machine_of(cases.MIXED, cases.ONE_GAUSSIAN),
    "counts and groups": machine_of(units.Concat((cases.POISSON, cases.GROUPS)), cases.BERNOULLI),
    "rectified": machine_of(cases.BERNOULLI, cases.ONE_RELU),
}


@partial(jax.jit, static_argnums=1)
def both_phases(rbm, choices):
    """The two phases of CD-1 from states that the visible units draw without a field."""
    v = rbm.visible.sample(jax.random.key(1), jnp.zeros((N_CASES, rbm.visible.size)))
    positive = phases.positive_phase(jax.random.key(2), rbm, v, choices)
    negative = phases.negative_phase(jax.random.key(3), rbm, positive.hidden_state, 1, choices)
    return positive, negative


@jax.jit
def gradients_and_autodiff(rbm):
    """Both kinds of statistics, each with the gradient of its objective, states held fixed."""
    averaged, sampled = both_phases(rbm, AVERAGED), both_phases(rbm, SAMPLED)

    def free_energies(rbm):
        data, model = (rbm_lib.free_energy(rbm, phase.visible) for phase in averaged)
        return (model - data).mean()

    def energies(rbm):
        data, model = (rbm_lib.energy(rbm, phase.visible, phase.hidden) for phase in sampled)
        return (model - data).mean()

    return (
        [phases.rbm_gradient(*ends, None) for ends in (averaged, sampled)],
        [jax.grad(objective)(rbm) for objective in (free_energies, energies)],
    )


@pytest.mark.parametrize("name", MACHINES)
def test_statistics_are_the_gradient_of_a_difference_of_energies(name):
    """Of free energies where hidden units are averaged, of energies where they are sampled."""
    assert_close(*gradients_and_autodiff(MACHINES[name]), atol=2e-4)


def test_the_phases_may_differ_in_their_number_of_cases():
    rbm = MACHINES["binary"]
    positive, negative = both_phases(rbm, AVERAGED)
    twice = jax.tree.map(lambda x: jnp.concatenate([x, x]), negative)
    assert_close(
        phases.rbm_gradient(positive, twice, None), phases.rbm_gradient(positive, negative, None)
    )


@jax.jit
def layer_and_judged(layer, x):
    y = belief_net.conditional(layer, x).sample(jax.random.key(6))

    def objective(layer):
        return belief_net.conditional(layer, x).log_prob(y).mean()

    return phases.layer_gradient(layer, x, y), jax.grad(objective)(layer)


@pytest.mark.parametrize(
    "unit", [cases.MIXED, cases.ONE_RELU, cases.POISSON], ids=["mixed", "rectified", "counts"]
)
def test_a_layers_gradient_is_that_of_its_mean_log_probability(unit):
    layer = Layer(unit, 0.3 * jax.random.normal(jax.random.key(4), (N_HIDDEN, unit.size)))
    x = jax.random.uniform(jax.random.key(5), (N_CASES, N_HIDDEN))
    assert_close(*layer_and_judged(layer, x), atol=2e-4)


def two_parts():
    """A state at rest, a gradient of ones, and a phase with activities 0.9, 0.5, 0.1."""
    rbm = machines.binary(1, 4, 3)
    ones = jax.tree.map(jnp.ones_like, rbm)
    positive, _ = both_phases(rbm, AVERAGED)
    positive = positive._replace(hidden=jnp.tile(jnp.array([0.9, 0.5, 0.1]), (N_CASES, 1)))
    return updates.initial_state(rbm, centred=False), ones, positive


def test_momentum_accumulates_gradients_and_the_rate_multiplies_once():
    state, ones, positive = two_parts()
    before = state.params
    hyper = updates.hyper(rate=0.1, momentum=0.5)
    for _ in range(3):
        state = updates.ascend(hyper, state, ones, positive)
    assert_close(state.velocity, jax.tree.map(lambda x: 1.75 * x, ones))
    # 0.1 (1 + 1.5 + 1.75); a second multiplication by the rate would leave about 0.3.
    assert_close(state.params, jax.tree.map(lambda x: x + 0.425, before))


def test_decay_acts_on_weights_only_and_inside_the_gradient():
    state, ones, positive = two_parts()
    start = state.params
    nothing = jax.tree.map(jnp.zeros_like, ones)
    state = updates.ascend(updates.hyper(0.1, decay=0.2), state, nothing, positive)
    np.testing.assert_allclose(state.velocity.weights, -0.2 * start.weights, rtol=1e-6)
    np.testing.assert_allclose(state.params.weights, 0.98 * start.weights, rtol=1e-6)
    assert_close((state.params.visible, state.params.hidden), (start.visible, start.hidden), 0, 0)


def test_sparsity_pulls_the_running_mean_over_cases_to_its_target():
    state, ones, positive = two_parts()
    hyper = updates.hyper(0.1, sparsity_target=0.4, sparsity_cost=2.0, averaging=0.5)
    nothing = jax.tree.map(jnp.zeros_like, ones)
    new = updates.ascend(hyper, state, nothing, positive)
    activity = 0.5 * 0.5 + 0.5 * np.array([0.9, 0.5, 0.1])
    np.testing.assert_allclose(new.activity, activity, rtol=1e-6)
    moved = np.asarray(new.params.hidden.bias - state.params.hidden.bias)
    np.testing.assert_allclose(moved, 0.2 * (0.4 - activity), rtol=1e-5, atol=1e-7)
    assert moved[0] < 0 < moved[2]
    assert_close(new.params.weights, state.params.weights, 0, 0)
    # A batch in which every case stands twice has the same mean.
    doubled = jax.tree.map(lambda x: jnp.concatenate([x, x]), positive)
    assert_close(updates.ascend(hyper, state, nothing, doubled).params, new.params, 1e-7)


def centred_state(rbm, mu, la):
    state = updates.initial_state(rbm, centred=True)
    return state._replace(offsets=phases.Offsets(jnp.float32(mu), jnp.float32(la)))


MU, LA = np.array([0.2, 0.9, 0.5, 0.35]), np.array([0.7, 0.1, 0.4])


def test_a_centred_step_is_that_of_an_independently_written_centred_machine():
    rbm = machines.binary(17, 4, 3)
    positive, negative = both_phases(rbm, AVERAGED)
    state = centred_state(rbm, MU, LA)
    gradient = phases.rbm_gradient(positive, negative, state.offsets)
    new = updates.ascend(updates.hyper(0.3), state, gradient, positive).params
    plain = [np.float64(x) for x in (rbm.visible.bias, rbm.hidden.bias, rbm.weights)]
    ends = (np.float64(positive.visible), np.float64(negative.visible))
    expected = oracles_dbn.centred_step(oracles_dbn.centre(*plain, MU, LA), MU, LA, *ends, 0.3)
    assert_close((new.visible.bias, new.hidden.bias, new.weights), expected, 1e-5)
    uncentred = oracles_dbn.centred_step(oracles_dbn.Centred(*plain), 0 * MU, 0 * LA, *ends, 0.3)
    assert np.abs(np.asarray(new.weights) - uncentred[2]).max() > 0.01


def test_offsets_of_zero_are_the_plain_step():
    rbm = machines.binary(17, 4, 3)
    positive, negative = both_phases(rbm, AVERAGED)
    state = centred_state(rbm, 0 * MU, 0 * LA)
    hyper = updates.hyper(0.3, momentum=0.5, decay=0.1)
    steps = [
        updates.ascend(hyper, s, phases.rbm_gradient(positive, negative, s.offsets), positive)
        for s in (state, updates.initial_state(rbm, centred=False))
    ]
    assert_close(steps[0].params, steps[1].params, 1e-6)


def test_moving_the_offsets_changes_no_probability():
    rbm = machines.binary(17, 4, 3)
    positive, negative = both_phases(rbm, AVERAGED)
    state = centred_state(rbm, MU, LA)
    gradient = phases.rbm_gradient(positive, negative, state.offsets)
    new = updates.ascend(updates.hyper(0.0, averaging=0.25), state, gradient, positive)
    assert_close(new.params, rbm, 0, 0)
    expected = 0.75 * MU + 0.25 * np.asarray(positive.visible).mean(0)
    np.testing.assert_allclose(new.offsets.visible, expected, rtol=1e-5)
    expected = np.asarray(state.activity) * 0.75 + 0.25 * np.asarray(positive.hidden).mean(0)
    np.testing.assert_allclose(new.offsets.hidden, expected, rtol=1e-5)


def test_a_centred_step_moves_real_units_by_the_field_that_it_takes_away():
    """After a step on W alone, every conditional moved by (h - lambda) dW^T, (v - mu) dW."""
    rbm = machine_of(cases.GAUSSIAN, cases.BERNOULLI)
    mu, la = jnp.array([0.4, -1.0]), jnp.array([0.5, 0.2, 0.8])
    state = centred_state(rbm, mu, la)
    change = jax.random.normal(jax.random.key(1), rbm.weights.shape)
    gradient = jax.tree.map(jnp.zeros_like, rbm).replace(weights=change)
    positive, _ = both_phases(rbm, AVERAGED)
    new = updates.ascend(updates.hyper(0.1), state, gradient, positive).params
    h, v = jnp.array([1.0, 0.0, 1.0]), jnp.array([0.7, 2.0])
    assert_close(
        rbm_lib.visible_given_hidden(new, h).mean(),
        rbm.visible.mean(h @ rbm.weights.T + 0.1 * (h - la) @ change.T),
    )
    assert_close(
        rbm_lib.hidden_given_visible(new, v).mean(),
        rbm.hidden.mean(v @ rbm.weights + 0.1 * (v - mu) @ change),
    )


def test_units_without_an_energy_still_learn():
    rbm = machine_of(units.Gaussian.zeros(2), cases.NOISY_RELU)
    positive, negative = both_phases(rbm, phases.Choices("sample", "mean", "sample"))
    gradient = phases.rbm_gradient(positive, negative, None)
    expected = positive.visible.T @ positive.hidden - negative.visible.T @ negative.hidden
    assert_close(gradient.weights, expected / N_CASES)
    assert_close(gradient.hidden.bias, (positive.hidden - negative.hidden).mean(0))
