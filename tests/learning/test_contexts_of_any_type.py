"""Contexts that are whole numbers: documents of different lengths, rows of a table, masks.

There are as many cases as chains and as states of the hidden layer.
"""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import machines
import numpy as np
import optax
import pytest

from dbnjax import exact, passes, replicated_softmax, units
from dbnjax.checks import InputError
from dbnjax.learning import conditional, phases, updates
from dbnjax.learning.contrastive_divergence import contrastive_divergence
from dbnjax.models import conditional as conditional_lib
from dbnjax.models.conditional import EACH_CASE, Context
from dbnjax.models.rbm import RBM
from dbnjax.types import Array, cast, pytree

K, H = 3, 2
B, C = np.array([0.5, -0.7, 0.3]), np.array([-0.4, 0.6])
W = np.array([[0.9, -1.2], [0.2, 0.8], [-1.1, 0.5]])
HIDDEN = np.array(list(itertools.product((0.0, 1.0), repeat=H)))
COUNTS = np.array([[1.0, 0.0, 0.0], [2.0, 1.0, 2.0], [0.0, 1.0, 1.0], [0.0, 3.0, 0.0]])
LENGTHS = COUNTS.sum(1).astype(np.int32)
PARAMETERS = tuple(jnp.asarray(x, jnp.float32) for x in (B, C, W))
DOCUMENTS = replicated_softmax.create(
    RBM(
        units.Multinomial(PARAMETERS[0], jnp.ones(1)), units.Bernoulli(PARAMETERS[1]), PARAMETERS[2]
    )
)
BATCH = conditional.Batch(jnp.asarray(COUNTS, jnp.float32), jnp.asarray(LENGTHS))
STILL = passes.hyper(0.0)  # the velocity is then the gradient of one step
DRAWN = phases.Choices(visible="sample")


def mean_log_p(b, c, w, counts=COUNTS):
    """The mean of log p(words) over documents, each with the Z of all sequences of its length."""
    total = 0.0
    for document in counts:
        n = int(document.sum())
        words = np.array(list(itertools.product(range(K), repeat=n)))
        table = np.vstack([document, np.eye(K)[words].sum(1)])
        minus = (table @ b)[:, None] + table @ w @ HIDDEN.T + n * (HIDDEN @ c)
        log_p = np.log(np.exp(minus).sum(1))
        total += log_p[0] - np.log(np.exp(log_p[1:]).sum())
    return total / len(counts)


def slopes(counts=COUNTS):
    """Central differences of `mean_log_p` by the biases and the weights."""
    given, found = [B, C, W], []
    for i, x in enumerate(given):
        slope = np.zeros(x.shape)
        for at in np.ndindex(x.shape):
            step = np.zeros(x.shape)
            step[at] = 1e-5
            up, down = (
                mean_log_p(*given[:i], x + sign * step, *given[i + 1 :], counts=counts)
                for sign in (1, -1)
            )
            slope[at] = (up - down) / 2e-5
        found.append(slope)
    return found


def arrays(model):
    return model.rbm.visible.bias, model.rbm.hidden.bias, model.rbm.weights


def test_the_chain_rule_scales_hidden_biases_by_each_length():
    many = DOCUMENTS.given(BATCH.context)
    each = jax.vmap(exact.gradient, (EACH_CASE, 0))(many, BATCH.visible[:, None])
    shares = jax.tree.map(lambda x: x / len(COUNTS), each)
    statistics = shares.replace(weights=shares.weights.sum(0))
    got = conditional.gradient(DOCUMENTS, BATCH.context, statistics)
    for mine, wanted in zip(arrays(got), slopes(), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=2e-4, atol=2e-5)


LEARNERS = {
    "cd": partial(conditional.contrastive_divergence, 12, DRAWN),
    "pcd": partial(conditional.persistent_contrastive_divergence, jnp.asarray(LENGTHS[::-1]), 12),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_long_chains_have_the_exact_gradient_in_mean(name):
    learner, n = LEARNERS[name](), 3000

    def one(key):
        key_init, key_first, key_second = jax.random.split(key, 3)
        state, _ = learner.step(key_first, STILL, learner.init(key_init, DOCUMENTS), BATCH)
        state, _ = learner.step(key_second, STILL, state, BATCH)
        return state

    state = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), n))
    for found, wanted in zip(arrays(state.velocity), slopes(), strict=True):
        found = np.float64(found)
        error = found.std(0, ddof=1) / np.sqrt(n)
        assert (np.abs(found.mean(0) - wanted) <= 5.0 * error + 1e-5).all()
        assert (error < 0.07 * np.abs(wanted).max()).all()  # or the comparison says nothing
    np.testing.assert_array_equal(state.velocity.rbm.visible.n_draws, 0.0)
    if name == "pcd":
        np.testing.assert_array_equal(
            state.chains.context, np.broadcast_to(LENGTHS, (n, len(LENGTHS)))
        )


