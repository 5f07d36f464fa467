"""Machines under a context against the machine that is made for each case alone."""

from functools import partial

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import oracles
import pytest

from dbnjax import ais, annealing, conditional, exact, gibbs, rbm, units
from dbnjax import path as path_lib
from dbnjax.checks import InputError
from dbnjax.models.conditional import Context
from dbnjax.models.rbm import RBM

N_CASES, N_INPUTS = 3, 2
DEVIATIONS = 5.0
INPUTS = np.random.default_rng(3).normal(0.3, 1.0, (N_CASES, N_INPUTS)).astype(np.float32)
VISIBLE = units.Concat((cases.BERNOULLI, cases.GROUPS))  # 3 units and 3 groups of 3
PRESENT = np.array([[1, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1], [1, 0, 1, 1, 1, 1]], bool)
HERE = np.repeat(PRESENT, [1, 1, 1, 3, 3, 3], axis=1)


def machine(visible, hidden, n_inputs=N_INPUTS, scale=0.5):
    generator = np.random.default_rng(visible.size)
    shapes = (visible.size, hidden.size), (n_inputs, visible.size), (n_inputs, hidden.size)
    weights, a, b = (generator.normal(0.1, scale, shape).astype(np.float32) for shape in shapes)
    return conditional.create(RBM(visible, hidden, jnp.asarray(weights)), a, b)


MACHINE = machine(VISIBLE, cases.BERNOULLI)
CONTEXT = Context(jnp.asarray(INPUTS), jnp.asarray(PRESENT))
MANY = MACHINE.given(CONTEXT)


def alone(i):
    """The machine of one case without the units that are absent in it."""
    x, here = np.asarray(INPUTS[i]), HERE[i]
    bias = np.asarray(jnp.concatenate([cases.BERNOULLI.bias, cases.GROUPS.bias]))
    bias = (bias + x @ np.asarray(MACHINE.to_visible.weights))[here]
    n_units = int(here[:3].sum())
    visible = units.Concat(
        (
            units.Bernoulli(jnp.asarray(bias[:n_units])),
            units.Categorical(jnp.asarray(bias[n_units:]), n_categories=3),
        )
    )
    hidden = cases.BERNOULLI.bias + x @ np.asarray(MACHINE.to_hidden.weights)
    return RBM(visible, units.Bernoulli(hidden), MACHINE.rbm.weights[here])


ALONE = [alone(i) for i in range(N_CASES)]


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-5)


def states(seed=0):
    """A state of each case, zeros where it has no units, and hidden ones."""
    start = gibbs.State(jnp.zeros((N_CASES, 12)), jnp.ones((N_CASES, 3)))
    return gibbs.chain(jax.random.key(seed), MANY, start, 3)


def test_energies_and_conditionals_are_those_of_the_machine_made_for_each_case():
    v, h = states()
    energy, free = rbm.energy(MANY, v, h), rbm.free_energy(MANY, v)
    hidden_free = rbm.hidden_free_energy(MANY, h)
    above, below = rbm.hidden_given_visible(MANY, v), rbm.visible_given_hidden(MANY, h)
    log_v, log_h = below.log_prob(v), above.log_prob(h)
    assert MANY.visible.has_state(v).all()
    for i, one in enumerate(ALONE):
        mine = v[i][HERE[i]]
        close(energy[i], rbm.energy(one, mine, h[i]))
        close(free[i], rbm.free_energy(one, mine))
        close(hidden_free[i], rbm.hidden_free_energy(one, h[i]))
        close(above.mean()[i], rbm.hidden_given_visible(one, mine).mean())
        close(below.mean()[i][HERE[i]], rbm.visible_given_hidden(one, h[i]).mean())
        np.testing.assert_array_equal(below.mean()[i][~HERE[i]], 0.0)
        close(log_v[i], rbm.visible_given_hidden(one, h[i]).log_prob(mine))
        close(log_h[i], rbm.hidden_given_visible(one, mine).log_prob(h[i]))


def test_gradients_are_those_of_the_machine_made_for_each_case():
    v, _ = states(1)
    slope = jax.grad(lambda m: rbm.free_energy(m, v).sum())(MANY)
    for i, one in enumerate(ALONE):
        wanted = jax.grad(rbm.free_energy)(one, v[i][HERE[i]])
        close(slope.hidden.bias[i], wanted.hidden.bias)
        got = np.concatenate([part.unit.bias[i] for part in slope.visible.parts])
        close(got[HERE[i]], jnp.concatenate([part.bias for part in wanted.visible.parts]))
        np.testing.assert_array_equal(got[~HERE[i]], 0.0)
    one_by_one = np.zeros(MANY.weights.shape)
    for i, one in enumerate(ALONE):
        one_by_one[HERE[i]] += jax.grad(rbm.free_energy)(one, v[i][HERE[i]]).weights
    close(slope.weights, one_by_one)


