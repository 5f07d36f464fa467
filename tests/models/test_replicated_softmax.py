"""The replicated softmax against all sequences of words, and against a softmax group."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import exact, rbm, replicated_softmax, units
from dbnjax.checks import InputError
from dbnjax.models.conditional import EACH_CASE
from dbnjax.models.rbm import RBM

K, H = 3, 2
B, C = np.array([0.5, -0.7, 0.3]), np.array([-0.4, 0.6])
W = np.array([[0.9, -1.2], [0.2, 0.8], [-1.1, 0.5]])
MODEL = replicated_softmax.create(
    RBM(
        units.Multinomial(jnp.asarray(B, jnp.float32), jnp.ones(1)),
        units.Bernoulli(jnp.asarray(C, jnp.float32)),
        jnp.asarray(W, jnp.float32),
    )
)
HIDDEN = np.array(list(itertools.product((0.0, 1.0), repeat=H)))


def sequences(n):
    """The counts of all K^n sequences of n words, `[K^n, K]`."""
    words = np.array(list(itertools.product(range(K), repeat=n)), int).reshape(K**n, n)
    return np.eye(K)[words].sum(1)


def energies(counts, n):
    """E of every sequence with every hidden state, summed word by word, `[K^n, 2^H]`."""
    return -(counts @ B)[:, None] - counts @ W @ HIDDEN.T - n * (HIDDEN @ C)


close = partial(np.testing.assert_allclose, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("n", range(6))
def test_energies_and_conditionals_are_those_of_all_sequences(n):
    counts, one = sequences(n), MODEL.given(n)
    energy = energies(counts, n)
    joint = np.exp(-energy) / np.exp(-energy).sum()
    v, h = jnp.asarray(counts, jnp.float32), jnp.asarray(HIDDEN, jnp.float32)
    close(rbm.energy(one, v[:, None], h), energy)
    close(rbm.free_energy(one, v), -np.log(np.exp(-energy).sum(1)))
    close(rbm.hidden_free_energy(one, h), -np.log(np.exp(-energy).sum(0)))
    close(exact.log_z(one), np.log(np.exp(-energy).sum()))
    close(exact.log_prob(one, v), np.log(joint.sum(1)))
    above, below = rbm.hidden_given_visible(one, v), rbm.visible_given_hidden(one, h)
    close(above.mean(), joint @ HIDDEN / joint.sum(1, keepdims=True))
    close(below.mean(), joint.T @ counts / joint.sum(0)[:, None])
    close(below.log_prob(v[:, None]), np.log(joint / joint.sum(0)))
    assert one.visible.has_state(v).all()


def test_documents_of_different_lengths_are_the_rbms_of_each_length():
    """As many documents as hidden states."""
    lengths = np.array([1, 5, 0, 3])
    many = MODEL.given(lengths)
    v = np.stack([sequences(n)[-1] for n in lengths])
    v[1] = [2, 1, 2]
    free = rbm.free_energy(many, jnp.asarray(v, jnp.float32))
    log_z = jax.vmap(exact.log_z, in_axes=(EACH_CASE,))(many)
    close(log_z, jax.vmap(lambda n: exact.log_z(MODEL.given(n)))(jnp.asarray(lengths)))
    for i, n in enumerate(lengths):
        close(free[i], -np.log(np.exp(-energies(v[i : i + 1], n)).sum()))
        close(log_z[i], np.log(np.exp(-energies(sequences(n), n)).sum()))


def test_documents_of_one_word_are_cases_of_a_softmax_group():
    one = MODEL.given(1)
    group = one.replace(visible=units.Categorical(one.visible.bias, n_categories=K))
    v, h = jnp.eye(K), jnp.asarray(HIDDEN, jnp.float32)
    np.testing.assert_array_equal(rbm.energy(one, v[:, None], h), rbm.energy(group, v[:, None], h))
    close(exact.log_prob(one, v), exact.log_prob(group, v))
    mine, wanted = exact.gradient(one, v[:2]), exact.gradient(group, v[:2])
    close(mine.visible.bias, wanted.visible.bias)
    close(mine.hidden.bias, wanted.hidden.bias)
    close(mine.weights, wanted.weights)


def test_without_weights_words_have_the_frequencies_of_the_data():
    counts = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 2.0, 0.0]])
    model = replicated_softmax.init(jax.random.key(0), K, H, scale=0.0)
    moments = (jnp.asarray(x, jnp.float32) for x in (counts.mean(0), counts.var(0)))
    model = model.replace(rbm=rbm.match_data(model.rbm, *moments))
    share = counts.sum(0) / counts.sum()
    many = model.given(counts.sum(-1))
    log_p = jax.vmap(exact.log_prob, (EACH_CASE, 0))(many, jnp.asarray(counts, jnp.float32))
    close(log_p, counts @ np.log(share))


def test_a_drawn_document_has_its_length():
    lengths = jnp.array([2, 70, 0])
    many = MODEL.given(lengths)
    drawn = rbm.visible_given_hidden(many, jnp.ones((3, H))).sample(jax.random.key(0))
    np.testing.assert_array_equal(drawn.sum(-1), lengths)


BINARY = units.Bernoulli.zeros(H)
WEIGHTS = jnp.zeros((K, H))
REFUSED = {
    "halves": (lambda: MODEL.given(np.array([1.5])), "numbers of draws: expected whole numbers"),
    "negative": (lambda: MODEL.given(-1), "numbers of draws: expected 0 or more"),
    "words": (lambda: MODEL.given("two"), "numbers of draws: expected numbers"),
    "a softmax group": (
        lambda: replicated_softmax.create(RBM(units.Categorical.zeros(K), BINARY, WEIGHTS)),
        "expected Multinomial visible and Bernoulli hidden units, got Categorical and Bernoulli",
    ),
    "no categories": (
        lambda: replicated_softmax.init(jax.random.key(0), 0, H),
        "units: expected 1 or more",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_length_and_no_such_rbm_is_refused(name):
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