def test_documents_of_one_word_are_learned_as_a_softmax_group_is():
    """Deterministic statistics of the data: CD-1's positive phase, and the whole by one key."""
    one = DOCUMENTS.given(1)
    group = one.replace(visible=units.Categorical(one.visible.bias, n_categories=K))
    v = jnp.eye(K)[jnp.array([0, 2, 1, 2])]
    exactly = exact.gradient(group, v)
    many = DOCUMENTS.given(jnp.ones(4, jnp.int32))
    each = jax.vmap(exact.gradient, (EACH_CASE, 0))(many, v[:, None])
    shares = jax.tree.map(lambda x: x / 4, each)
    statistics = shares.replace(weights=shares.weights.sum(0))
    got = conditional.gradient(DOCUMENTS, jnp.ones(4, jnp.int32), statistics)
    wanted = exactly.visible.bias, exactly.hidden.bias, exactly.weights
    for mine, theirs in zip(arrays(got), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytree
class ByRow:
    """A user's own model: each case has the visible biases of a row of a table."""

    rbm: RBM
    table: Array

    def given(self, rows):
        assert rows.dtype == jnp.int32
        n = len(rows)
        hidden = units.Bernoulli(jnp.broadcast_to(self.rbm.hidden.bias, (n, self.rbm.hidden.size)))
        return RBM(units.Bernoulli(self.table[rows]), hidden, self.rbm.weights)


@pytest.mark.parametrize("persistent", [False, True])
def test_rows_of_a_table_stay_whole_numbers_in_a_narrow_type(persistent):
    """bfloat16 has no 257, and would make it 256; the table has any name and two axes."""
    model = cast(ByRow(machines.binary(1, 3, 2), jnp.zeros((300, 3))), jnp.bfloat16)
    rows = np.array([257, 3, 257, 299])  # int64, as NumPy makes them
    learner = conditional.contrastive_divergence()
    if persistent:
        learner = conditional.persistent_contrastive_divergence(rows)
    step = jax.jit(learner.step)
    state = learner.init(jax.random.key(0), model)
    for i in range(2):
        batch = conditional.Batch(jnp.ones((4, 3)), rows)
        state, _ = step(jax.random.key(i), passes.hyper(0.5), state, batch)
    assert step._cache_size() == 1
    moved = np.flatnonzero(np.any(np.asarray(state.params.table, np.float32) != 0.0, axis=1))
    assert moved.tolist() == [3, 257, 299]
    if persistent:
        np.testing.assert_array_equal(state.chains.context, rows)


def test_contexts_of_another_type_than_the_chains_are_refused():
    learner = conditional.persistent_contrastive_divergence(jnp.asarray(LENGTHS))
    state = learner.init(jax.random.key(0), DOCUMENTS)
    other = BATCH._replace(context=BATCH.context.astype(jnp.float32))
    words = r"context: expected the types of the chains' contexts, \['int32'\], got \['float32'\]"
    with pytest.raises(InputError, match=words):
        learner.step(jax.random.key(0), STILL, state, other)


def test_documents_of_other_lengths_are_refused():
    learner = conditional.contrastive_divergence()
    state = learner.init(jax.random.key(0), DOCUMENTS)
    with pytest.raises(InputError, match="add up to the number of draws, got 1 cases of other"):
        learner.step(
            jax.random.key(0), STILL, state, BATCH._replace(context=BATCH.context.at[1].set(4))
        )


MASK = jnp.array([1.0, 0.0, 1.0])
SOME = machines.binary(2, 3, 2).replace(
    visible=units.Present(units.Bernoulli(jnp.array([0.3, -0.2, 0.5])), MASK)
)
UNDER = conditional_lib.create(
    RBM(
        units.Multinomial(PARAMETERS[0], jnp.full(1, 5.0)), units.Bernoulli.zeros(H), PARAMETERS[2]
    ),
    jnp.ones((1, K)),
    jnp.ones((1, H)),
)
FIVES = conditional.Batch(jnp.array([[2.0, 1.0, 2.0]]), Context(jnp.ones((1, 1))))
ADAMW = optax.adamw(1.0, weight_decay=0.5)
DECAYING = {  # a learner, its parameters and cases, and the arrays that are no parameters
    "lengths": (
        conditional.contrastive_divergence(optimiser=ADAMW),
        DOCUMENTS,
        BATCH,
        lambda model: model.rbm.visible.n_draws,
    ),
    "one length": (
        conditional.contrastive_divergence(optimiser=ADAMW),
        UNDER,
        FIVES,
        lambda model: model.rbm.visible.n_draws,
    ),
    "mask": (
        contrastive_divergence(optimiser=ADAMW),
        SOME,
        jnp.array([[1.0, 0.0, 0.0]]),
        lambda model: model.visible.mask,
    ),
    "mask, noise": (
        contrastive_divergence(optimiser=optax.chain(optax.add_noise(1.0, 0.5, 0), optax.sgd(1.0))),
        SOME,
        jnp.array([[1.0, 0.0, 0.0]]),
        lambda model: model.visible.mask,
    ),
    "mask, centred": (
        contrastive_divergence(centred=True, optimiser=ADAMW),
        RBM(units.Concat((SOME.visible,)), SOME.hidden, SOME.weights),
        jnp.array([[1.0, 0.0, 0.0]]),
        lambda model: model.visible.parts[0].mask,
    ),
}


@pytest.mark.parametrize("name", DECAYING)
def test_no_optimiser_moves_what_units_do_not_learn(name):
    learner, params, batch, given_with_cases = DECAYING[name]
    numbers = passes.hyper if isinstance(batch, conditional.Batch) else updates.hyper
    hyper = numbers(0.1, decay=0.1)
    state = learner.init(jax.random.key(0), params)
    for i in range(2):
        state, _ = learner.step(jax.random.key(i), hyper, state, batch)
    np.testing.assert_array_equal(given_with_cases(state.params), given_with_cases(params))
    old, new = (jax.tree.leaves(tree) for tree in (params, state.params))
    assert sum(bool((a != b).any()) for a, b in zip(old, new, strict=True)) >= 3  # all else moved
