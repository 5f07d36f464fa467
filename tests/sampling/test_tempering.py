"""Parallel tempering: exact swaps, the joint law of all temperatures, and what it is for."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import units
from dbnjax.checks import InputError
from dbnjax.models import path as path_lib
from dbnjax.models import rbm as rbm_lib
from dbnjax.models.rbm import RBM
from dbnjax.sampling import gibbs, ladder, tempering

N, FEW = 30_000, 500
MEAN = jnp.array([0.25, 0.7, 0.4])
BETAS = jnp.array([1.0, 0.6, 0.2])
TARGET = machines.binary(17, 3, 2)


def softmax(visible_bias, hidden_bias, weights):
    return RBM(units.Categorical(visible_bias, 3), units.Categorical(hidden_bias, 3), weights)


PATHS = {
    "base rates": path_lib.from_base_rates(TARGET, MEAN, MEAN),
    "coupled": path_lib.create(machines.binary(4, 3, 2), TARGET),
    "softmax groups": path_lib.create(
        softmax(jnp.arange(3.0), -jnp.ones(3), jnp.eye(3)),
        softmax(jnp.ones(3), jnp.arange(3.0), 2.0 - jnp.eye(3) @ jnp.diag(jnp.arange(3.0))),
    ),
}


step = jax.jit(tempering.step)


@partial(jax.jit, static_argnums=3)
def jitted_ratios(path, betas, v, first):
    return tempering.log_ratio(path, betas, v, path_lib.hidden_fields(path, v), first)


def swap_kernel(log_ratio):
    """Metropolis' swap of two states as a matrix over ordered pairs, from `[S, S]` ratios."""
    n = len(log_ratio)
    accepted = np.exp(np.minimum(np.float64(log_ratio), 0.0))
    kernel = np.zeros((n, n, n, n))
    for x in range(n):
        for y in range(n):
            kernel[x, y, y, x] += accepted[x, y]
            kernel[x, y, x, y] += 1.0 - accepted[x, y]
    return kernel.reshape(n * n, n * n)


def in_float64(path):
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), path)


def pair(path, betas, first):
    """All ordered pairs of states of neighbours, the ratios of the swap, and the law of pairs."""
    path = in_float64(path)
    joints = [machines.joint(path_lib.at(path, beta)) for beta in betas[first : first + 2]]
    states = joints[0].visible.states
    n = len(states)
    v = np.zeros((len(betas), n, n, states.shape[1]))
    v[first], v[first + 1] = states[:, None], states[None]
    ratios = jitted_ratios(path, jnp.asarray(betas), v, first)
    return v, ratios, np.outer(*(joint.visible_marginal for joint in joints)).reshape(-1)


@pytest.mark.parametrize(
    ("name", "first"), [("base rates", 0), ("base rates", 1), ("coupled", 0), ("softmax groups", 1)]
)
def test_swaps_leave_the_law_of_a_pair_unchanged_exactly(name, first):
    with jax.enable_x64(True):
        _, ratios, law = pair(PATHS[name], (1.0, 0.6, 0.2), first)
        np.testing.assert_array_equal(ratios[first], ratios[first + 1])
        assert not np.any(ratios[2 if first == 0 else 0])  # without a partner
    np.testing.assert_allclose(law @ swap_kernel(ratios[first]), law, rtol=0, atol=1e-14)


def scaled_energies(v, betas):
    """What peers have shipped: beta F_1 in place of F_beta."""
    target = in_float64(PATHS["base rates"]).target
    energies = [rbm_lib.free_energy(target, x) for x in v[:2]]
    return (betas[0] - betas[1]) * (energies[0] - energies[1])


def test_the_check_finds_a_wrong_acceptance():
    betas = (1.0, 0.6)
    with jax.enable_x64(True):
        v, ratios, law = pair(PATHS["base rates"], betas, 0)
        wrong = {"beta F_1": scaled_energies(v, betas), "sign": -ratios[0], "half": 0.5 * ratios[0]}
    for name, ratio in wrong.items():
        drift = oracles.total_variation(law @ swap_kernel(ratio), law)
        assert drift > 0.01, name


