"""What the main job reports: errors under every read-out beside baselines, as a table."""

from typing import Any

import jax
import jax.numpy as jnp

from dbnjax.data import preparation
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, metrics
from experiments.dbn_stages import Task


def count_nets(
    task: Task, nets: dict[str, DBN], splits: preparation.Splits
) -> dict[str, dict[str, dict[str, int]]]:
    """Returns errors by net, read-out and split; the test set is looked at here and only here."""
    choices = evaluate.read_outs(task.config.n_gibbs, task.config.n_passes)
    errors: dict[str, dict[str, dict[str, int]]] = {}
    with metrics.progress(len(nets) * len(choices), "read-outs", unit="read-out") as advance:
        for stage, net in nets.items():
            errors[stage] = {}
            for name, read_out in choices.items():
                errors[stage][name] = {
                    split: evaluate.count_errors(
                        read_out,
                        jax.random.fold_in(task.key, 300),
                        net,
                        jnp.asarray(images.pixels.reshape(len(images.pixels), -1)),
                        jnp.asarray(images.known_labels()),
                    )
                    for split, images in splits._asdict().items()
                }
                advance({})
    return errors


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
    return {
        "stage": "summary",
        "cases": {split: len(images.known_labels()) for split, images in splits._asdict().items()},
        "errors": count_nets(task, nets, splits) if task.n_labels else {},
        "baselines": fit_baselines(splits) if task.config.baselines else {},
    }


def table(summary: dict[str, Any]) -> str:
    """Lays out a summary's errors as text, counts and per cent."""
    cases = summary["cases"]
    header = "".join(f"{f'{split} ({n})':>22}" for split, n in cases.items())
    lines = [f"{'errors':<40}{header}"]

    def row(name: str, counts: dict[str, int]) -> str:
        cells = (f"{counts[s]} ({100 * counts[s] / n:.2f} %)" for s, n in cases.items())
        return f"{name:<40}" + "".join(f"{cell:>22}" for cell in cells)

    for stage, read_outs in summary["errors"].items():
        lines += [row(f"{stage}, {name}", counts) for name, counts in read_outs.items()]
    lines += [row(name, counts) for name, counts in summary["baselines"].items()]
    if not summary["errors"]:
        lines.append("(a net without labels has no read-out of a class)")
    return "\n".join(lines)
