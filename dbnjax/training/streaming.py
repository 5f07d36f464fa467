"""Epochs over more cases than the device, or the host, can hold: one chunk after another.

The cases are cut into short blocks of neighbours, the blocks are shuffled by the epoch's key and
laid end to end, and the row is cut into chunks of one size. So the disk reads in long pieces, each
chunk mixes cases from `PIECES` or so places, and one compiled program (`loop.epoch_program`), which
shuffles within its chunk, serves all of them. Cases beyond the last whole chunk wait for another
epoch; they are other ones each time.

While one chunk trains, a thread reads the next, which is then put on the device beside it. Two
chunks at most are there, and one in the host's memory: the one after is not read before the one
that trained is done with.
"""

import dataclasses
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks
from dbnjax.data.images import Images
from dbnjax.data.streams import Ranges, Stream
from dbnjax.training import loop
from dbnjax.types import Key, PyTree

PIECES = 100  # blocks to a chunk: at 100,000 digits a chunk, reads of 784 kB from 100 places

EpochOver = Callable[[Key, PyTree, PyTree, PyTree], tuple[PyTree, loop.Report]]


@dataclasses.dataclass(frozen=True)
class Chunks:
    """A stream that is learned from in chunks; made by `cut`.

    Attributes:
      stream: the cases.
      size: cases in a chunk.
    """

    stream: Stream
    size: int


def cut(stream: Stream, size: int, batch_size: int) -> Chunks:
    """Divides a stream into chunks, checked.

    Args:
      stream: the cases.
      size: cases in a chunk; twice its bytes must fit on the device, and once in the host's memory.
      batch_size: cases in a minibatch.

    Raises:
      InputError: the chunk is no whole number of minibatches, or larger than the stream.
    """
    checks.check_batch_size(batch_size, stream.n_cases)
    checks.require(
        checks.is_whole(size) and size % batch_size == 0 and batch_size <= size <= stream.n_cases,
        f"chunk: expected a multiple of the batch size {batch_size}, at most the "
        f"{stream.n_cases} cases of the stream, got {checks.in_words(size)}; choose another size",
    )
    return Chunks(stream, size)


def plan(key: Key, n_cases: int, size: int) -> list[Ranges]:
    """Returns what each chunk of an epoch is read from: ranges [start, stop) in ascending order.

    Every case lies in one range at most, and those of whole chunks in exactly one.

    Args:
      key: decides the order of the blocks.
      n_cases: cases in all.
      size: cases in a chunk.
    """
    block = max(size // PIECES, 1)
    n_blocks = -(-n_cases // block)
    chunks: list[Ranges] = []
    current: list[tuple[int, int]] = []
    room = size
    for number in np.asarray(jax.random.permutation(key, n_blocks)).tolist():
        start, stop = number * block, min((number + 1) * block, n_cases)
        while room <= stop - start:
            chunks.append(sorted([*current, (start, start + room)]))
            start, current, room = start + room, [], size
        if start < stop:
            current.append((start, stop))
            room -= stop - start
    return chunks


def read(stream: Stream, ranges: Ranges) -> Any:
    """Reads ranges of cases into the host's memory, images or a pytree as of `loop.put_cases`.

    Raises:
      InputError: the stream fails, or gives other cases than it was asked for.
    """
    try:
        cases = stream.read(ranges)
    except checks.InputError:
        raise
    except Exception as error:  # a stream may be anybody's
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise checks.InputError(
            f"stream: expected cases {ranges[0][0]} to {ranges[-1][1] - 1}, got {reason}; "
            "what it reads is damaged or gone"
        ) from error
    n_cases = sum(stop - start for start, stop in ranges)
    expected: tuple[int, ...] = (n_cases,)
    got: tuple[int, ...]
    if isinstance(cases, Images):
        expected, got = (n_cases, *stream.shape), cases.pixels.shape
    else:
        got = (loop.check_lengths("stream", cases),)
    checks.require(
        got == expected,
        f"stream: expected cases of shape {expected}, got {got}; what it reads has changed",
    )
    return cases


def sample(key: Key, stream: Stream, n_cases: int) -> Images:
    """Reads some cases from all over a stream, to look at; at most as many as there are.

    They come in an order of the key's, so that the first of them are a sample too.
    """
    key_ranges, key_order = jax.random.split(key)
    n_cases = min(n_cases, stream.n_cases)
    cases: Images = read(stream, plan(key_ranges, stream.n_cases, n_cases)[0])
    order = np.asarray(jax.random.permutation(key_order, n_cases))
    return Images(cases.pixels[order], cases.known_labels()[order])


def epoch_over(program: loop.Epoch, cases: loop.Data | Chunks) -> EpochOver:
    """Makes an epoch over cases wherever they are: `epoch(key, hyper, state, context)`.

    The key alone decides the chunks and all draws, so that a resumed run replays them; chunk i
    learns with a `fold_in(key, i)`. The state is donated. An epoch over chunks ends with the first
    after which a parameter is not finite.

    Args:
      program: what `loop.epoch_program` compiles; all chunks share it.
      cases: on the device, or cut into chunks.

    Returns:
      The epoch, which returns the state and a report averaged over the chunks. It raises
      `InputError` where a stream fails.
    """
    if isinstance(cases, Chunks):
        return functools.partial(_epoch, program, cases)
    return lambda key, hyper, state, context: program(key, hyper, state, context, cases)


def _epoch(
    program: loop.Epoch, chunks: Chunks, key: Key, hyper: PyTree, state: PyTree, context: PyTree
) -> tuple[PyTree, loop.Report]:
    key_order, key_chunks = jax.random.split(key)
    stream = chunks.stream
    planned = plan(key_order, stream.n_cases, chunks.size)
    reports: list[loop.Report] = []
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(read, stream, planned[0])
        for i in range(len(planned)):
            data = _put(stream, coming.result())
            if reports and not bool(reports[-1].finite):  # waits for the chunk that trains
                break
            if i + 1 < len(planned):
                coming = reader.submit(read, stream, planned[i + 1])
            key_chunk = jax.random.fold_in(key_chunks, i)
            state, report = program(key_chunk, hyper, state, context, data)
            reports.append(report)
    return state, _joined(reports)


def _put(stream: Stream, cases: Any) -> loop.Data:
    if not isinstance(cases, Images):
        return loop.put_cases(cases, batch_size=1)
    labels = cases.known_labels()
    return loop.put(cases.pixels, labels, stream.n_classes, batch_size=1, balanced=False)


def _joined(reports: list[loop.Report]) -> loop.Report:
    infos = [report.info for report in reports]
    info = jax.tree.map(lambda *numbers: jnp.stack(numbers).mean(0), *infos)
    return loop.Report(info=info, finite=reports[-1].finite)
