"""What `mnist_dbn` learns, stage by stage: its options as the plans of `dbnjax.training`.

And its training cases as a stream (`--stream`), when they do not fit in memory. Validation and test
cases are then those of the ordinary split. In the place of its training cases stands a sample of
the stream: first biases come from it, and training errors are counted on it.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from dbnjax import checks, files
from dbnjax.data import folders, idx, preparation, sources, streams, tfds_sets
from dbnjax.data.classes import Classes
from dbnjax.models import dbn
from dbnjax.models.dbn import DBN
from dbnjax.training import fine_tuning, keys, loop, pretraining, streaming
from dbnjax.training.plans import LayerPlan, StackPlan, UpDownPlan
from dbnjax.training.task import Task
from experiments.common import devices
from experiments.mnist_dbn.config import PREPARED, Config, without_folders

SAMPLED = 10_000  # cases
PART_OF = {"mnist5k": "mnist"}  # sets whose images are another's training images


@dataclasses.dataclass(frozen=True)
class Job:
    """A run of `mnist_dbn`.

    Attributes:
      config: the experiment's options.
      task: what all stages share.
      everything: all cases that are not test cases, on the device; None if no stage learns from
        them.
      folder: where the run writes.
      about: what a saved net tells of its images (`common.nets`).
    """

    config: Config
    task: Task
    everything: loop.Data | None
    folder: Path
    about: Mapping[str, Any]


def stack_plan(config: Config) -> StackPlan:
    """Returns how the stack learns; the top RBM, the memory, has options of its own."""
    shared: dict[str, Any] = {
        "k": config.k,
        "n_chains": config.memory_chains,
        "schedule": config.schedule,
        "early_momentum": config.early_momentum,
        "decay": config.decay,
    }
    *lower, top = config.layers
    layers = [
        LayerPlan(
            n_hidden=n_hidden,
            n_epochs=config.greedy_epochs,
            rate=config.greedy_rate,
            rule="cd",
            features=config.greedy_features,
            momentum=config.greedy_momentum,
            **shared,
        )
        for n_hidden in lower
    ]
    memory = LayerPlan(
        n_hidden=top,
        n_epochs=config.memory_epochs,
        rate=config.memory_rate,
        rule=config.memory_rule,
        features=config.memory_features,
        momentum=config.memory_momentum,
        **shared,
    )
    return StackPlan((*layers, memory), config.batch_size, config.pixels, config.data_biases)


def up_down_plan(config: Config) -> UpDownPlan:
    """Returns how the phases of up-down learn."""
    return UpDownPlan(
        n_epochs=config.up_down_epochs,
        n_steps=config.up_down_steps,
        rate=config.up_down_rate,
        schedule=config.up_down_schedule,
        momentum=config.up_down_momentum,
        decay=config.up_down_decay,
        labels=config.up_down_labels,
        statistics=config.up_down_statistics,
        batch_size=config.batch_size,
        pixels=config.pixels,
    )


def all_cases_plan(config: Config) -> UpDownPlan:
    """Returns how learning goes on with all cases, with the last phase's Gibbs iterations."""
    return dataclasses.replace(
        up_down_plan(config),
        n_epochs=(config.all_epochs,),
        n_steps=config.up_down_steps[-1:],
        rate=config.all_rate,
        schedule=config.all_schedule,
        momentum=config.all_momentum,
    )


def tail_plan(config: Config) -> UpDownPlan:
    """Returns how it goes on for long at a very small, constant rate (footnote 9)."""
    return dataclasses.replace(
        all_cases_plan(config),
        n_epochs=(config.tail_epochs,),
        rate=config.tail_rate,
        schedule="constant",
    )


