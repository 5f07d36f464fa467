"""Epochs over a stream: which cases they visit, how much lies on the device, what may go wrong."""

import functools

import jax
import numpy as np
import pytest
from streams_in_memory import N_CLASSES, Counted, numbers

from dbnjax.checks import InputError
from dbnjax.learning import contrastive_divergence, updates
from dbnjax.training import greedy, loop, stages, streaming
from dbnjax.types import Learner

BATCH, HIDDEN, N_PIXELS = 10, 6, 12
KEY = jax.random.key(3)


prepare = greedy.layer_data("sample", "mean", 0)


@functools.cache
def compiled() -> tuple[Learner, loop.Epoch]:
    learner = contrastive_divergence.contrastive_divergence(1)
    return learner, loop.epoch_program(learner, prepare, BATCH)


def start(learner):
    return learner.init(KEY, greedy.layer(jax.random.key(0), N_PIXELS, HIDDEN))


def seeing():
    """A learner that learns nothing, and an epoch's program that keeps what it has seen."""
    seen = []

    def program(key, hyper, state, context, data):
        rows = np.asarray(loop.minibatches(key, data, BATCH))
        seen.append(numbers(np.asarray(data.pixels)[rows]))
        np.testing.assert_array_equal(data.labels, numbers(data.pixels) % N_CLASSES)
        return state, loop.Report(info=np.float32(len(seen)), finite=np.bool_(True))

    return seen, program


def epoch_of(stream, size, key=KEY):
    seen, program = seeing()
    epoch = streaming.epoch_over(program, streaming.cut(stream, size, BATCH))
    _, report = epoch(key, None, (), ())
    return seen, report


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


class Failing(Counted):
    """Fails with the read of one of the last cases."""

    def __init__(self, failure):
        super().__init__(500)
        self.failure = failure

    def read(self, ranges):
        if ranges[-1][1] > 497:
            raise self.failure
        return super().read(ranges)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (OSError(5, "Input/output error"), r"cases \d+ to \d+, got OSError:.*Input/output error"),
        (RuntimeError("two\nlines"), "got RuntimeError: two lines; what it reads is damaged"),
        (InputError("images.npy: it is cut"), r"^images\.npy: it is cut$"),
    ],
)
def test_a_failure_of_the_reading_thread_is_one_line(failure, message):
    with pytest.raises(InputError, match=message) as caught:
        epoch_of(Failing(failure), 50)
    assert "\n" not in str(caught.value)


class Changed(Counted):
    """Gives one case less than it was asked for."""

    def read(self, ranges):
        return super().read(ranges[:-1])


def test_a_stream_that_has_changed_is_refused():
    with pytest.raises(
        InputError, match=r"expected images of shape \(50, 3, 4\), got \(49, 3, 4\)"
    ):
        epoch_of(Changed(500), 50)


def test_labels_out_of_range_are_refused():
    stream = Counted(100)
    stream.labels[70] = 5
    with pytest.raises(InputError, match="labels: expected labels from 0 to 4, got 0 to 5"):
        epoch_of(stream, 50)


@pytest.mark.parametrize("size", [0, 5, 55, 110])
def test_a_chunk_that_does_not_fit_is_refused(size):
    message = f"multiple of the batch size 10, at most the 100 cases of the stream, got {size}"
    with pytest.raises(InputError, match=message):
        streaming.cut(Counted(100), size, BATCH)


def test_a_batch_larger_than_the_stream_is_refused():
    with pytest.raises(InputError, match="batch size: expected 1 to 5"):
        streaming.cut(Counted(5), 5, BATCH)
