"""A work directory holds all that a run writes, and tells a new run from an unfinished one."""

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeVar, cast

from matplotlib.figure import Figure

from dbnjax import checks, figures, files
from dbnjax.training import digests, sharding
from dbnjax.types import PyTree
from experiments.common import options, provenance
from experiments.common.records import TOP, MadeRun, conform

Shown = TypeVar("Shown")
CONFIG = "config.json"
ORIGIN = "origin.json"
DIGESTS = "learned_from.json"


class Origin(TypedDict):
    """What the file of a run's origin holds at least."""

    commit: str
    later_commits: NotRequired[list[str]]


def begin(config: Any, learned_from: Mapping[str, PyTree]) -> Path:
    """Makes a run's folder, or checks that it belongs to this configuration and to the same data.

    Places and how a run is done may be others when it goes on. What it learns from is compared by
    its content and may lie elsewhere; a folder that was begun before there were digests is compared
    by the flags alone. A flag that the folder does not know, since it came later, had its default
    there.

    Args:
      config: the options, `workdir` among them.
      learned_from: what the run learns from and is judged by, arrays under the names of the flags
        that say where these lie.

    Raises:
      InputError: the folder belongs to a run with other flags or other data, is full of other
        things, or cannot be written.
    """
    free = tuple(options.names(type(config), options.PLACE, options.HOW))
    folder = files.expand(config.workdir)
    wanted = _plain(dataclasses.asdict(config), free)
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    found = {name: digests.of_arrays(tree) for name, tree in learned_from.items()}
    sharding.by_first(lambda: _prepare(folder, wanted, _plain(defaults, free), found, free))
    checks.require(
        (folder / CONFIG).exists(),
        f"{folder}: expected what process 0 wrote there, got nothing; all processes need the same "
        "file system",
    )
    _check_data(folder, found)
    return folder


def _plain(values: dict[str, Any], free: tuple[str, ...]) -> dict[str, Any]:
    """Returns values as JSON holds them, without those that may change."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in free
    }


def _prepare(
    folder: Path,
    wanted: dict[str, Any],
    defaults: dict[str, Any],
    found: dict[str, str],
    free: tuple[str, ...],
) -> None:
    try:
        if (folder / CONFIG).exists():
            _check_same(folder, wanted, defaults, found.keys() & _digests(folder).keys(), free)
        else:
            _make(folder, wanted, found)
    except OSError as error:
        raise checks.InputError(
            f"{folder}: expected a folder to work in, got {error.strerror}; check the path and "
            "the permissions"
        ) from error


def _check_same(
    folder: Path,
    wanted: dict[str, Any],
    defaults: dict[str, Any],
    by_content: set[str],
    free: tuple[str, ...],
) -> None:
    known = _read(folder / CONFIG, "flags")
    found = defaults | {name: value for name, value in known.items() if name not in free}
    differing = [
        f"--{name}={found.get(name)} there, {wanted.get(name)} here"
        for name in sorted((wanted.keys() | found.keys()) - by_content)
        if wanted.get(name) != found.get(name)
    ]
    checks.require(
        not differing,
        f"{folder}: expected a run with the same flags, but these differ: "
        f"{'; '.join(differing)}; use those flags to resume it or another --workdir",
    )


def _check_data(folder: Path, found: dict[str, str]) -> None:
    known = _digests(folder)
    changed = [f"--{name}" for name in found if known.get(name, found[name]) != found[name]]
    checks.require(
        not changed,
        f"{folder}: expected what its run learned from when it was begun, got others by "
        f"{' and '.join(changed)}; files were replaced or differ: bring back those of before to "
        "resume it, or use another --workdir",
    )


def _digests(folder: Path) -> dict[str, Any]:
    """Returns what a run was begun with, nothing for one that is older than its digests."""
    return _read(folder / DIGESTS, "digests") if (folder / DIGESTS).exists() else {}


def _read(file: Path, of: str) -> dict[str, Any]:
    found = files.read_json(file)
    checks.require(
        isinstance(found, dict),
        f"{file}: expected a JSON object of {of}, got {found!r}; the file was edited by hand",
    )
    return dict(found)


def _make(folder: Path, wanted: dict[str, Any], found: dict[str, str]) -> None:
    # A kill before the configuration was written leaves these.
    written = (ORIGIN, DIGESTS, CONFIG)
    begun = {*written, *(f".{name}.tmp" for name in written)}
    occupied = folder.is_dir() and any(path.name not in begun for path in folder.iterdir())
    checks.require(
        not occupied,
        f"{folder}: expected an empty or new folder or a run of this experiment, got a folder "
        "with other files; choose another --workdir",
    )
    files.write_json(folder / ORIGIN, provenance.made())
    files.write_json(folder / DIGESTS, found)
    files.write_json(folder / CONFIG, wanted)  # last: flags alone are not enough


def laid_out(path: Path, record: Any, lay_out: Callable[[Any], Shown]) -> Shown:
    """Lays out what was read from a file.

    Raises:
      InputError: it lacks what is shown.
    """
    try:
        return lay_out(record)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise checks.InputError(
            f"{path}: expected the record of a finished run, got one that cannot be shown "
            f"({reason:.200}); the file is damaged, was edited by hand or was written by another "
            "version"
        ) from error


def note_commit(folder: Path) -> None:
    """Records the commit of the code that now goes on with a run, if none of before is the same.

    Call it before anything is learned; a finished run that only shows its results has no new one.
    """
    known = origin(folder)
    later, commit = known.get("later_commits", []), provenance.commit()
    if commit not in (known["commit"], *later):
        files.write_json(folder / ORIGIN, known | {"later_commits": [*later, commit]})


def origin(folder: Path) -> dict[str, Any]:
    """Returns the commit, the machine, the versions and the date that a run was begun with.

    And, if it was resumed with other code, its `later_commits` in the order of their first use.
    """
    found = files.read_json(folder / ORIGIN)
    conform(folder / ORIGIN, TOP, found, Origin)
    return dict(found)


def described(folder: Path, config: options.Options) -> MadeRun:
    """Returns how a run was made, as every record of one begins: origin, command, options."""
    made = {"command": options.command(config), "config": options.recorded(config)}
    return cast(MadeRun, origin(folder) | made)


def seconds(epochs: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Returns the wall time of each stage, from the records of its epochs."""
    spent: dict[str, float] = {}
    for record in epochs:
        spent[record["stage"]] = spent.get(record["stage"], 0.0) + record["seconds"]
    return spent


def draw(makers: Mapping[Path, Callable[[], Figure]]) -> None:
    """Draws figures of what is written already; one that fails costs a line, not the run.

    Args:
      makers: what makes each figure, by the PNG file that it goes to.
    """
    for path, make in makers.items():
        try:
            figures.save(make(), path)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            print(f"warning: {path} was not drawn: {reason}", file=sys.stderr, flush=True)
