"""The candidates of random draws: what each draws, and how large its bias is at most."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dbnjax import numerics
from experiments.benchmark import draws as benchmark_draws
from experiments.benchmark import jobs as benchmark_jobs
from experiments.benchmark.draws import CANDIDATES, middle
from experiments.benchmark.jobs import Sizes
from experiments.benchmark.parts import Sampled

NAMED = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)


def drawn(candidate, probability):
    key = jax.random.key(3, impl=candidate.generator)
    return np.asarray(candidate.draw(key, jnp.float32(probability)))


@NAMED
def test_states_have_their_probabilities(candidate):
    p = np.linspace(0.0, 1.0, 41)  # an odd number of units
    states = drawn(candidate, np.tile(p, (4000, 1)))
    assert set(np.unique(states)) == {0.0, 1.0}
    error = np.sqrt(p * (1 - p) / len(states))
    assert (np.abs(states.mean(0) - p) <= 5 * error).all()


@NAMED
def test_units_are_drawn_independently(candidate):
    states = drawn(candidate, np.full((4000, 10), 0.5))
    correlations = np.corrcoef(states.T) - np.eye(10)
    assert np.abs(correlations).max() < 5 / np.sqrt(len(states))


def test_repeated_draws_feed_on_their_states():
    key, fields = jax.random.key(4), jax.random.normal(jax.random.key(5), (3, 5))
    got = benchmark_draws.draw_often(numerics.bernoulli, key, fields, 3)
    for i in range(3):
        states = numerics.bernoulli(jax.random.fold_in(key, i), jax.nn.sigmoid(fields))
        fields = fields.at[0, 0].set(states[0, 0])
    np.testing.assert_array_equal(got, states)


def test_the_library_draws_on_the_grid_whose_bias_is_told():
    steps = np.asarray(numerics.uniform(jax.random.key(0), (10_000,)), np.float64) * 2**24
    np.testing.assert_array_equal(steps, np.round(steps))
    assert steps.max() > 2**24 - 2**14  # the largest of 10,000 lies below that once in 17,000 times
    bits = jnp.array([0, 1, 2**16 - 1], jnp.uint16)
    np.testing.assert_array_equal(middle(bits), [2**-17, 3 * 2**-17, 1 - 2**-17])


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5])
def test_the_largest_bias_is_what_no_probability_exceeds(monkeypatch, shift):
    monkeypatch.setattr(benchmark_draws, "BLOCK", 5)
    uniforms = np.float32((np.arange(16) + shift) / 16)
    p = np.linspace(0, 1, 32_001).astype(np.float32)
    biases = np.abs((uniforms < p[:, None]).mean(1) - np.float64(p))
    found = benchmark_draws.largest_bias(uniforms)
    # A probability of the list lies within 1 / 32,000 of the worst one.
    assert biases.max() <= found <= biases.max() + 1 / 32_000


def test_every_candidate_has_a_row_at_every_width():
    sizes = Sizes(layers=(8, 6, 8), batch_size=10)
    setting = benchmark_jobs.setting(sizes, np.zeros((20, 16), np.uint8), np.zeros(20, int))
    jobs = benchmark_draws.draws(setting)
    assert [job.name for job in jobs] == [
        f"states of 10x{width} by {candidate.name}" for width in (8, 6) for candidate in CANDIDATES
    ]
    assert jobs[-1].call().shape == (10, 6)
    assert [*jobs[-1].parts] == [Sampled(10, 6)]


def test_the_note_tells_the_bias_of_both_widths():
    note = benchmark_draws.note()
    assert "at most 2^-24.00 with 24 bits and 2^-17.00 with 16 bits, over all" in note