@pytest.mark.parametrize("n_chains", [4000])
def test_chains_leave_the_law_of_each_case_unchanged(n_chains):
    joints = [machines.joint(one) for one in ALONE]
    generator = np.random.default_rng(5)
    begin_v, begin_h = np.zeros((n_chains, N_CASES, 12)), np.zeros((n_chains, N_CASES, 3))
    for i, joint in enumerate(joints):
        chosen = generator.choice(joint.probability.size, n_chains, p=joint.probability.ravel())
        v, h = np.unravel_index(chosen, joint.probability.shape)
        begin_v[:, i, HERE[i]], begin_h[:, i] = joint.visible.states[v], joint.hidden.states[h]
    start = gibbs.State(jnp.asarray(begin_v, jnp.float32), jnp.asarray(begin_h, jnp.float32))
    chain = jax.jit(lambda key, s: gibbs.chain(key, MANY, s, 4))(jax.random.key(2), start)
    for i, joint in enumerate(joints):
        v = np.asarray(chain.visible)[:, i]
        np.testing.assert_array_equal(v[:, ~HERE[i]], 0.0)
        for law, table, drawn in (
            (joint.visible_marginal, joint.visible.states, v[:, HERE[i]]),
            (joint.hidden_marginal, joint.hidden.states, chain.hidden[:, i]),
        ):
            seen = oracles.frequencies(table, drawn)
            distance = oracles.total_variation(seen, law)
            assert distance < oracles.total_variation_floor(law, n_chains)


def test_a_clamped_chain_has_the_conditional_law_of_each_case():
    n, mask = 4000, np.arange(12) < 1
    held = gibbs.clamp(MANY.visible, mask, np.ones(12))
    start = gibbs.State(jnp.zeros((n, N_CASES, 12)), jnp.ones((n, N_CASES, 3)))
    run = partial(gibbs.chain, rbm=MANY, n_steps=30, clamp_visible=held)
    chain = jax.jit(lambda key, state: run(key, state=state))(jax.random.key(4), start)
    for i, one in enumerate(ALONE):
        joint = machines.joint(one)
        first_is_on = joint.visible.states[:, 0] == 1
        law = joint.probability * (first_is_on[:, None] if HERE[i, 0] else 1.0)
        law = law.sum(0) / law.sum()
        seen = oracles.frequencies(joint.hidden.states, chain.hidden[:, i])
        assert oracles.total_variation(seen, law) < oracles.total_variation_floor(law, n)


