"""Checkpoints of a run's whole state: a folder with the two newest steps, written by orbax.

A checkpoint is complete on the disk when `save` returns, so that the state may be donated to
the next compiled call, and it appears under its step's name all at once: a kill in mid-save
leaves the last whole step the latest. Beside the arrays stand the architecture and every array's
type and shape, for orbax casts a wrong type silently, and a digest of every file, for it does
not notice a flipped bit in an array.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from dbnjax import checks, files
from dbnjax.training import digests
from dbnjax.types import PyTree

KEPT = 2  # the newest and, should it turn out damaged, the one before


def save(folder: str | Path, step: int, state: PyTree, architecture: Mapping[str, Any]) -> None:
    """Writes a checkpoint and deletes all but the two newest; every process has to call it.

    Args:
      folder: of the checkpoints of one run, made if it is missing.
      step: a count later than that of every checkpoint in the folder, the epoch for example.
      state: a pytree of arrays, typed PRNG keys included.
      architecture: a JSON-able description of what the state belongs to.

    Raises:
      InputError: the step is not later than the latest, or the folder cannot be written.
    """
    checks.check_count("step", step, 0)
    description = {"architecture": architecture, "arrays": _signatures(state)}
    items = ocp.args.Composite(
        state=ocp.args.StandardSave(state), description=ocp.args.JsonSave(description)
    )
    with _quiet():
        try:
            with _manager(folder, create=True) as manager:
                saved = manager.save(step, args=items)
        except Exception as error:
            raise checks.InputError(
                f"{folder}: expected to write the checkpoint of step {step}, got "
                f"{_first_line(error)}; the folder may not be writable, the disk full or, of "
                "several processes, one lost"
            ) from error
    checks.require(
        saved,
        f"{folder}: expected a step later than {latest_step(folder)}, got {step}; the folder "
        "belongs to another run or this step was saved before",
    )
    if jax.process_index() == 0:
        digests.write(files.expand(folder) / str(step))


def latest_step(folder: str | Path) -> int | None:
    """Returns the step of the latest whole checkpoint, or None where there is none."""
    if not files.expand(folder).is_dir():
        return None
    with _quiet(), _manager(folder) as manager:
        return manager.latest_step()


def restore(
    folder: str | Path, target: PyTree, architecture: Mapping[str, Any]
) -> tuple[int, PyTree]:
    """Reads the latest checkpoint into the structure of a target.

    Args:
      folder: of the checkpoints of one run.
      target: a pytree of arrays, or of `jax.ShapeDtypeStruct`s as `jax.eval_shape` gives; its
        values are not used. An array is restored with its target's sharding, and on the
        default device where the target names none; either way it is committed.
      architecture: the description of what the target belongs to.

    Returns:
      The step and the state, bit-identical to what was saved.

    Raises:
      InputError: there is no checkpoint, it belongs to another architecture, its arrays have
        other names, types or shapes, or it is damaged.
    """
    step = latest_step(folder)
    if step is None:
        raise checks.InputError(
            f"{folder}: expected a checkpoint, got none; the path may be wrong, or the run was "
            "stopped before its first one"
        )
    _check_whole(files.expand(folder) / str(step))
    description = _read(folder, step, ocp.args.JsonRestore(), "description")
    _check_same(folder, step, "architecture", description["architecture"], architecture)
    _check_same(folder, step, "arrays", description["arrays"], _signatures(target))
    abstract = jax.tree.map(_abstract, target)
    return step, _read(folder, step, ocp.args.StandardRestore(abstract), "state")


def _manager(folder: str | Path, create: bool = False) -> ocp.CheckpointManager:
    options = ocp.CheckpointManagerOptions(
        create=create,
        preservation_policy=ocp.checkpoint_managers.LatestN(KEPT),
        cleanup_tmp_directories=create,
        enable_async_checkpointing=False,
    )
    return ocp.CheckpointManager(files.expand(folder).absolute(), options=options)


def _read(folder: str | Path, step: int, args: ocp.args.CheckpointArgs, item: str) -> Any:
    """Reads one item; whatever orbax raises for one that was checked before is damage."""
    with _quiet():
        try:
            with _manager(folder) as manager:
                return manager.restore(step, args=ocp.args.Composite(**{item: args}))[item]
        except Exception as error:
            raise checks.InputError(
                _damaged(files.expand(folder) / str(step), _first_line(error))
            ) from error


def _check_whole(checkpoint: Path) -> None:
    """Raises `InputError` unless every file is what was written.

    A kill between the checkpoint and its digests leaves a whole checkpoint without them.
    """
    changed = digests.changed(checkpoint)
    checks.require(not changed, _damaged(checkpoint, f"missing or changed {', '.join(changed)}"))


def _damaged(checkpoint: Path, problem: str) -> str:
    return (
        f"{checkpoint}: expected a whole checkpoint, got {problem}; it is damaged: delete it to "
        "resume from the one before"
    )


def _check_same(folder: str | Path, step: int, what: str, saved: Any, wanted: Any) -> None:
    """Raises `InputError` with the entries in which two JSON-able dicts differ."""
    wanted = json.loads(json.dumps(wanted))
    missing = "nothing"
    differences = [
        f"{name}: saved {saved.get(name, missing)}, expected {wanted.get(name, missing)}"
        for name in sorted(saved.keys() | wanted.keys())
        if saved.get(name, missing) != wanted.get(name, missing)
    ]
    more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
    checks.require(
        not differences,
        f"{Path(folder) / str(step)}: expected the {what} of this run, got another: "
        f"{'; '.join(differences[:3])}{more}; it was made with other flags or another version",
    )


def _signatures(tree: PyTree) -> dict[str, str]:
    """Returns for each leaf's path its type and shape, as `float32[784, 500]`."""
    return {
        jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    sharding = getattr(leaf, "sharding", None) or jax.sharding.SingleDeviceSharding(
        jax.devices()[0]
    )
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps orbax's notes out of a run's output."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
