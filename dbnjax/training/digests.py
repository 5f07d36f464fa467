"""A digest of every file of a folder beside them, so that a flipped bit does not go unnoticed."""

import hashlib
from pathlib import Path

from dbnjax import checks, files

NAME = "digests.json"


def write(folder: Path) -> None:
    """Writes down what every file of a folder holds.

    Raises:
      InputError: the folder cannot be written.
    """
    files.write_json(folder / NAME, _found(folder))


def changed(folder: Path) -> list[str]:
    """Returns the files that are missing or other than what was written down, none if nothing was.

    Raises:
      InputError: what was written down cannot be read.
    """
    if not (folder / NAME).exists():
        return []
    written, found = files.read_json(folder / NAME), _found(folder)
    checks.require(
        isinstance(written, dict),
        f"{folder / NAME}: expected a JSON object of digests, got another value; it is damaged",
    )
    return [name for name in written if found.get(name) != written[name]]


def _found(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file but the list of digests itself."""
    found = {}
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        found[file.relative_to(folder).as_posix()] = digest
    found.pop(NAME, None)
    return found