KINDS = {
    "binary": (cases.BERNOULLI, cases.BERNOULLI),
    "real": (cases.GAUSSIAN, cases.BERNOULLI),
    "counts": (cases.POISSON, cases.CATEGORICAL),
    "documents": (cases.MULTINOMIAL, cases.BERNOULLI),
    "rectified above": (cases.BERNOULLI, cases.RELU),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_context_adds_to_the_fields_of_every_unit_type(kind):
    """p(v, h | x) against the energy of the module's docstring, the base machine's own."""
    model = machine(*KINDS[kind], scale=0.2)
    base = machines.joint(model.rbm)
    many = model.given(Context(CONTEXT.inputs))
    assert {leaf.shape[0] for leaf in jax.tree.leaves((many.visible, many.hidden))} == {N_CASES}
    for i, x in enumerate(np.float64(INPUTS)):
        below = base.visible.states @ (x @ np.float64(model.to_visible.weights))
        above = base.hidden.states @ (x @ np.float64(model.to_hidden.weights))
        weight = base.visible.log_weight[:, None] + base.hidden.log_weight
        exponent = weight - base.energy + below[:, None] + above
        p = np.exp(exponent - exponent.max())
        p /= p.sum()
        one = model.given(Context(CONTEXT.inputs[i]))
        np.testing.assert_allclose(machines.joint(one).probability, p, atol=1e-5 * p.max())
        some = jnp.asarray(base.visible.states[:: len(p) // 4], jnp.float32)
        free = rbm.free_energy(many, some[:, None])[:, i]
        close(free, rbm.free_energy(one, some))


def test_no_inputs_and_everything_present_is_the_machine_itself():
    model = machine(VISIBLE, cases.BERNOULLI, n_inputs=0)
    many = model.given(Context(present=jnp.ones((2, 6))))
    v, h = jnp.zeros((2, 12)).at[:, [1, 3, 6, 9]].set(1.0), jnp.ones((2, 3))
    np.testing.assert_allclose(rbm.energy(many, v, h), rbm.energy(model.rbm, v, h), rtol=1e-6)
    np.testing.assert_allclose(rbm.free_energy(many, v), rbm.free_energy(model.rbm, v), rtol=1e-6)


def test_a_machine_starts_without_its_context_and_decays_its_weights():
    model = conditional.init(jax.random.key(0), VISIBLE, cases.BERNOULLI, N_INPUTS)
    v = states()[0]
    np.testing.assert_array_equal(
        rbm.free_energy(model.given(Context(CONTEXT.inputs)), v), rbm.free_energy(model.rbm, v)
    )
    inputs = jax.tree.leaves_with_path((model.to_visible, model.to_hidden))
    names = {path[-1].name for path, _ in inputs}
    assert names == {"weights"}  # what `updates.with_decay` decays


def test_log_z_of_each_case_under_vmap():
    wanted = [machines.joint(one).log_z for one in ALONE]
    by_unit = jax.vmap(exact.log_z, in_axes=(conditional.EACH_CASE,))(MANY)
    close(by_unit, wanted)
    close(jax.vmap(lambda context: exact.log_z(MACHINE.given(context)))(CONTEXT), wanted)


def test_annealing_of_each_case_finds_log_z_without_its_absent_units():
    mean = jnp.concatenate([jnp.full(3, 0.5), jnp.full(9, 1 / 3)])
    betas = jnp.linspace(0.0, 1.0, 100)

    def estimate(key, one):
        path = path_lib.from_base_rates(one, mean, 0.2 * jnp.ones(12))
        key_start, key_walk = jax.random.split(key)
        state = ais.start(key_start, path, 200)
        state = annealing.anneal(key_walk, path, betas[1:], state)
        return ais.forward(path_lib.log_z_uncoupled(path.base), state)

    keys = jax.random.split(jax.random.key(6), N_CASES)
    found = jax.jit(jax.vmap(estimate, (0, conditional.EACH_CASE)))(keys, MANY)
    error = found.log_z - np.array([machines.joint(one).log_z for one in ALONE])
    assert (np.abs(error) < 5 * found.standard_error + 1e-4).all()
    assert (found.standard_error < 0.05).all()


x, yes = jnp.ones((2, N_INPUTS)), jnp.ones((2, 6))
REFUSED = {
    "width": (lambda: MACHINE.given(Context(jnp.ones((2, 3)))), "context: expected 2 units in the"),
    "no inputs": (
        lambda: MACHINE.given(Context(present=yes)),
        r"expected inputs \[..., 2\], got no",
    ),
    "nothing": (
        lambda: machine(VISIBLE, cases.BERNOULLI, 0).given(Context()),
        r"context: expected inputs \[..., 0\], got none; .* which units are present",
    ),
    "an array": (lambda: MACHINE.given(x), r"context: expected conditional.Context\(inputs, pres"),
    "a list": (lambda: MACHINE.given(Context([[1.0, 2.0]])), "context: expected an array"),
    "NaN": (lambda: MACHINE.given(Context(x * jnp.nan)), "context: expected finite values"),
    "mask by unit": (
        lambda: MACHINE.given(Context(x, jnp.ones((2, 12)))),
        r"presence: expected 6 entries in the last axis, .* got shape \(2, 12\)",
    ),
    "mask of others": (
        lambda: MACHINE.given(Context(x, jnp.ones((3, 6)))),
        r"presence: expected a mask for each case, \[2\], got shape \(3, 6\)",
    ),
    "one mask": (lambda: MACHINE.given(Context(x, yes[0])), "presence: expected a mask for each"),
    "ratings": (lambda: MACHINE.given(Context(x, 4 * yes)), "presence: expected true or false"),
    "A": (
        lambda: conditional.create(MACHINE.rbm, jnp.ones((2, 11)), jnp.ones((2, 3))),
        r"from the inputs to the visible units: expected shape \(2, 12\), got \(2, 11\)",
    ),
    "B": (
        lambda: conditional.create(MACHINE.rbm, jnp.ones((2, 12)), jnp.ones(3)),
        r"to_hidden: expected \[n_inputs, n\], got shape \(3,\)",
    ),
    "NaN in A": (
        lambda: conditional.create(MACHINE.rbm, jnp.full((2, 12), jnp.nan), jnp.ones((2, 3))),
        "to_visible: expected finite values",
    ),
    "n_inputs": (
        lambda: conditional.init(jax.random.key(0), VISIBLE, VISIBLE, -1),
        "n_inputs: expected 0 or more",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_contexts_that_do_not_fit_are_refused(name):
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()
