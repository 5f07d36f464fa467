"""What the main job measures: errors under every read-out, beside those of baselines."""

import itertools
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.data import preparation
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, keys, metrics
from dbnjax.types import Array
from experiments.common import workdir
from experiments.mnist_dbn import stream
from experiments.mnist_dbn.report import Record
from experiments.mnist_dbn.train import Job

CONTINUED = ("all cases", "tail")  # nets that learned from validation cases too
# Flags that came later: a result names them only where they are not these, as if there were none.
LATER = {"draws": "threefry", "precision": "default"}
STREAMED = ("stream", "chunk")  # a result names them only where there is a stream, by a digest


def judge(
    job: Job, nets: dict[str, DBN], splits: preparation.Splits
) -> tuple[dict[str, dict[str, dict[str, int]]], dict[str, list[int]]]:
    """Reads out every net on every split, when all learning is over.

    A net that learned from all cases has one split for training and validation, "all".

    Returns:
      Errors by net, read-out and split, and by net the test cases that the deterministic read-out
      gets wrong.
    """
    read_outs = evaluate.read_outs(job.config.n_gibbs, job.config.n_passes)
    key = jax.random.fold_in(job.task.key, keys.READ_OUTS)
    errors: dict[str, dict[str, dict[str, int]]] = {}
    wrong: dict[str, list[int]] = {}
    with metrics.progress(len(nets) * len(read_outs), "read-outs", unit="read-out") as advance:
        for (stage, net), (name, read_out) in itertools.product(nets.items(), read_outs.items()):
            for split, (pixels, labels) in seen(job, splits, stage).items():
                scores = evaluate.scores(read_out, key, net, pixels)
                for title, values in named(name, scores).items():
                    cases = np.flatnonzero(values.argmax(-1) != labels)
                    errors.setdefault(stage, {}).setdefault(title, {})[split] = len(cases)
                    if (name, split) == ("deterministic", "test"):
                        wrong[stage] = cases.tolist()
            advance({})
    return errors, wrong


def seen(job: Job, splits: preparation.Splits, stage: str) -> dict[str, tuple[Array, Array]]:
    """Returns pixels and labels of the splits that the net of a stage is judged on."""
    parts = {"train": job.task.data, "validation": job.task.held_out}
    if stage in CONTINUED and job.everything is not None:
        parts = {"all": job.everything}
    test = splits.test
    flat = jnp.asarray(test.pixels.reshape(len(test.pixels), -1))
    cases = {"test": (flat, jnp.asarray(test.known_labels()))}
    return {name: (data.pixels, data.labels) for name, data in parts.items()} | cases


def named(name: str, scores: Any) -> dict[str, Array]:
    """Returns what the results call a read-out's scores; one that averages gives two."""
    if name != "averaged":
        return {name: scores}
    return {
        "averaged probabilities": scores.probabilities,
        "averaged log probabilities": scores.log_probabilities,
    }


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


def summarise(job: Job, nets: dict[str, DBN], splits: preparation.Splits) -> dict[str, Any]:
    """Returns the summary of a run: sizes, errors of every net, of the baselines."""
    errors, wrong = judge(job, nets, splits) if job.task.n_labels else ({}, {})
    cases = {split: len(images.known_labels()) for split, images in splits._asdict().items()}
    if job.everything is not None:
        cases["all"] = len(job.everything.labels)
    if job.task.stream is not None:
        cases["stream"] = job.task.stream.stream.n_cases
    return {
        "stage": "summary",
        "cases": cases,
        "errors": errors,
        "wrong": wrong,
        "baselines": fit_baselines(splits) if job.config.baselines else {},
    }


def result(job: Job, summary: dict[str, Any]) -> Record:
    """Returns all that RESULTS.md and the figures need of a run: how, where and what."""
    config = job.config
    made = workdir.described(job.folder, config)
    told = {name: value for name, value in made["config"].items() if LATER.get(name) != value}
    if config.stream:
        _, told["stream"] = stream.named(config.stream)
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
