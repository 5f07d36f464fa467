"""The parameters' own floating type wins, everywhere, with 64-bit types on and off."""

import contextlib

import cases
import jax
import jax.numpy as jnp
import machines
import numpy as np
import one_of_everything as every
import optax
import oracles
import pytest

from dbnjax import checks, types, units
from dbnjax.evaluation import bounds, exact, exact_nets, importance
from dbnjax.learning import backprop
from dbnjax.models import feedforward, rbm

MODES = {  # of the parameters, and whether JAX's default type is float64
    "float32": (jnp.float32, False),
    "float32 with 64-bit types on": (jnp.float32, True),
    "float64": (jnp.float64, True),
    "bfloat16": (jnp.bfloat16, False),
}
# They mix types inside, where ours are strict.
OF_OPTAX = ("adam", "conjugate gradient", "l-bfgs", "cd by adam", "up-down by adam")


def enable_x64(on):
    """JAX's own context, by the name that the version has."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(on)
    return jax.experimental.enable_x64(on)


@pytest.fixture(params=MODES)
def dtype(request):
    dtype, x64 = MODES[request.param]
    with enable_x64(x64):
        yield dtype


def kinds(tree):
    return jax.tree.map(lambda x: (x.shape, x.dtype, x.weak_type), tree)


def floating(tree):
    found = {x.dtype for x in jax.tree.leaves(tree)}
    return {x for x in found if jnp.issubdtype(x, jnp.floating)}


def strictly(name):
    strict = jax.numpy_dtype_promotion("strict")
    return contextlib.nullcontext() if name in OF_OPTAX else strict


@pytest.mark.parametrize("name", every.LEARNING)
def test_a_learner_stays_in_the_type_of_its_parameters(name, dtype):  # F1, F26, F29
    case = every.LEARNING[name]
    params, hyper, batch = jax.eval_shape(
        lambda: (types.cast(case.params(), dtype), case.hyper(), case.batch())
    )
    if every.refuses(case, dtype):
        with pytest.raises(checks.InputError, match="float32, float64, got bfloat16"):
            jax.eval_shape(case.learner.init, every.KEY, params)
        return
    with strictly(name):
        state = jax.eval_shape(case.learner.init, every.KEY, params)
        new, info = jax.eval_shape(case.learner.step, every.KEY, hyper, state, batch)
    assert floating((state, new, info)) == {jnp.dtype(dtype)}
    assert kinds(new) == kinds(state)  # so that the next step compiles nothing
    assert not any(x.weak_type for x in jax.tree.leaves(state))


@pytest.mark.parametrize("name", every.ASKING)
def test_what_is_asked_is_answered_in_the_type_of_the_parameters(name, dtype):
    case = every.ASKING[name]
    params = jax.eval_shape(lambda: types.cast(case.params(), dtype))
    if every.refuses(case, dtype):
        with pytest.raises(checks.InputError, match="float32, float64, got bfloat16"):
            jax.eval_shape(case.ask, every.KEY, params)
        return
    assert floating(jax.eval_shape(case.ask, every.KEY, params)) == {jnp.dtype(dtype)}


@pytest.mark.parametrize("mode", ["float32 with 64-bit types on", "float64"])
def test_an_epoch_of_compiled_steps_keeps_the_type(mode):
    dtype, x64 = MODES[mode]
    with enable_x64(x64):
        *learned, params = every.epoch(every.LEARNING["cd-2"], dtype)
        assert floating(learned) == {jnp.dtype(dtype)}
        assert all(bool(jnp.isfinite(x).all()) for x in jax.tree.leaves(params))  # still there, F17


def test_epochs_that_spend_little_on_easy_cases_keep_the_type():
    with enable_x64(True):
        assert floating(every.easy_epoch(jnp.float32)) == {jnp.dtype("float32")}


def test_float64_is_exact_to_its_own_rounding():
    with enable_x64(True):
        machine = every.binary()
        layers = cases.layer(machine.visible), cases.layer(machine.hidden)
        truth = oracles.rbm_joint(*layers, np.float64(machine.weights)).log_z
        assert abs(float(exact.log_z(machine)) - truth) < 1e-12 * truth


def test_new_parameters_have_the_type_of_the_units_and_the_wider_of_two():
    half = types.cast(units.Bernoulli.zeros(3), jnp.bfloat16)
    assert rbm.init(every.KEY, half, half).weights.dtype == jnp.bfloat16
    machine = rbm.create(half, units.Bernoulli.zeros(2), np.zeros((3, 2)))
    assert floating(machine) == {jnp.dtype("float32")}


def test_parameters_of_no_type_to_learn_in_are_one_line():
    odd = units.Bernoulli(jnp.zeros(3, complex))
    machine = rbm.RBM(odd, odd, jnp.zeros((3, 3), complex))
    with pytest.raises(checks.InputError, match=r"of type bfloat16, .* got complex64"):
        every.CD_2.init(every.KEY, machine)


def test_an_optimiser_may_keep_a_narrower_memory():
    learner = backprop.backprop(optax.adam(1.0, mu_dtype=jnp.bfloat16))
    state = learner.init(every.KEY, feedforward.init(every.KEY, (3, 2), 2))
    assert floating(state) == {jnp.dtype("float32"), jnp.dtype("bfloat16")}
    batch = backprop.Batch(jnp.ones((4, 3)), jnp.eye(2)[jnp.array([0, 1, 0, 1])])
    after, _ = jax.eval_shape(learner.step, every.KEY, backprop.hyper(0.1), state, batch)
    assert kinds(after) == kinds(state)


def test_data_of_another_type_leave_the_parameters_in_theirs():  # F1, F26
    machine, net = machines.binary(0, 3, 2), machines.net(0, (4, 3, 2))
    with enable_x64(True), jax.numpy_dtype_promotion("strict"):

        def answers(v, log_z, log_weights):
            return [
                exact.log_prob(machine, v[:, :3]),
                exact_nets.log_prob(net, v),
                exact_nets.bound(net, v),
                bounds.log_weights(every.KEY, net, v, log_z, 2),
                importance.reach_95(log_weights),
            ]

        data = jnp.zeros((2, 4), jnp.float64), jnp.zeros((), jnp.float64)
        said = jax.eval_shape(answers, *data, jnp.zeros((3, 2), jnp.float32))
    assert floating(said) == {jnp.dtype(jnp.float32)}
    assert said[-1].shape == (2,)


def test_whole_numbers_become_floats():
    whole = units.Bernoulli(jnp.zeros(3, int))
    machine = rbm.create(whole, units.Bernoulli.zeros(2), jnp.ones((3, 2), int))
    assert floating(machine) == {jnp.dtype(jnp.float32)}
    field = rbm.hidden_given_visible(machine, jnp.full((1, 3), 0.5)).field
    assert floating(every.CD_2.init(every.KEY, rbm.RBM(whole, whole, jnp.zeros((3, 3), int))))
    np.testing.assert_allclose(field, [[1.5, 1.5]])
