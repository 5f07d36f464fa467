"""Stable functions against float64, and the quality of the draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from dbnjax import numerics
from dbnjax.checks import InputError

TINY = float(np.finfo(np.float32).tiny)  # smaller numbers are flushed to zero
uniform, bernoulli = jax.jit(numerics.uniform, static_argnums=1), jax.jit(numerics.bernoulli)
threefry = jax.jit(numerics.threefry)
FAILURE = 1e-6  # the chance that a right generator had failed a test before the key was fixed


def test_softplus_and_its_slopes_everywhere():
    wide = np.geomspace(1e-3, 1000, 60)
    x = np.concatenate([-wide, wide, [0.0, -0.0, 1e-30, np.inf, -np.inf]]).astype(np.float32)
    exact = np.logaddexp(np.float64(x), 0.0)
    np.testing.assert_allclose(numerics.softplus(jnp.asarray(x)), exact, rtol=3e-7, atol=TINY)
    slope = jax.jit(jax.vmap(jax.grad(numerics.softplus)))
    curvature = jax.jit(jax.vmap(jax.grad(jax.grad(numerics.softplus))))
    p = special.expit(np.float64(x))
    np.testing.assert_allclose(slope(jnp.asarray(x)), p, rtol=1e-6, atol=TINY)
    np.testing.assert_allclose(
        curvature(jnp.asarray(x)), p * special.expit(-np.float64(x)), rtol=1e-6, atol=1e-7
    )


# Known answers of the reference implementation (Random123): key, counter, cipher.
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.parametrize(("key", "counter", "cipher"), KNOWN)
def test_threefry_gives_the_known_answers(key, counter, cipher):
    words = [jnp.asarray(word, jnp.uint32) for word in counter]
    found = threefry(jnp.asarray(key, jnp.uint32), *words)
    assert tuple(int(word) for word in found) == cipher


@pytest.fixture(scope="module")
def many():
    return uniform(jax.random.key(0), (1000, 400))


@pytest.mark.parametrize("scale", [1, 2**8, 2**18])
def test_uniform_marginals(many, scale):
    # At scale s the leading bits are dropped, so that the test sees the later ones.
    part = (np.float64(many) * scale) % 1.0
    counts = np.histogram(part, bins=64, range=(0.0, 1.0))[0]
    assert stats.chisquare(counts).pvalue > FAILURE


@pytest.mark.parametrize("axis", [0, 1])
def test_neighbouring_draws_are_independent(many, axis):
    draws = np.float64(np.moveaxis(many, axis, 0))
    first, second = draws[:-1].ravel(), draws[1:].ravel()
    correlation = np.corrcoef(first, second)[0, 1]
    assert abs(correlation) < 5.0 / np.sqrt(first.size)
    pairs = np.histogram2d(draws[::2].ravel(), draws[1::2].ravel(), 12, ((0, 1), (0, 1)))[0]
    assert stats.chisquare(pairs.ravel()).pvalue > FAILURE


def test_draws_of_other_keys_are_independent(many):
    other = uniform(jax.random.fold_in(jax.random.key(0), 1), many.shape)
    correlation = np.corrcoef(np.float64(many).ravel(), np.float64(other).ravel())[0, 1]
    assert abs(correlation) < 5.0 / np.sqrt(many.size)


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_a_key_of_another_generator_draws_its_own_bits(impl):
    key = jax.random.key(3, impl=impl)
    draws = np.float64(uniform(key, (200, 50)))
    np.testing.assert_array_equal(draws * 2**24, jax.random.bits(key, (200, 50)) >> 8)
    assert stats.kstest(draws.ravel(), "uniform").pvalue > FAILURE


def test_a_key_of_another_generator_has_other_draws_for_every_member():
    keys = jax.random.split(jax.random.key(3, impl="rbg"), 4)
    members = np.asarray(jax.vmap(lambda key: uniform(key, (50, 20)))(keys))
    # Of 4,000 draws of 2^24 values 0.48 pairs are expected equal; 9 or more have a chance of 3e-9.
    assert members.size - np.unique(members).size < 9


def test_threefry_draws_are_the_cipher_of_their_position():
    key = jax.random.key(7)
    row, column = (jnp.asarray(x, jnp.uint32) for x in np.indices((6, 4)))
    bits, _ = threefry(jax.random.key_data(key), row, column)
    draws = uniform(key, (2, 3, 4))
    np.testing.assert_array_equal(np.float64(draws).reshape(6, 4) * 2**24, bits >> 8)


def test_uniforms_lie_on_their_grid(many):
    steps = np.asarray(many, np.float64) * 2**24
    assert (steps == np.round(steps)).all()
    assert steps.min() >= 0
    assert steps.max() < 2**24
    assert many.dtype == jnp.float32


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 7), (2, 1, 3, 9), (4, 0), (0,)])
def test_uniform_of_odd_sizes(shape):
    draws = np.asarray(uniform(jax.random.key(1), shape))
    assert draws.shape == shape
    assert np.unique(draws).size == draws.size


def test_draws_under_vmap_are_those_of_a_loop():
    keys = jax.random.split(jax.random.key(2), 4)
    together = jax.vmap(lambda key: uniform(key, (3, 5)))(keys)
    for key, draws in zip(keys, together, strict=True):
        np.testing.assert_array_equal(draws, uniform(key, (3, 5)))


def test_bernoulli_is_exact_at_the_borders_and_right_between():
    probability = jnp.array([0.0, 1.0, 0.03, 0.5, 0.9])
    n = 50_000
    states = np.asarray(bernoulli(jax.random.key(3), jnp.tile(probability, (n, 1))))
    assert (states[:, 0] == 0).all()
    assert (states[:, 1] == 1).all()
    assert set(np.unique(states)) == {0.0, 1.0}
    assert states.dtype == np.float32
    error = np.sqrt(np.asarray(probability * (1 - probability)) / n)
    assert (np.abs(states.mean(0) - probability) <= 5 * error).all()


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_only_draws_whose_first_24_bits_are_0_differ_from_a_comparison_of_uniforms(impl):
    key, shape = jax.random.key(5, impl=impl), (400, 1000)
    probability = jnp.broadcast_to(jnp.geomspace(1e-12, 1.0, 1000, dtype=jnp.float32), shape)
    u, got = uniform(key, shape), bernoulli(key, probability)
    np.testing.assert_array_equal(got, (u < probability) & ((u > 0) | (probability >= 2.0**-24)))


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_a_tiny_probability_is_drawn_at_its_own_rate(monkeypatch, impl):  # F24
    """Where the first 24 bits are 0, which is once in 2^24 draws: the rest decides."""
    words, n = numerics._words, 100_000
    monkeypatch.setattr(numerics, "_words", lambda *a: (jnp.full(a[1], 255), words(*a)[1]))
    share = np.array([0.0, 1e-4, 0.03, 0.5, 0.9, 1.0])  # of a rate of 2^-24
    never, first_cell = [2.0**-50], [2.0**-23, 0.3, 1.0]
    probability = jnp.asarray([*share * 2.0**-24, *never, *first_cell], jnp.float32)
    draw = jax.jit(lambda key, p: numerics.bernoulli(key, p))  # none that is compiled already
    got = np.asarray(draw(jax.random.key(3, impl=impl), jnp.tile(probability, (n, 1)))).mean(0)
    assert (np.abs(got[:6] - share) <= 5 * np.sqrt(share * (1 - share) / n)).all()
    assert got[6:].tolist() == [0.0, 1.0, 1.0, 1.0]


def test_a_draw_of_24_leading_zeros_is_no_draw_of_what_is_rare():  # F24
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(118), 0), 0)
    shape = (2**16, 1)
    zeros = np.asarray(uniform(key, shape)) == 0
    assert zeros.sum() == 1
    for p, expected in ((0.0, 0), (1e-12, 0), (2.0**-24, 1), (1.0, 1)):
        assert np.asarray(bernoulli(key, jnp.full(shape, p, jnp.float32)))[zeros] == expected


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_the_second_word_is_uniform_where_the_first_is_small(impl):
    words = jax.jit(numerics._words, static_argnums=1)
    first, second = words(jax.random.key(6, impl=impl), (2000, 400))
    chosen = np.asarray(second)[np.asarray(first) >> 24 == 0]
    assert chosen.size > 2000
    for shift in (24, 16, 8):
        counts = np.bincount((chosen >> shift) % 16, minlength=16)
        assert stats.chisquare(counts).pvalue > FAILURE
    assert np.unique(chosen).size > 0.999 * chosen.size


def test_a_probability_that_is_no_number_is_seen_in_the_state():  # F8
    states = numerics.bernoulli(jax.random.key(0), jnp.array([np.nan, 0.0, 1.0]))
    np.testing.assert_array_equal(states, [np.nan, 0.0, 1.0])


def test_a_single_draw_is_the_first_of_a_row():  # F30
    key = jax.random.key(8)
    assert numerics.uniform(key, ()) == numerics.uniform(key, (1,))[0]
    assert numerics.bernoulli(key, jnp.float32(1.0)).shape == ()


def test_draws_of_several_keys_are_one_line():  # F30
    keys = jax.random.split(jax.random.key(0), 3)
    for draw in (
        lambda: numerics.uniform(keys, (3, 2)),
        lambda: numerics.bernoulli(keys, jnp.full((3, 2), 0.5)),
    ):
        with pytest.raises(
            InputError, match=r"expected one key, got keys of shape \(3,\)"
        ) as caught:
            draw()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(2**32 + 1, 1), (2**31, 3, 1), (2**33,), (1, 2**32 + 1)])
def test_draws_never_repeat_without_a_word(shape):  # F30
    with pytest.raises(
        InputError, match="expected at most 2\\^32 rows and 2\\^32 columns"
    ) as caught:
        jax.eval_shape(lambda key: numerics.uniform(key, shape), jax.random.key(0))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(2**32, 1), (1, 2**32), (2**31, 2, 4)])
def test_as_many_rows_and_columns_as_a_word_counts_are_drawn(shape):  # F30
    drawn = jax.eval_shape(lambda key: numerics.uniform(key, shape), jax.random.key(0))
    assert drawn.shape == shape


def test_a_scalar_is_drawn_too():  # F24
    assert numerics.bernoulli(jax.random.key(0), 1e-12) == 0.0
    assert numerics.bernoulli(jax.random.key(0), 1.0) == 1.0
