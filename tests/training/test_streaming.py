"""Epochs over a stream: which cases they visit, and how much lies on the device."""

import functools

import jax
import numpy as np
import pytest
from streams_in_memory import BATCH, KEY, N_CLASSES, Counted, epoch_of, numbers

from dbnjax.learning import contrastive_divergence, updates
from dbnjax.training import greedy, loop, stages, streaming
from dbnjax.types import Learner

HIDDEN, N_PIXELS = 6, 12


prepare = greedy.layer_data("sample", "mean", 0)


@functools.cache
def compiled() -> tuple[Learner, loop.Epoch]:
    learner = contrastive_divergence.contrastive_divergence(1)
    return learner, loop.epoch_program(learner, prepare, BATCH)


def start(learner):
    return learner.init(KEY, greedy.layer(jax.random.key(0), N_PIXELS, HIDDEN))


@pytest.mark.parametrize(("n_cases", "size"), [(160, 40), (227, 50), (2000, 1000)])
def test_each_case_of_whole_chunks_is_seen_exactly_once(n_cases, size):
    seen, report = epoch_of(Counted(n_cases), size)
    assert [chunk.size for chunk in seen] == [size] * (n_cases // size)
    cases = np.concatenate([chunk.ravel() for chunk in seen])
    assert len(set(cases.tolist())) == n_cases // size * size
    # The mean of what the chunks reported.
    np.testing.assert_allclose(report.info, (1 + len(seen)) / 2, rtol=1e-6)


def test_what_waited_is_seen_in_another_epoch():
    epochs = []
    for seed in range(5):  # a case waits in all of them with probability (27 / 227)^5 = 2e-5
        seen, _ = epoch_of(Counted(227), 50, jax.random.key(seed))
        epochs.append(set(np.concatenate(seen).ravel().tolist()))
    assert [len(cases) for cases in epochs] == [200] * 5
    assert set.union(*epochs) == set(range(227))


def test_chunks_mix_cases_from_everywhere_and_read_in_ascending_order():
    planned = streaming.plan(KEY, 100_000, 1000)
    assert len(planned) == 100
    for ranges in planned:
        starts = np.array([start for start, _ in ranges])
        assert len(ranges) >= streaming.PIECES
        assert (np.diff(starts) > 0).all()
        # Of 100 even draws from 100,000 the mean strays by 2,900: five times that.
        assert abs(starts.mean() - 50_000) < 14_500


def test_the_plan_follows_the_key():
    first, again, other = (streaming.plan(jax.random.key(s), 500, 100) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_one_chunk_learns_what_an_epoch_in_memory_does():
    stream, hyper = Counted(200), updates.hyper(0.1, 0.5)
    learner, program = compiled()
    streamed = streaming.epoch_over(program, streaming.cut(stream, 200, BATCH))
    state, report = streamed(KEY, hyper, start(learner), ())
    data = loop.put(stream.pixels, stream.labels, N_CLASSES, BATCH, balanced=False)
    key_chunk = jax.random.fold_in(jax.random.split(KEY)[1], 0)
    expected = program(key_chunk, hyper, start(learner), (), data)
    for a, b in zip(*map(jax.tree.leaves, ((state, report), expected)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_all_chunks_share_one_program():
    traces = []

    def counted(*arguments):
        traces.append(1)
        return prepare(*arguments)

    learner, _ = compiled()
    program, state = loop.epoch_program(learner, counted, BATCH), start(learner)
    counts = []
    for n_cases in (50, 230):
        streamed = streaming.epoch_over(program, streaming.cut(Counted(n_cases), 50, BATCH))
        state, _ = streamed(KEY, updates.hyper(0.1), state, ())
        counts.append(len(traces))
    assert counts[0] == counts[1]


def test_two_chunks_at_most_are_on_the_device():
    size, on_device = 500, []

    def watch():
        chunks = [a for a in jax.live_arrays() if a.shape == (size, N_PIXELS)]
        on_device.append(len(chunks))

    learner, program = compiled()
    chunks = streaming.cut(Counted(3000, watch), size, BATCH)
    state, _ = streaming.epoch_over(program, chunks)(KEY, updates.hyper(0.1), start(learner), ())
    jax.block_until_ready(state)
    # While a chunk is read, which makes one more, the one that trains is there and no other.
    assert max(on_device) == 1
    watch()
    assert on_device[-1] == 0


def test_an_epoch_ends_when_it_diverges():
    learner, program = compiled()
    reads = []
    chunks = streaming.cut(Counted(500, lambda: reads.append(1)), 50, BATCH)
    _, report = streaming.epoch_over(program, chunks)(
        KEY, updates.hyper(float("inf")), start(learner), ()
    )
    assert not bool(report.finite)
    assert len(reads) == 2  # the first chunk and the one that was read meanwhile


def streamed_stage(stop_at=None):
    learner, program = compiled()
    streamed = streaming.epoch_over(program, streaming.cut(Counted(230), 50, BATCH))

    def epoch(i, state):
        if i == stop_at:
            raise KeyboardInterrupt
        state, report = streamed(jax.random.fold_in(KEY, i), updates.hyper(0.1), state, ())
        return state, bool(report.finite), {}

    return stages.Stage("streamed", 3, epoch), start(learner)


def test_a_resumed_run_ends_with_the_same_bits(tmp_path):
    whole = stages.run(*streamed_stage(), {}, stages.Place(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        stages.run(*streamed_stage(stop_at=2), {}, stages.Place(tmp_path / "cut"))
    resumed = stages.run(*streamed_stage(), {}, stages.Place(tmp_path / "cut"))
    for a, b in zip(*map(jax.tree.leaves, (whole, resumed)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_sample_comes_from_all_over():
    pixels, labels = streaming.sample(KEY, Counted(1000), 200)
    cases = numbers(pixels.reshape(200, -1))
    np.testing.assert_array_equal(labels, cases % N_CLASSES)
    assert len(set(cases.tolist())) == 200
    # The mean of 100 pairs of 1,000 cases strays by 29: five times that.
    assert abs(cases.mean() - 500) < 145
    assert len(streaming.sample(KEY, Counted(30), 200).pixels) == 30


def test_the_first_cases_of_a_sample_are_a_sample_too():
    pixels, labels = streaming.sample(KEY, Counted(1000), 200)
    first = numbers(pixels[:50].reshape(50, -1))
    np.testing.assert_array_equal(labels[:50], first % N_CLASSES)
    # The mean of 50 of 1,000 cases strays by 41; in the order of the stream it would be 375 away.
    assert abs(first.mean() - 500) < 205
