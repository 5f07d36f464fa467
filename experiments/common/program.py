"""How an experiment meets its user: from the command line to a result or to one line.

JAX is imported when the experiment itself is, after the flags are parsed.
"""

import contextlib
import dataclasses
import importlib
import io
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from absl import app, flags

from dbnjax import checks
from experiments import INTERRUPTED
from experiments.common.options import FLAGS, Options, define, from_flags

UNHEARD = 141  # exit code, as shells have it of a program that SIGPIPE ended
LEAVE_SECONDS = 5  # in which processes that met the same mistake end together


def start(package: str) -> None:
    """Starts `python -m` of an experiment's folder, for its `__main__`.

    The folder exports `Config`, which holds its options, and `run(config)`, which is imported when
    the options are known; its docstring is what `--help` begins with.
    """
    experiment = importlib.import_module(package)
    sys.modules["__main__"].__doc__ = experiment.__doc__
    launch(lambda config: experiment.run(config), experiment.Config)


def launch(run: Callable[[Any], Any], config: type[Options]) -> None:
    """Defines and parses the flags and runs; a user's mistake is one line and exit code 2.

    An interrupt is a line that says how to go on. SIGTERM ends at once, as it does any program,
    between whole checkpoints like every other end.
    """
    define(config)
    for field in dataclasses.fields(config):  # what --help lists
        FLAGS.register_key_flag_for_module(sys.argv[0], FLAGS[field.name])

    def main(argv: Sequence[str]) -> None:
        # absl shows all notes, and JAX's name every accelerator that is not there.
        logging.getLogger("jax").setLevel(logging.WARNING)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # which may not know every letter of a path
                stream.reconfigure(errors="backslashreplace")
        try:
            checks.require(len(argv) == 1, f"unexpected arguments: {' '.join(argv[1:])}")
            run(from_flags(config))
            sys.stdout.flush()
        except KeyboardInterrupt:
            interrupted()
        except BrokenPipeError:  # who reads the output, such as head, has seen enough
            os._exit(UNHEARD)
        except checks.InputError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            leave()
        except OSError as error:
            if error.filename is None:
                fail(error)
            print(f"error: {error.filename}: {error.strerror}", file=sys.stderr, flush=True)
            leave()
        except Exception as error:
            fail(error)

    app.run(main, flags_parser=parse)


def interrupted() -> NoReturn:
    """Ends the program with a line that says how to go on."""
    where = FLAGS["workdir"].value if "workdir" in FLAGS else ""
    goes_on = f"; the same command goes on from the last checkpoint in {where}" if where else ""
    print(f"interrupted{goes_on}", file=sys.stderr)
    _exit(INTERRUPTED)


def leave() -> None:
    """Ends the program with exit code 2, together with the other processes if they end too.

    An orderly exit would wait for minutes for processes that have not met the same mistake.
    """
    if not _together():
        sys.exit(2)
    together = threading.Thread(target=_shut_down, daemon=True)
    together.start()
    together.join(LEAVE_SECONDS)
    _exit(2)


def _together() -> bool:
    """Returns whether this process is one of several, which none is before JAX is imported."""
    if "jax" not in sys.modules:
        return False
    import jax

    return bool(jax.distributed.is_initialized())


def _shut_down() -> None:
    import jax

    from experiments.common import devices

    with contextlib.suppress(devices.FAILURE):
        jax.distributed.shutdown()


def fail(error: Exception) -> None:
    """Ends the program with one line if the failure of the devices has a plain meaning."""
    from experiments.common import devices

    line = devices.explain(error)
    if line is not None:
        print(f"error: {line}", file=sys.stderr)
    elif _together():
        traceback.print_exception(error)
    else:
        raise error
    _exit(1)


def _exit(code: int) -> NoReturn:
    """Ends at once: an orderly exit would wait for other processes, which may be lost."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def parse(argv: Sequence[str]) -> list[str]:
    """Parses the command line; an unknown or bad flag is one line and exit code 2."""
    try:
        try:
            return FLAGS(argv)
        finally:
            sys.stdout.flush()  # of --help
    except BrokenPipeError:
        os._exit(UNHEARD)
    except (flags.Error, UnicodeError) as error:  # the latter of a --flagfile
        reason = checks.one_line(" ".join(str(error).split()))
        print(f"error: {reason}; --help lists the flags", file=sys.stderr)
        sys.exit(2)
