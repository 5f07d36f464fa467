"""Small files written whole or not at all, and refusals of the file system as one clear line.

Only process 0 of a distributed run writes, so that every process may call the same functions;
missing folders are made. A leading `~` in a path is the home folder, here and wherever else a path
enters: `expand` is the one place that says so.

JAX is imported where it is asked, so that a command's `--help` need not wait for it.
"""

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dbnjax import checks


def expand(path: str | Path) -> Path:
    """Returns a path whose leading `~` or `~user` is a home folder, as a shell would read it.

    A shell leaves `--workdir=~/run` as it is, and Python opens no such path.

    Raises:
      InputError: the system will not look at the path: the name is too long or none, or a folder
        above it is closed to this user.
    """
    found = Path(os.path.expanduser(path))
    try:
        found.stat()
    except (FileNotFoundError, NotADirectoryError):
        return found
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise checks.InputError(
            f"{path}: expected a path that can be looked at, got {reason}; check it and the "
            "permissions of the folders above it"
        ) from error
    return found


def write_json(path: str | Path, value: Any) -> None:
    """Writes a JSON file atomically, with the conversions of `dumps`.

    Raises:
      InputError: the value is not JSON-able or the file cannot be written.
    """
    write_bytes(path, (dumps(value, indent=2) + "\n").encode())


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
      InputError: the file is missing, unreadable or damaged.
    """
    data = read_bytes(path)
    try:
        return loads(data)
    except ValueError as error:
        raise checks.InputError(
            f"{path}: expected JSON, got {error}; the file is damaged or was edited by hand"
        ) from error


def loads(text: str | bytes) -> Any:
    """Returns what JSON says; a number that is not finite is null, as `dumps` writes it.

    Raises:
      ValueError: the text is no JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise ValueError("brackets in brackets, too many to be read") from error


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes a file whole or not at all.

    Raises:
      InputError: the file cannot be written.
    """
    import jax

    if jax.process_index() != 0:
        return
    path = expand(path)
    with writing(path):
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def dumps(value: Any, indent: int | None = None) -> str:
    """Returns JSON; an array becomes a list and a number that is not finite becomes null.

    Raises:
      InputError: a value has no JSON form.
    """
    try:
        return json.dumps(_plain(value), indent=indent, allow_nan=False)
    except (TypeError, RecursionError) as error:
        raise checks.InputError(
            f"expected numbers, strings, lists and dicts to write as JSON, got {error}"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "dtype"):  # of NumPy or JAX
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_bytes(path: str | Path) -> bytes:
    """Reads a file.

    Raises:
      InputError: it is missing or cannot be read.
    """
    try:
        return expand(path).read_bytes()
    except OSError as error:
        raise checks.InputError(
            f"{path}: expected a readable file, got {error.strerror}; check the path"
        ) from error


def visible(folder: Path) -> list[Path]:
    """Returns what a folder holds in the order of the names, without names that begin with a dot.

    macOS leaves a `._1.png` beside every `1.png` on foreign disks, and a `.DS_Store`.

    Raises:
      InputError: the folder cannot be read.
    """
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise checks.InputError(
            f"{folder}: expected a folder that can be read, got {error.strerror}; check the path"
        ) from error


def check_place(path: str | Path | None) -> None:
    """Raises `InputError` unless a file can be written there, before what goes into it is made.

    Args:
      path: the file; None for no file.
    """
    if path is None:
        return
    with writing(path):
        place = expand(path)
    checks.require(
        not place.is_dir() and os.access(place.parent, os.W_OK),
        f"{path}: expected a place to write a file, got "
        f"{'a folder' if place.is_dir() else 'a folder that is closed to this user'}; check the "
        "path and the permissions",
    )


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Makes the parent folder, and turns a refusal of the file system into one clear line."""
    try:
        expand(path).parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise checks.InputError(
            f"{path}: expected a place to write, got {error.strerror}; check the path, the "
            "permissions and the space on the disk"
        ) from error
