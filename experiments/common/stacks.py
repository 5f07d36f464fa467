"""Nets that begin as a stack: their cases, and the stack, learned and saved or read where it fits.

Cases are divided several times, each net with validation cases of its own. A saved stack tells
which cases it has seen: it may begin another net only if these are that net's training cases.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import jax

from dbnjax import checks, files
from dbnjax.data import folds, preparation, sources
from dbnjax.models.stack import Stack
from dbnjax.training import loop, metrics, pretraining, stages
from dbnjax.training import task as training_task
from dbnjax.training.plans import LayerPlan, StackPlan
from dbnjax.types import Draw
from dbnjax.weights import io
from experiments.common import groups, nets, options, records, workdir
from experiments.common.nets import told

AnyConfig = TypeVar("AnyConfig", bound=groups.Pretraining)
# What decides which cases the net of a number has, however many nets there are.
CASES = ("dataset", "split_seed", "n_validation", "n_test")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(training_task.Task, Generic[AnyConfig]):
    """What the stages of one net share, beside its key, its cases and its place.

    Attributes:
      config: the experiment's options.
      number: of this net, from 0.
      n_classes: classes.
      shape: height and width of the images.
      about: what a saved net tells of its images (`common.nets`).
      everything: all cases that are not test cases, on the device; None if no stage learns from
        them.
    """

    config: AnyConfig
    number: int
    n_classes: int
    shape: tuple[int, int]
    about: Mapping[str, Any]
    place: stages.Place
    everything: loop.Data | None = None


def divide(
    config: groups.HeldOut, source: sources.Source, n_folds: int = 1
) -> list[preparation.Splits]:
    """Divides the cases: one in six to validate beside an official test set, or one in ten.

    Raises:
      InputError: there are fewer cases than asked.
    """
    n, official = len(source.train.pixels), source.test is not None
    n_validation = config.n_validation or n // (6 if official else 10)
    n_test = config.n_test or (None if official else n // 10)
    return folds.make(source, n_folds, n_validation, n_test, config.split_seed)


def prepare(
    config: AnyConfig, source: sources.Source, splits: preparation.Splits, number: int, name: str
) -> Task[AnyConfig]:
    """Puts the cases of one net on the device; it writes to a folder of this name."""
    height, width = splits.train.pixels.shape[1:]

    def put(images: sources.Images, batch_size: int) -> loop.Data:
        labels = images.known_labels()
        return loop.put(images.pixels, labels, source.n_classes, batch_size, balanced=False)

    return Task(
        config=config,
        number=number,
        key=jax.random.fold_in(jax.random.key(config.seed), number),
        n_labels=0,
        n_classes=source.n_classes,
        shape=(height, width),
        data=put(splits.train, config.batch_size),
        held_out=put(splits.validation, 1),
        place=stages.Place(files.expand(config.workdir) / name, save_every=config.save_every),
        about=nets.about(source.classes, splits.train),
    )


def plan(
    config: groups.Pretraining,
    pixels: Draw = "sample",
    features: Draw = "sample",
    rate: float = groups.GREEDY_RATE,
    momentum: float = 0.9,
    decay: float = groups.GREEDY_DECAY,
) -> StackPlan:
    """Returns how a stack learns without labels, every RBM alike.

    Args:
      config: its sizes, epochs and minibatches.
      pixels: as of `StackPlan`; the others as of `LayerPlan`.
      features: data of the RBMs above the first.
      rate: falls linearly to zero.
      momentum: after the first epochs.
      decay: weight decay.
    """
    layers = tuple(
        LayerPlan(
            n,
            config.greedy_epochs,
            rate,
            features=features,
            schedule="linear",
            momentum=momentum,
            decay=decay,
        )
        for n in config.layers
    )
    return StackPlan(layers, config.greedy_batch_size, pixels, data_biases=True)


def learn(task: Task[Any], how: StackPlan, made_by: options.Options) -> Stack:
    """Learns a stack, and saves it with the record of how it was learned.

    Args:
      task: what the stages of its net share.
      how: its RBMs learn.
      made_by: options whose command makes it again.
    """
    stack = pretraining.learn_stack(task, how)
    epochs = [r for r in metrics.read(task.place.metrics) if r["stage"].startswith("rbm")]
    record = {
        **workdir.described(task.place.workdir.parent, made_by),
        "number": task.number,
        "seconds": sum(epoch["seconds"] for epoch in epochs),
        "epochs": len(epochs),
        "plan": dataclasses.asdict(how),
    }
    io.save(path(task), stack, {"pretraining": record, "image_shape": list(task.shape)})
    return stack


def path(task: Task[Any]) -> str:
    """Returns the file that a learned stack is saved to."""
    return str(task.place.workdir / "stack.safetensors")


def read(file: str, task: Task[Any]) -> Stack:
    """Reads a stack that was learned from this net's training cases.

    Raises:
      InputError: there is none, its layers are others, it does not tell how it was learned, or it
        has seen other cases: this net's validation cases may then be among them.
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
    records.conform(Path(file), "pretraining", metadata["pretraining"], records.Pretrained)
    return stack


def record(file: str) -> records.Pretrained:
    """Returns how a saved stack was learned."""
    found = io.load(file)[1]["pretraining"]
    kept = {name: found[name] for name in records.Pretrained.__annotations__}
    return cast(records.Pretrained, kept)