def test_the_ratio_in_float32_is_that_of_the_tables():
    path = PATHS["base rates"]
    with jax.enable_x64(True):
        v, ratios, _ = pair(path, (1.0, 0.6), 0)
    got = jitted_ratios(path, jnp.array([1.0, 0.6]), jnp.asarray(v, jnp.float32), 0)
    np.testing.assert_allclose(got, ratios, rtol=0, atol=1e-5)


def exact_start(path, n):
    """Chains drawn from the product of the enumerated laws, and that law over visible states."""
    generator = np.random.default_rng(11)
    joints = [machines.joint(path_lib.at(path, beta)) for beta in BETAS]
    hidden, laws = [], []
    for joint in joints:
        hidden.append(oracles.draw_states(generator, joint.hidden.states, joint.hidden_marginal, n))
        laws.append(joint.visible_marginal)
    hidden = jnp.asarray(np.stack(hidden), jnp.float32)
    visible = jnp.zeros((*hidden.shape[:-1], path.target.visible.size))
    law = np.einsum("i,j,k->ijk", *laws).reshape(-1)
    return gibbs.State(visible, hidden), joints, law


@pytest.mark.parametrize("name", PATHS)
def test_steps_leave_the_joint_law_of_all_temperatures_unchanged(name):
    path, key = PATHS[name], jax.random.key(21)
    state, joints, law = exact_start(path, N)
    states = joints[0].visible.states
    rows = np.indices((len(states),) * 3).reshape(3, -1)
    together = np.concatenate([states[i] for i in rows], axis=-1)
    for i in range(16):
        state, _ = step(jax.random.fold_in(key, i), path, BETAS, state)
        if i + 1 not in (1, 4, 16):
            continue
        seen = oracles.frequencies(together, np.concatenate(list(state.visible), axis=-1))
        assert oracles.total_variation(seen, law) < oracles.total_variation_floor(law, N)
        for joint, v, h in zip(joints, *state, strict=True):
            both = oracles.product([joint.visible, joint.hidden]).states
            seen = oracles.frequencies(both, np.concatenate([v, h], axis=-1))
            here = joint.probability.reshape(-1)
            floor = oracles.total_variation_floor(here, N)
            assert oracles.total_variation(seen, here) < floor


def two_modes(coupling=8.0):
    """One half of the visible units on or the other: 0.31 to 0.69, and hardly a way across."""
    side = coupling * jnp.repeat(jnp.array([1.0, -1.0]), 4)
    visible, hidden = units.Bernoulli(-0.5 * side), units.Bernoulli(jnp.array([-0.8]))
    return RBM(visible, hidden, side[:, None])


def in_the_lesser_mode(v):
    return v[..., :4].mean(-1) > v[..., 4:].mean(-1)


def test_it_crosses_between_modes_where_gibbs_sampling_does_not():
    target, n, n_steps = two_modes(), 400, 100
    joint = machines.joint(target)
    exact = joint.visible_marginal[in_the_lesser_mode(joint.visible.states)].sum()
    path = path_lib.from_base_rates(target, jnp.full(8, 0.5), jnp.full(8, 0.25))
    betas, key = jnp.linspace(1.0, 0.0, 6), jax.random.key(3)
    start = gibbs.State(jnp.zeros((6, n, 8)), jnp.zeros((6, n, 1)))  # all in the greater mode
    run = jax.jit(partial(tempering.chain, n_steps=n_steps))
    state, info = run(key, path, betas, start)
    seen = in_the_lesser_mode(state.visible[0]).mean()
    np.testing.assert_allclose(seen, exact, rtol=0, atol=4 * np.sqrt(exact * (1 - exact) / n))
    assert info.acceptance.mean(0).min() > 0.2
    begin = jax.tree.map(lambda x: x[0], start)
    alone = jax.jit(partial(gibbs.chain, n_steps=n_steps))(key, target, begin)
    assert in_the_lesser_mode(alone.visible).mean() < 0.1 * exact


