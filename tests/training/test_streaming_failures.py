"""Streams that fail, that change and that do not fit are one line each."""

import pytest
from streams_in_memory import BATCH, Counted, epoch_of

from dbnjax.checks import InputError
from dbnjax.training import streaming


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
    with pytest.raises(InputError, match=r"expected cases of shape \(50, 3, 4\), got \(49, 3, 4\)"):
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
