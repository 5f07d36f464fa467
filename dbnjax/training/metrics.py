"""What a run writes about itself: records as JSON lines, small JSON files, progress.

Everything here is host-side and runs between compiled calls. Only process 0 writes, so that
every process of a distributed run may call the same functions; missing folders are made. A
record counts once its newline is on the disk: what a kill left after the last newline is ignored
by `read` and cut by `append`.
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import jax
from tqdm import tqdm

from dbnjax import checks, files


def append(path: str | Path, record: Mapping[str, Any]) -> None:
    """Adds one record as a line of JSON, on the disk when this returns.

    Args:
      path: a `.jsonl` file, made if it is missing.
      record: JSON-able values, NumPy and JAX scalars and arrays. Numbers that are not finite
        are written as null, since JSON has no NaN.

    Raises:
      InputError: the record is not JSON-able or the file cannot be written.
    """
    line = files.dumps(record) + "\n"
    if jax.process_index() != 0:
        return
    with files.writing(path), open(files.expand(path), "a+b") as file:
        _cut_torn_line(file)
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def read(path: str | Path) -> list[dict[str, Any]]:
    """Reads the records of a run, without a torn last line.

    Args:
      path: a `.jsonl` file; a missing one has no records yet.

    Raises:
      InputError: a whole line is not a JSON object, or the file cannot be read.
    """
    if not files.expand(path).exists():
        return []
    lines = files.read_bytes(path).split(b"\n")[:-1]
    return [_record(path, number, line) for number, line in enumerate(lines, start=1)]


def truncate(path: str | Path, keep: Callable[[dict[str, Any]], bool]) -> None:
    """Rewrites a file of records with those for which `keep(record)` holds, atomically.

    A resumed run drops what it recorded after its checkpoint, so that each epoch stands once.
    A missing file stays missing.

    Raises:
      InputError: as `read`; the file is then left as it was.
    """
    if files.expand(path).exists():
        kept = [files.dumps(record) + "\n" for record in read(path) if keep(record)]
        files.write_bytes(path, "".join(kept).encode())


@contextlib.contextmanager
def tensorboard_writer(logdir: str | Path) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Opens a TensorBoard event file and yields `log(step, {name: number})`.

    Raises:
      InputError: tensorboardX is not installed or the folder cannot be written.

    Example:
      >>> with tensorboard_writer("run/events") as log:  # doctest: +SKIP
      ...     log(1, {"reconstruction error": 0.05})
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise checks.InputError(
            "TensorBoard event files need tensorboardX, which is not installed; "
            "pip install 'dbnjax[tensorboard]'"
        ) from error
    with files.writing(logdir):
        writer = SummaryWriter(str(files.expand(logdir)), write_to_disk=jax.process_index() == 0)

    def log(step: int, numbers: Mapping[str, float]) -> None:
        for name, number in numbers.items():
            writer.add_scalar(name, float(number), step)

    with contextlib.closing(writer):
        yield log


@contextlib.contextmanager
def progress(
    total: int, description: str, unit: str = "epoch", done: int = 0, shown: bool = True
) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Shows progress on stderr and yields `advance(numbers)`, to be called once a unit of work.

    A terminal gets one live bar, a log file one line a call; both give the count, the rate, the
    time left and the numbers.

    Args:
      total: units of work in all.
      description: what is being done.
      unit: what is counted.
      done: units that an earlier, interrupted run did.
      shown: whether anything is shown at all.

    Example:
      >>> with progress(2, "RBM 1") as advance:  # doctest: +SKIP
      ...     advance({"reconstruction error": 0.05})
    """
    live = sys.stderr.isatty()
    layout = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
    with tqdm(
        total=total,
        desc=description,
        unit=f" {unit}",
        initial=done,
        file=sys.stderr if live else io.StringIO(),
        bar_format="{l_bar}{bar}{r_bar}" if live else layout,
        dynamic_ncols=live,
        disable=jax.process_index() != 0 or not shown,
    ) as bar:

        def advance(numbers: Mapping[str, float]) -> None:
            shown = {name: f"{float(number):.4g}" for name, number in numbers.items()}
            bar.set_postfix(shown, refresh=False)
            bar.update()
            if not live and not bar.disable:
                print(bar, file=sys.stderr, flush=True)

        yield advance


def _record(path: str | Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = files.loads(line)
    except ValueError:
        record = None
    checks.require(
        isinstance(record, dict),
        f"{path}: expected a JSON object in line {number}, got {line[:40]!r}; "
        "the file is damaged or was edited by hand",
    )
    return record


def _cut_torn_line(file: BinaryIO) -> None:
    """Cuts what follows the last newline, so that the next record starts its own line."""
    if file.seek(0, os.SEEK_END) == 0:
        return
    file.seek(-1, os.SEEK_END)
    if file.read() != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