def test_states_are_handed_on_even_pairs_first():
    """One machine at every temperature: every swap is accepted."""
    target = RBM(units.Bernoulli.zeros(2), units.Bernoulli.zeros(1), jnp.zeros((2, 1)))
    path, betas = path_lib.create(target, target), jnp.array([1.0, 0.7, 0.5, 0.1])
    state = gibbs.State(jnp.zeros((4, 5, 2)), jnp.zeros((4, 5, 1)))
    _, info = step(jax.random.key(1), path, betas, state)
    np.testing.assert_array_equal(info.acceptance, np.ones(3))
    np.testing.assert_array_equal(info.source, np.tile([[1], [3], [0], [2]], 5))


@partial(jax.jit, static_argnums=0)
def drawn(given, key, path, betas, states):
    """One layer at every temperature, given the states of the other."""

    def one(key, beta, x):
        return given(path_lib.at(path, beta), x).sample(key)

    with jax.default_matmul_precision("highest"):  # as the steps do
        return jax.vmap(one)(jax.random.split(key, len(betas)), betas, states)


def test_sources_say_whose_states_they_are():
    path, key = PATHS["base rates"], jax.random.key(7)
    state, _, _ = exact_start(path, FEW)
    swapped, info = step(key, path, BETAS, state)
    key_visible = jax.random.split(key, 4)[0]
    before = drawn(rbm_lib.visible_given_hidden, key_visible, path, BETAS, state.hidden)
    carried = np.take_along_axis(np.asarray(before), np.asarray(info.source)[..., None], axis=0)
    np.testing.assert_array_equal(swapped.visible, carried)
    assert set(np.unique(info.source[0])) == {0, 1}  # the odd pair comes after the even one
    assert set(np.unique(info.source[2])) == {0, 1, 2}
    np.testing.assert_array_equal(np.sort(info.source, axis=0), np.tile([[0], [1], [2]], FEW))


@pytest.mark.parametrize("name", ["base rates", "coupled"])
def test_hidden_states_are_drawn_given_the_visible_states_that_arrived(name):
    path, key = PATHS[name], jax.random.key(9)
    start, _, _ = exact_start(path, FEW)
    state, info = step(key, path, BETAS, start)
    expected = drawn(
        rbm_lib.hidden_given_visible, jax.random.split(key, 4)[3], path, BETAS, state.visible
    )
    np.testing.assert_array_equal(state.hidden, expected)
    assert (info.source != np.arange(3)[:, None]).mean() > 0.3


@pytest.mark.parametrize(("name", "n_products"), [("base rates", 2), ("coupled", 4)])
def test_a_step_multiplies_once_in_each_direction_and_in_full_float32(name, n_products):
    start, _, _ = exact_start(PATHS[name], FEW)
    program = jax.make_jaxpr(tempering.step)(jax.random.key(0), PATHS[name], BETAS, start)
    products = [e for e in program.eqns if e.primitive.name == "dot_general"]
    assert len(products) == n_products  # a base with weights is multiplied with as well
    full = jax.lax.Precision.HIGHEST
    assert all(set(product.params["precision"]) == {full} for product in products)


def exact_acceptance(path, betas):
    """The mean acceptance of the swap of each two neighbours, by enumeration."""
    joints = [machines.joint(path_lib.at(path, float(beta))) for beta in betas]
    means = []
    for near, far in itertools.pairwise(joints):
        gain = near.free_energy - far.free_energy
        accepted = np.exp(np.minimum(gain[:, None] - gain[None], 0.0))
        means.append(near.visible_marginal @ accepted @ far.visible_marginal)
    return np.array(means)


def test_the_acceptance_is_that_of_the_tables():
    path = PATHS["base rates"]
    state, _, _ = exact_start(path, N)
    _, info = step(jax.random.key(8), path, BETAS, state)
    exact = exact_acceptance(path, BETAS)
    np.testing.assert_allclose(info.acceptance, exact, rtol=0, atol=4 * 0.5 / np.sqrt(N))


def test_temperatures_respaced_after_a_pilot_leave_no_pair_apart():
    """Modes so sharp that all changes far below 1: even spacing has a pair that hardly swaps."""
    path = path_lib.from_base_rates(two_modes(30.0), jnp.full(8, 0.5), jnp.full(8, 0.25))
    begin = jax.jit(tempering.init, static_argnums=3)
    run = jax.jit(partial(tempering.chain, n_steps=100))
    betas, least = jnp.linspace(1.0, 0.0, 6), []
    for i in range(3):
        least.append(exact_acceptance(path, betas).min())
        start = begin(jax.random.key(i), path, betas, 100)
        _, pilot = run(jax.random.key(10 + i), path, betas, start)
        betas = ladder.respaced(betas, pilot.acceptance[50:].mean(0), 6)
    # The pair that hardly swaps counts for 1, less than it is: the second pilot sees the rest.
    assert least[0] < 0.05
    assert least[1] > 0.4
    assert least[2] > 0.6


