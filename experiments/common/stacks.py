"""Stacks between runs of `mnist_classifier`: saved once they are learned, read where they fit."""

import dataclasses

from dbnjax import checks
from dbnjax.models.stack import Stack
from dbnjax.training import metrics
from dbnjax.weights import io
from experiments.common import provenance, workdir
from experiments.common.nets import told
from experiments.mnist_classifier import config as classifier_config
from experiments.mnist_classifier.task import Task

# What decides which cases a stack has seen.
CASES = ("dataset", "split_seed", "n_validation", "n_test", "folds")


def path(task: Task) -> str:
    """Returns the file that a learned stack is saved to."""
    return str(task.place.workdir / "stack.safetensors")


def save(stack: Stack, task: Task) -> None:
    """Saves a learned stack with the record of how it was learned."""
    records = [r for r in metrics.read(task.place.metrics) if r["stage"].startswith("rbm")]
    config = task.config
    record = {
        "command": provenance.command(
            "experiments.mnist_classifier",
            dataclasses.replace(config, tune_epochs=0),
            classifier_config.PRESETS[config.preset],
        ),
        "config": dataclasses.asdict(config) | {"data_dir": None, "workdir": ""},
        "number": task.number,
        "seconds": sum(r["seconds"] for r in records),
        "epochs": len(records),
        **workdir.origin(task.place.workdir.parent),
    }
    about = {"pretraining": record, "image_shape": list(task.shape)}
    io.save(path(task), stack, about)


def read(file: str, task: Task) -> Stack:
    """Reads a stack that was learned from this net's training cases.

    Raises:
      InputError: there is none, its layers are others, or it has seen other cases: this net's
        validation cases may then be among them.
    """
    stack, metadata = io.load(file)
    checks.require(
        isinstance(stack, Stack),
        f"{file}: expected a stack of machines, got a {type(stack).__name__}; an earlier run of "
        "mnist_classifier leaves stack.safetensors in the folder of each net",
    )
    assert isinstance(stack, Stack)
    sizes = (stack.rbms[0].visible.size, *(rbm.hidden.size for rbm in stack.rbms))
    wanted = (task.data.pixels.shape[-1], *task.config.layers)
    checks.require(
        sizes == wanted,
        f"{file}: expected a stack of {'-'.join(map(str, wanted))} units, got "
        f"{'-'.join(map(str, sizes))}; give its sizes by --layers or another stack",
    )
    found = {name: told(metadata, "pretraining", "config", name) for name in CASES}
    here = {name: getattr(task.config, name) for name in CASES}
    number = told(metadata, "pretraining", "number")
    net = f"net {number + 1}" if type(number) is int else "no net's"
    checks.require(
        found == here and number == task.number,
        f"{file}: expected a stack learned from the training cases of net {task.number + 1} under "
        f"{here}, got {net} under {found}; it may have seen this net's validation cases",
    )
    return stack


def record(file: str) -> dict[str, object]:
    """Returns how a saved stack was learned."""
    _, metadata = io.load(file)
    found: dict[str, object] = metadata["pretraining"]
    return found