def learn(job: Job) -> tuple[dict[str, DBN], dict[str, Any]]:
    """Runs the stages.

    Returns:
      The nets by stage, and for the record which epoch of up-down was chosen and how far learning
      from all cases got.
    """
    config, task, everything = job.config, job.task, job.everything
    nets = {"greedy": dbn.untie(pretraining.learn_stack(task, stack_plan(config)))}
    if not config.up_down_epochs:
        return nets, {}
    selected = fine_tuning.fine_tune(task, up_down_plan(config), nets["greedy"])
    nets["up-down"] = selected.best
    wrong = fine_tuning.count(task, selected.best, task.data)
    told: dict[str, Any] = {"chosen": {"epoch": int(selected.epoch), "training_errors": wrong}}
    if everything is None:
        return nets, told
    most = fine_tuning.most_errors(wrong, task.data, everything)
    continued = fine_tuning.go_on(
        task, all_cases_plan(config), selected.best, everything, most=most
    )
    nets["all cases"] = continued.learner.params
    told["target"] = {"most": most, "errors": int(continued.errors)}
    if config.tail_epochs:
        last = fine_tuning.go_on(
            task, tail_plan(config), nets["all cases"], everything, "tail", keys.TAIL
        )
        nets["tail"] = last.learner.params
    return nets, told


def take_stream(
    config: Config, source: sources.Source, splits: preparation.Splits
) -> tuple[preparation.Splits, streaming.Chunks | None]:
    """Opens the stream, if there is one.

    Returns:
      The splits, whose training cases are a sample of the stream, and the stream in chunks; without
      a stream the splits as they are, and None.

    Raises:
      InputError: the stream cannot be read or does not fit the other cases or options.
    """
    if not config.stream:
        return splits, None
    check_stream(config, len(splits.train.pixels))
    stream = open_stream(config, source.classes)
    shape = splits.train.pixels.shape[1:]
    checks.require(
        stream.shape == shape,
        f"--stream={config.stream}: expected images of {shape} pixels, as --dataset={source.name} "
        f"has, got {stream.shape}; validation would be of another kind",
    )
    chunks = streaming.cut(stream, config.chunk, config.batch_size)
    key = jax.random.fold_in(devices.key(config.seed, config.draws), keys.STREAM)
    sample = streaming.sample(key, stream, max(SAMPLED, config.batch_size))
    return splits._replace(train=sample), chunks


def open_stream(config: Config, classes: Classes) -> streams.Stream:
    """Opens a folder, or the training cases of a set that tensorflow-datasets has prepared."""
    if not config.stream.startswith(PREPARED):
        return folders.read(config.stream, classes)
    data_dir, name = config.data_dir, config.stream.removeprefix(PREPARED)
    if data_dir is not None and idx.holds_idx(data_dir):
        prepared = files.expand(data_dir) / tfds_sets.set_of(name)
        if not prepared.is_dir():  # a folder of --dataset's files, and of nothing that is prepared
            data_dir = None
    return streams.prepared(name, data_dir, classes=classes)


def check_stream(config: Config, n_train: int) -> None:
    """Refuses options that a stream has no part in, and images that validation may know.

    Args:
      config: the options.
      n_train: training cases of the ordinary split.
    """
    checks.require(
        config.side == 0 and config.all_epochs == 0,
        "--stream: expected neither --side, since its images are read as they are, nor "
        f"--all_epochs, since it has no validation cases; got {config.side} and "
        f"{config.all_epochs}",
    )
    if config.stream.startswith(PREPARED):
        check_streamed_set(config)
        return
    told = folders.origin(config.stream)
    split = {"dataset": config.dataset, "n_train": n_train, "split_seed": config.split_seed}
    differing = [f"{k} {told[k]}, not {v}" for k, v in split.items() if told.get(k, v) != v]
    checks.require(
        not differing,
        f"--stream={config.stream}: expected images made from the training cases of this split, "
        f"got those of {'; '.join(differing)}; validation cases may be among them",
    )


def check_streamed_set(config: Config) -> None:
    """Refuses a prepared set whose training cases the run's validation cases are drawn from."""
    streamed, own = (
        tfds_sets.set_of(name) for name in (config.stream.removeprefix(PREPARED), config.dataset)
    )
    checks.require(
        streamed != PART_OF.get(own, own),
        f"--stream={config.stream}: expected another set than that of --dataset={config.dataset}, "
        "got the same one; its training cases hold this run's validation cases: learn from "
        f"--dataset={streamed} without --stream, or from a folder of its training cases",
    )


def stream_name(stream: str) -> tuple[str, str]:
    """Returns what a result calls a stream, in its command and among its options.

    The name of a prepared set says all; a digest tells a folder from others.
    """
    place = without_folders(stream)
    return place, stream if place == stream else f"folder {folders.digest(stream)}"
