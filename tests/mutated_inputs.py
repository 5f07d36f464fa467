"""Gives every door of the library and of its commands inputs that nobody meant.

    python tests/mutated_inputs.py --n=10000

Each input has to end in a result or in one line that says what is wrong (`InputError`; of a command
line one line and exit code 2), within a few seconds and without much memory. Whatever else happens
is printed, with the number by which `--only` makes that input again, and the exit code is 1. The
kinds of input are the rows of `KINDS`.
"""

import argparse
import contextlib
import faulthandler
import io
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import mutated_kinds as kinds
import numpy as np
from mutated_flags import command_line
from tqdm import tqdm

from dbnjax.checks import InputError

SECONDS = 30  # on a slow and busy core; nearly every input takes a hundredth of one
MEGABYTES = 600  # that one input may take beyond what any took before
LONGEST = 2100  # characters of a line that a person may be asked to read

KINDS: dict[str, kinds.Make] = {
    "IDX": kinds.idx_set,
    "PNG": kinds.png_files,
    "NPY": kinds.npy_file,
    "prepared folder": kinds.prepared_folder,
    "safetensors": kinds.net_file,
    "metadata": kinds.metadata,
    "metadata in memory": kinds.metadata_in_memory,
    "result files": kinds.result_files,
    "finished run": kinds.finished_run,
    "work directory": kinds.work_directory,
    "JSON": kinds.json_file,
    "flags": command_line,
}


class Failure(NamedTuple):
    """An input that ended neither in a result nor in a line."""

    number: int
    kind: str
    what: str
    problem: str
    trace: str


class TooLong(BaseException):
    """An input took too long; no reader that catches every `Exception` takes it for damage."""


def try_one(number: int, seed: int, kind: str | None = None) -> Failure | str:
    """Makes an input by its number and gives it to its door.

    Returns:
      What was wrong, or how it ended: "result", "line".
    """
    rng = np.random.default_rng([seed, number])
    kind = kind or list(KINDS)[number % len(KINDS)]
    with tempfile.TemporaryDirectory() as place:
        what, door = KINDS[kind](rng, Path(place))
        printed, before = io.StringIO(), _megabytes()
        ended, trace = "result", ""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(printed):
            try:
                with _time_limit():
                    door()
            except InputError as error:
                ended = _judge(str(error))
            except SystemExit as error:
                line = printed.getvalue().removeprefix("error: ").removesuffix("\n")
                ended = _judge(line) if error.code == 2 else f"exit code {error.code}"
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                message = str(error).strip().splitlines()
                ended = f"{type(error).__name__}: {message[-1] if message else ''}"[:300]
                trace = traceback.format_exc()
        if "Traceback" in printed.getvalue():
            ended = "a traceback on stderr"
        elif _megabytes() - before > MEGABYTES:
            ended = f"took {_megabytes() - before:.0f} MB of memory"
    return ended if ended in ("result", "line") else Failure(number, kind, what, ended, trace)


def _judge(message: str) -> str:
    if len(message.splitlines()) != 1:
        return f"not one line: {message!r:.300}"
    return "line" if len(message) <= LONGEST else f"a line of {len(message)} characters"


def _megabytes() -> float:
    """The most memory that this process had at any time."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def ring(signum: int, frame: FrameType | None) -> None:
        raise TooLong(f"more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(
    n: int, seed: int, only: int | None = None, kind: str | None = None
) -> tuple[Counter[str], list[Failure]]:
    """Tries inputs; returns how many ended how, by kind, and the failures."""
    counts: Counter[str] = Counter()
    failures = []
    numbers = range(n) if only is None else [only]
    for number in tqdm(numbers, "mutated inputs", file=sys.stderr, mininterval=1):
        found = try_one(number, seed, kind)
        if isinstance(found, Failure):
            failures.append(found)
        name = kind or list(KINDS)[number % len(KINDS)]
        counts[f"{name}: {found if isinstance(found, str) else 'failure'}"] += 1
    return counts, failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--n", type=int, default=10_000, help="inputs")
    parser.add_argument("--seed", type=int, default=0, help="seed of all of them")
    parser.add_argument("--only", type=int, help="number of the one input to try, with its trace")
    parser.add_argument("--kind", choices=list(KINDS), help="inputs of one kind alone")
    given = parser.parse_args()
    faulthandler.enable()  # a fault of a library's own code ends the process
    counts, failures = run(given.n, given.seed, given.only, given.kind)
    for failure in failures:
        print(f"{failure.number}, {failure.kind}, {failure.what!r:.300}\n    {failure.problem}")
        if given.only is not None:
            print(failure.trace)
    for name, count in sorted(counts.items()):
        print(f"{name:<32}{count:>7}")
    print(f"{len(failures)} failures of {sum(counts.values())} inputs")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