def test_a_chain_is_its_steps_with_folded_keys():
    path, key = PATHS["base rates"], jax.random.key(1)
    state, _, _ = exact_start(path, FEW)
    walked, infos = jax.jit(partial(tempering.chain, n_steps=3))(key, path, BETAS, state)
    for i in range(3):
        state, info = step(jax.random.fold_in(key, i), path, BETAS, state)
        np.testing.assert_array_equal(infos.source[i], info.source)
        np.testing.assert_allclose(infos.acceptance[i], info.acceptance, rtol=1e-5)
    assert jax.tree.all(jax.tree.map(np.array_equal, walked, state))


def test_chains_start_as_the_base_does():
    path = PATHS["base rates"]
    state = jax.jit(tempering.init, static_argnums=3)(jax.random.key(0), path, BETAS, N)
    assert state.hidden.shape == (3, N, 2)
    error = 5 * np.sqrt(0.25 / N)
    np.testing.assert_allclose(state.visible.mean(1), np.tile(MEAN, (3, 1)), rtol=0, atol=error)


@pytest.mark.parametrize(
    ("betas", "message"),
    [
        ([1.0], r"expected 2 temperatures or more in one row, got shape \(1,\)"),
        (1.0, r"expected 2 temperatures or more in one row, got shape \(\)"),
        ([], "expected 2 temperatures or more"),
        (
            [1.0, 0.5, -0.1],
            r"^betas: expected temperatures in \[0, 1\], got \[1.0, 0.5, -0.1\d*\]; 1 is the "
            "target and 0 the base, beyond which there are no machines$",
        ),
        ([1.5, 1.0, 0.5], r"betas: expected temperatures in \[0, 1\], got \[1.5, 1.0, 0.5\]; 1 is"),
        ([1.0, np.nan], r"betas: expected temperatures in \[0, 1\], got \[1.0, nan\]; 1 is"),
        ([0.9, 0.5], "expected 1 first, the target's temperature, got 0.9"),
        ([0.2, 0.5, 1.0], "expected 1 first, the target's temperature, got 0.2"),
        ([1.0, 0.5, 0.5], "expected each below the one before it"),
    ],
)
def test_temperatures_that_cannot_be_are_refused(betas, message):
    with pytest.raises(InputError, match=message) as caught:
        tempering.init(jax.random.key(0), PATHS["base rates"], jnp.asarray(betas), 4)
    assert "\n" not in str(caught.value)


def test_no_chains_are_refused():
    with pytest.raises(InputError, match="n_chains: expected 1 or more"):
        tempering.init(jax.random.key(0), PATHS["base rates"], BETAS, 0)


def test_a_temperature_without_a_finite_z_is_refused():
    units_of = lambda variance: units.Gaussian.zeros(1).match(0 * variance, variance)  # noqa: E731
    target = RBM(units_of(jnp.full(1, 0.01)), units_of(jnp.ones(1)), jnp.full((1, 1), 9.0))
    path = path_lib.from_base_rates(target, jnp.zeros(1), jnp.ones(1))
    with pytest.raises(InputError, match=r"path at beta = 0\.5: this machine cannot be normal"):
        tempering.init(jax.random.key(0), path, jnp.array([1.0, 0.5]), 3)


def test_states_of_another_width_are_refused():
    state = gibbs.State(jnp.zeros((3, 4, 3)), jnp.zeros((3, 4, 5)))
    with pytest.raises(InputError, match="hidden states: expected 2 units in the last axis, got 5"):
        tempering.step(jax.random.key(0), PATHS["base rates"], BETAS, state)
    with pytest.raises(
        InputError, match="visible states: expected 3 units in the last axis, got 2"
    ):
        path_lib.hidden_fields(PATHS["base rates"], jnp.zeros((4, 2)))
