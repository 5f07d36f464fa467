"""Starts several processes of one experiment on this machine, and ends all when one is lost.

    python -m experiments.launch --n_processes=2 -- \\
        experiments.mnist_dbn --mesh=data:2 --workdir=runs/two

shows what process 0 shows. A process that fails or is killed ends the others within seconds, and
one line says which it was, how it ended and the last whole checkpoint; the same command goes on
from there. On a CPU a process has one device, or as many as JAX_NUM_CPU_DEVICES says; of a
machine's accelerators each process takes the one of its own number.

On a cluster start the experiment itself on every host, with JAX_COORDINATOR_ADDRESS (host:port of
process 0), DBNJAX_N_PROCESSES and DBNJAX_PROCESS_ID in the environment, and data and work directory
under the same paths for all; a host that falls silent ends the others after 20 seconds.
"""

import argparse
import contextlib
import dataclasses
import importlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from absl import app, flags

from dbnjax import checks, files
from experiments import INTERRUPTED
from experiments.common import devices
from experiments.common.program import parse

GRACE_SECONDS = 5  # for the others to end by themselves once a process has failed
POLL_SECONDS = 0.05
USER_ERROR = 2  # exit code of an experiment that said in one line what it cannot use

N_PROCESSES = flags.DEFINE_integer("n_processes", 2, "Processes to start.", lower_bound=1)


class Started(NamedTuple):
    """A running process.

    Attributes:
      process: the process.
      errors: what it says on stderr, where the user does not see it.
    """

    process: subprocess.Popen[bytes]
    errors: IO[bytes]


def run(n_processes: int, command: Sequence[str]) -> int:
    """Runs `python -m` with a command in so many processes.

    Returns:
      The exit code: 0, that of a user's error or of an interrupt, or 1.

    Raises:
      InputError: the command names no experiment that they can share; nothing is started.
    """
    options(command[0])
    address = f"127.0.0.1:{free_port()}"
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(start(command, address, n_processes, i)) for i in range(n_processes)
        ]
        processes = [one.process for one in started]
        try:
            lost = first_failed(processes)
        except KeyboardInterrupt:
            wait(processes, GRACE_SECONDS)
            if processes[0].returncode != INTERRUPTED:  # which says so itself
                print(
                    "interrupted; the same command goes on from the last checkpoint",
                    file=sys.stderr,
                )
            return INTERRUPTED
        if lost is None:
            return 0
        wait(processes, GRACE_SECONDS)
        code, shown = processes[lost].returncode, processes[0].returncode
        if not code == shown == USER_ERROR:  # whose line stands above
            how = ending(started[lost], heard=lost == 0)
            print(
                f"process {lost} of {n_processes} {how}; the others were ended; last whole "
                f"checkpoint: {last_checkpoint(command)}; the same command goes on from there",
                file=sys.stderr,
            )
        return USER_ERROR if code == USER_ERROR else 1


def options(name: str) -> type[Any]:
    """Returns the options of an experiment, which several processes must be able to share.

    Raises:
      InputError: there is no such experiment, or it has no mesh or no work directory.
    """
    try:
        config: type[Any] = importlib.import_module(name).Config
        found = [field.name for field in dataclasses.fields(config)]
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise checks.InputError(
            f"{name}: expected an experiment as python -m names it, such as "
            f"experiments.mnist_dbn, got none ({error}); check the spelling"
        ) from error
    missing = [f"--{flag}" for flag in ("mesh", "workdir") if flag not in found]
    checks.require(
        not missing,
        f"{name}: expected an experiment that several processes can share, such as "
        f"experiments.mnist_dbn, got one without {' and '.join(missing)}; run it alone",
    )
    return config


@contextlib.contextmanager
def start(command: Sequence[str], address: str, n: int, i: int) -> Iterator[Started]:
    """Starts process i of n, which is killed at the end if it still runs."""
    environment = {
        **os.environ,
        devices.ADDRESS: address,
        devices.N_PROCESSES: str(n),
        devices.PROCESS_ID: str(i),
        "JAX_LOCAL_DEVICE_IDS": str(i),
    }
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment,
            stdout=subprocess.DEVNULL if i else None,
            stderr=errors if i else None,
        )
        try:
            yield Started(process, errors)
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    """Returns a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_failed(processes: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Waits until a process fails and returns its number, or None if all end well.

    Of several that fail within one look, one that a signal killed comes first: the others fail for
    want of it.
    """
    while True:
        codes = [process.poll() for process in processes]
        failed = [(code > 0, i) for i, code in enumerate(codes) if code]
        if failed:
            return min(failed)[1]
        if None not in codes:
            return None
        time.sleep(POLL_SECONDS)


def wait(processes: Sequence[subprocess.Popen[bytes]], seconds: float) -> None:
    """Waits until all processes have ended, at most so long."""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(subprocess.TimeoutExpired):
        for process in processes:
            process.wait(max(deadline - time.monotonic(), 0.0))


def ending(lost: Started, heard: bool) -> str:
    """Says how a process ended, with its last words if nobody has heard them."""
    code = lost.process.returncode
    if code < 0:
        return f"was killed by {signal.Signals(-code).name} (exit code {code})"
    lost.errors.seek(0)
    lines = lost.errors.read().decode(errors="replace").split("\n")
    words = "" if heard else next((line for line in reversed(lines) if line.strip()), "")
    return f"ended with exit code {code}" + (f" ({words.strip()})" if words else "")


def last_checkpoint(command: Sequence[str]) -> Path | str:
    """Returns the newest whole checkpoint below the experiment's work directory."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--workdir", "-workdir")
    workdir = parser.parse_known_args(command[1:])[0].workdir
    if workdir is None:
        workdir = options(command[0])().workdir
    whole = [path for path in files.expand(workdir).rglob("checkpoints/*/*") if path.name.isdigit()]
    return max(whole, key=lambda path: path.stat().st_mtime, default="none was written")


def main(argv: Sequence[str]) -> None:
    """Runs the command that stands after the flags and leaves with its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        checks.require(
            len(argv) > 1,
            "expected an experiment and its flags after --, as in -- experiments.mnist_dbn "
            "--mesh=data:2, got nothing",
        )
        sys.exit(run(N_PROCESSES.value, argv[1:]))
    except checks.InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)


if __name__ == "__main__":
    app.run(main, flags_parser=parse)
