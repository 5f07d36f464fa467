"""What `python -m experiments.mnist_dbn` runs."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any

from dbnjax.data import preparation
from dbnjax.training import metrics, sharding, stages
from dbnjax.training.task import Task
from dbnjax.weights import io
from experiments.common import cases, devices, nets, resumable
from experiments.mnist_dbn import figures, judge, report, train
from experiments.mnist_dbn import stream as dbn_stream
from experiments.mnist_dbn.config import Config
from experiments.mnist_dbn.report import Record


def run(config: Config) -> dict[str, Any]:
    """Trains, evaluates and writes a net, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, the devices, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    with devices.of(config, (sharding.DATA,)):
        return run_here(config)


def run_here(config: Config) -> dict[str, Any]:
    """Does what `run` does, on the devices in use."""
    config.check_options()
    sharding.check_divides("--batch_size", config.batch_size, sharding.DATA)
    if config.memory_rule == "pcd":
        sharding.check_divides("--memory_chains", config.memory_chains, sharding.DATA)
    source, splits = cases.read(config, config.side)
    splits, stream = dbn_stream.take(config, source, splits)
    n_classes = source.n_classes
    balanced = stream is None and cases.balanced(config.batch_size, source)
    data = cases.put(splits.train, n_classes, config.batch_size, balanced)
    held_out = cases.put(splits.validation, n_classes, 1, balanced=False)
    all_images = preparation.all_but_test(source, splits) if config.all_epochs else None
    everything = all_images and cases.put(all_images, n_classes, config.batch_size, balanced=False)

    def learn(folder: Path) -> tuple[Record, resumable.Makers]:
        with contextlib.ExitStack() as stack:
            place = stages.Place(folder, save_every=config.save_every)
            if config.tensorboard:
                log = stack.enter_context(metrics.tensorboard_writer(folder / "events"))
                place = dataclasses.replace(place, log=log)
            key, n_labels = devices.key(config.seed, config.draws), n_classes * config.labels
            task = Task(key, n_labels, data, held_out, place, stream)
            about = nets.about(source.classes, splits.train)
            return finish(train.Job(config, task, everything, folder, about), splits)

    learned_from = {"data_dir": (splits, all_images), "stream": dbn_stream.named(config.stream)}
    return resumable.run(config, report.REPORT, learned_from, learn)


def finish(job: train.Job, splits: preparation.Splits) -> tuple[Record, resumable.Makers]:
    """Runs the stages, writes the nets and the summary, and returns the record and the figures."""
    nets, told = train.learn(job)
    *_, last = nets.values()
    summary = judge.summarise(job, nets, splits) | told
    record = judge.result(job, summary)
    for stage, net in nets.items():
        name = "net" if net is last else stage.replace(" ", "_")
        about = {"stage": stage, "summary": record, **job.about}
        io.save(job.folder / f"{name}.safetensors", net, about)
    path = job.folder / "metrics.jsonl"
    metrics.truncate(path, lambda known: known.get("stage") != summary["stage"])
    metrics.append(path, summary)
    return record, figures.makers(job, last, splits.test)
