"""Numbers of draws: the border of one draw, a number for each case, traced numbers, refusals."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from dbnjax import rbm, units
from dbnjax.checks import InputError

BIAS = cases.MULTINOMIAL.bias
FIELD = jnp.array([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [-0.3, 0.4, 3.0]])
LENGTHS = np.array([0, 1, 5])


def documents(lengths):
    return units.Multinomial(BIAS, jnp.ones(1)).with_draws(lengths)


def test_one_draw_is_a_softmax_group():
    one, group = documents(1), units.Categorical(BIAS, n_categories=3)
    for method in ("cumulant", "mean"):
        got, wanted = getattr(one, method)(FIELD), getattr(group, method)(FIELD)
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    np.testing.assert_array_equal(one.energy(jnp.eye(3)), group.energy(jnp.eye(3)))
    np.testing.assert_array_equal(one.has_state(jnp.eye(3) * 2), [False] * 3)
    assert one.has_state(jnp.eye(3)).all()


def test_each_case_has_its_own_number_of_draws_which_may_be_traced():
    said = jax.jit(
        lambda lengths: (documents(lengths).cumulant(FIELD), documents(lengths).mean(FIELD))
    )
    cumulant, mean = said(jnp.asarray(LENGTHS))
    for i, length in enumerate(LENGTHS):
        layer = oracles.multinomial(np.float64(BIAS), length)
        field = np.float64(FIELD[i])
        wanted = oracles.log_partition(layer, field) if length else 0.0
        np.testing.assert_allclose(cumulant[i], wanted, rtol=1e-5, atol=1e-6)
        expected = oracles.probabilities(layer, field) @ layer.states
        np.testing.assert_allclose(mean[i], expected, rtol=1e-5, atol=1e-6)


def test_as_many_words_are_drawn_as_a_document_has():
    lengths = jnp.array([0, 1, 63, 64, 65, 1000])  # on both sides of what is drawn at once
    field = jnp.broadcast_to(FIELD[1], (500, 6, 3))
    drawn = np.asarray(jax.jit(lambda n: documents(n).sample(jax.random.key(0), field))(lengths))
    np.testing.assert_array_equal(drawn.sum(-1), np.broadcast_to(lengths, (500, 6)))
    assert documents(lengths).has_state(jnp.asarray(drawn)).all()
    p = np.asarray(jax.nn.softmax(BIAS + FIELD[1]))
    error = 5.0 * np.sqrt(lengths[:, None] * p * (1 - p) / 500)
    assert (np.abs(drawn.mean(0) - lengths[:, None] * p) <= error).all()
    spread = drawn.var(0) / np.maximum(lengths[:, None] * p * (1 - p), 1e-9)
    assert (np.abs(spread[2:] - 1.0) < 5.0 * np.sqrt(2.5 / 500)).all()


def test_a_category_that_cannot_be_is_not_drawn_and_nonsense_stays():
    field = jnp.array([[-jnp.inf, 0.0, -jnp.inf], [0.0, jnp.nan, 0.0]])
    drawn = units.Multinomial.zeros(3, 200).sample(jax.random.key(1), field)
    np.testing.assert_array_equal(drawn[0], [0.0, 200.0, 0.0])
    assert np.isnan(drawn[1]).all()


def test_means_add_up_to_the_number_of_draws():
    unit = documents(jnp.array([2, 4]))
    x = jnp.array([[0.5, 1.0, 0.5], [0.5, 1.0, 0.5]])
    assert unit.has_state(x, True).tolist() == [True, False]
    assert not unit.has_state(x).any()
    unit.check_data("counts", np.array([[2.0, 0.0, 0.0], [1.0, 3.0, 0.0]]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: units.Multinomial.zeros(3, 1.5), "numbers of draws: expected whole numbers"),
        (lambda: units.Multinomial.zeros(3, np.array([2, -1])), "expected 0 or more, got -1"),
        (lambda: units.Multinomial.zeros(0, 2), "units: expected 1 or more"),
        (
            lambda: documents(np.array([2, 3])).check_data(
                "counts", np.array([[2, 0, 0], [1, 1, 0]])
            ),
            "counts: expected counts that add up to the number of draws, got 1 cases",
        ),
        (lambda: documents(3).check_data("counts", np.array([4, -1, 0])), "expected 0 or more"),
        (
            lambda: rbm.init(
                jax.random.key(0), units.Multinomial(BIAS, jnp.ones(3)), units.Bernoulli.zeros(2)
            ),
            r"expected biases \[n\] and a number of draws \[1\], got shapes \(3,\) and \(3,\)",
        ),
    ],
)
def test_numbers_that_are_none_are_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
