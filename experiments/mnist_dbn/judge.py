"""What the main job reports: errors under every read-out beside baselines, as a table."""

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.data import preparation
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, metrics
from dbnjax.types import Array
from experiments.common import keys, options, provenance, workdir
from experiments.mnist_dbn import config as dbn_config
from experiments.mnist_dbn import presets
from experiments.mnist_dbn import stream as dbn_stream
from experiments.mnist_dbn.stages import Task

CONTINUED = ("all cases", "tail")  # nets that learned from validation cases too
HIDDEN = ("workdir", "tensorboard")  # flags that do not change what is learned


def judge(
    task: Task, nets: dict[str, DBN], splits: preparation.Splits
) -> tuple[dict[str, dict[str, dict[str, int]]], dict[str, list[int]]]:
    """Reads out every net on every split, when all learning is over.

    A net that learned from all cases has one split for training and validation, "all".

    Returns:
      Errors by net, read-out and split, and by net the test cases that the deterministic read-out
      gets wrong.
    """
    read_outs = evaluate.read_outs(task.config.n_gibbs, task.config.n_passes)
    key = jax.random.fold_in(task.key, keys.READ_OUTS)
    errors: dict[str, dict[str, dict[str, int]]] = {}
    wrong: dict[str, list[int]] = {}
    with metrics.progress(len(nets) * len(read_outs), "read-outs", unit="read-out") as advance:
        for (stage, net), (name, read_out) in itertools.product(nets.items(), read_outs.items()):
            for split, (pixels, labels) in seen(task, splits, stage).items():
                scores = evaluate.scores(read_out, key, net, pixels)
                for title, values in named(name, scores).items():
                    cases = np.flatnonzero(values.argmax(-1) != labels)
                    errors.setdefault(stage, {}).setdefault(title, {})[split] = len(cases)
                    if (name, split) == ("deterministic", "test"):
                        wrong[stage] = cases.tolist()
            advance({})
    return errors, wrong


def seen(task: Task, splits: preparation.Splits, stage: str) -> dict[str, tuple[Array, Array]]:
    """Returns pixels and labels of the splits that the net of a stage is judged on."""
    parts = {"train": task.data, "validation": task.held_out}
    if stage in CONTINUED and task.everything is not None:
        parts = {"all": task.everything}
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


def summarise(task: Task, nets: dict[str, DBN], splits: preparation.Splits) -> dict[str, Any]:
    """Returns the summary of a run: sizes, errors of every net, of the baselines."""
    errors, wrong = judge(task, nets, splits) if task.n_labels else ({}, {})
    cases = {split: len(images.known_labels()) for split, images in splits._asdict().items()}
    if task.everything is not None:
        cases["all"] = len(task.everything.labels)
    if task.stream is not None:
        cases["stream"] = task.stream.stream.n_cases
    return {
        "stage": "summary",
        "cases": cases,
        "errors": errors,
        "wrong": wrong,
        "baselines": fit_baselines(splits) if task.config.baselines else {},
    }


def result(task: Task, summary: dict[str, Any]) -> dict[str, Any]:
    """Returns all that RESULTS.md and the figures need of a run: how, where and what."""
    config = task.config
    place, stream = dbn_stream.named(config.stream)
    unnamed = (
        *workdir.PLACES,
        *options.names(dbn_config.Config, options.HOW),
        *dbn_config.STREAMED,
    )
    streamed = {"stream": stream, "chunk": config.chunk} if stream else {}
    epochs = [record for record in metrics.read(task.place.metrics) if "epoch" in record]
    seconds: dict[str, float] = {}
    for record in epochs:
        seconds[record["stage"]] = seconds.get(record["stage"], 0.0) + record["seconds"]
    return {
        **summary,
        **workdir.origin(task.place.workdir),
        "preset": config.preset,
        "seed": config.seed,
        "command": provenance.command(
            "experiments.mnist_dbn",
            dataclasses.replace(config, stream=place),
            presets.PRESETS[config.preset],
            HIDDEN,
        ),
        "config": {
            k: v
            for k, v in dataclasses.asdict(config).items()
            if k not in unnamed and (k, v) not in dbn_config.LATER.items()
        }
        | streamed,
        "seconds": seconds,
        "epochs": epochs,
    }


def table(summary: dict[str, Any]) -> str:
    """Lays out a summary's errors as text, counts and per cent."""
    cases = {split: n for split, n in summary["cases"].items() if split in used(summary)}
    header = "".join(f"{f'{split} ({n})':>22}" for split, n in cases.items())
    lines = [f"{'errors':<40}{header}"]

    def row(name: str, counts: dict[str, int]) -> str:
        cells = (
            f"{counts[split]} ({100 * counts[split] / n:.2f} %)" if split in counts else ""
            for split, n in cases.items()
        )
        return f"{name:<40}" + "".join(f"{cell:>22}" for cell in cells)

    for stage, read_outs in summary["errors"].items():
        lines += [row(f"{stage}, {name}", counts) for name, counts in read_outs.items()]
    lines += [row(name, counts) for name, counts in summary["baselines"].items()]
    if not summary["errors"]:
        lines.append("(a net without labels has no read-out of a class)")
    return "\n".join(lines)


def used(summary: dict[str, Any]) -> set[str]:
    """Returns the splits that some net or baseline was judged on."""
    rows = [counts for read_outs in summary["errors"].values() for counts in read_outs.values()]
    return {split for row in [*rows, *summary["baselines"].values()] for split in row}
