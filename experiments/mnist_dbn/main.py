"""What `python -m experiments.mnist_dbn` runs, and what it measures when all learning is over."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any, cast

import jax

from dbnjax.data import preparation
from dbnjax.models.dbn import DBN
from dbnjax.scoring import read_outs
from dbnjax.training import keys, metrics, sharding, stages
from dbnjax.training.task import Task
from dbnjax.weights import io
from experiments.common import cases, devices, nets, resumable, workdir
from experiments.mnist_dbn import figures, report, train
from experiments.mnist_dbn.config import Config
from experiments.mnist_dbn.report import Record

CONTINUED = ("all cases", "tail")  # nets that learned from validation cases too
# Flags that came later: a result names them only where they are not these, as if there were none.
LATER = {"draws": "threefry", "precision": "default"}
STREAMED = ("stream", "chunk")  # a result names them only where there is a stream, by a digest


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
    splits, stream = train.take_stream(config, source, splits)
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

    learned_from = {"data_dir": (splits, all_images), "stream": train.stream_name(config.stream)}
    return resumable.run(config, report.REPORT, learned_from, learn)


def finish(job: train.Job, splits: preparation.Splits) -> tuple[Record, resumable.Makers]:
    """Runs the stages, writes the nets and the summary, and returns the record and the figures."""
    nets, told = train.learn(job)
    *_, last = nets.values()
    summary = summarise(job, nets, splits) | told
    record = result(job, summary)
    for stage, net in nets.items():
        name = "net" if net is last else stage.replace(" ", "_")
        about = {"stage": stage, "summary": record, **job.about}
        io.save(job.folder / f"{name}.safetensors", net, about)
    path = job.folder / "metrics.jsonl"
    metrics.truncate(path, lambda known: known.get("stage") != summary["stage"])
    metrics.append(path, summary)
    return record, figures.makers(job, last, splits.test)


def judge(
    job: train.Job, nets: dict[str, DBN], splits: preparation.Splits
) -> tuple[dict[str, dict[str, dict[str, int]]], dict[str, list[int]]]:
    """Reads out every net on every split, when all learning is over.

    A net that learned from all cases has one split for training and validation, "all".

    Returns:
      Errors by net, read-out and split, and by net the test cases that the deterministic read-out
      gets wrong.
    """
    parts = {"train": job.task.data, "validation": job.task.held_out}
    on_all = parts if job.everything is None else {"all": job.everything}
    test = {"test": cases.put(splits.test, job.task.n_labels, 1, balanced=False)}
    asked = {
        stage: (net, (on_all if stage in CONTINUED else parts) | test)
        for stage, net in nets.items()
    }
    key = jax.random.fold_in(job.task.key, keys.READ_OUTS)
    found = read_outs.wrong_cases(key, asked, job.config.n_gibbs, job.config.n_passes)
    errors = {
        stage: {
            title: {split: len(wrong) for split, wrong in of_splits.items()}
            for title, of_splits in of_read_outs.items()
        }
        for stage, of_read_outs in found.items()
    }
    return errors, {stage: one["deterministic"]["test"].tolist() for stage, one in found.items()}


def fit_baselines(splits: preparation.Splits) -> dict[str, dict[str, int]]:
    """Returns the errors of nearest neighbour and logistic regression on the same split."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    scaled = {
        split: preparation.as_unit_interval(images.pixels)
        for split, images in splits._asdict().items()
    }
    models = {
        "nearest neighbour (L2)": KNeighborsClassifier(n_neighbors=1),
        "logistic regression": LogisticRegression(max_iter=300, C=0.1),
    }
    errors: dict[str, dict[str, int]] = {}
    with metrics.progress(len(models), "baselines", unit="model") as advance:
        for name, model in models.items():
            model.fit(scaled["train"], splits.train.known_labels())
            errors[name] = {
                split: int((model.predict(scaled[split]) != images.known_labels()).sum())
                for split, images in splits._asdict().items()
            }
            advance({})
    return errors


def summarise(job: train.Job, nets: dict[str, DBN], splits: preparation.Splits) -> dict[str, Any]:
    """Returns the summary of a run: sizes, errors of every net, of the baselines."""
    errors, wrong = judge(job, nets, splits) if job.task.n_labels else ({}, {})
    counts = {split: len(images.known_labels()) for split, images in splits._asdict().items()}
    if job.everything is not None:
        counts["all"] = len(job.everything.labels)
    if job.task.stream is not None:
        counts["stream"] = job.task.stream.stream.n_cases
    return {
        "stage": "summary",
        "cases": counts,
        "errors": errors,
        "wrong": wrong,
        "baselines": fit_baselines(splits) if job.config.baselines else {},
    }


def result(job: train.Job, summary: dict[str, Any]) -> Record:
    """Returns all that RESULTS.md and the figures need of a run: how, where and what."""
    config = job.config
    made = workdir.described(job.folder, config)
    told = {name: value for name, value in made["config"].items() if LATER.get(name) != value}
    if config.stream:
        _, told["stream"] = train.stream_name(config.stream)
    else:
        told = {name: value for name, value in told.items() if name not in STREAMED}
    epochs = [record for record in metrics.read(job.folder / "metrics.jsonl") if "epoch" in record]
    record = {
        **summary,
        **made,
        "preset": config.preset,
        "seed": config.seed,
        "config": told,
        "seconds": workdir.seconds(epochs),
        "epochs": epochs,
    }
    return cast(Record, record)
