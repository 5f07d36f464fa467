"""The figures of the main job, drawn into its work directory."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import figures
from dbnjax.data.images import Images
from dbnjax.inference import generate
from dbnjax.models.dbn import DBN
from dbnjax.training import evaluate, metrics
from experiments import chains
from experiments.dbn_stages import Task

COLUMNS = 10  # samples of each class
STEPS_BETWEEN = 1000  # Gibbs iterations between them (figure 8)


def draw(task: Task, net: DBN, test: Images) -> None:
    """Draws receptive fields, curves and, for a net with labels, samples and errors."""
    drawn = {"receptive_fields": receptive_fields(net, test.pixels.shape[1:])}
    drawn |= curves(metrics.read(task.place.metrics))
    if task.n_labels:
        drawn["samples"] = samples(task, net, test.pixels.shape[1:])
        drawn["errors"] = errors(task, net, test)
    for name, figure in drawn.items():
        figures.save(figure, task.place.workdir / "figures" / f"{name}.png")


def receptive_fields(net: DBN, shape: tuple[int, int]) -> Any:
    """Draws what the first hidden units listen to."""
    first = net.recognition[0].weights if net.recognition else net.memory.weights
    weights = np.asarray(first)[: shape[0] * shape[1]]
    return figures.receptive_fields(
        weights, shape, title="Recognition weights of the first hidden units"
    )


def curves(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Draws what the stages recorded after each epoch: a line a stage, or a line a data set."""
    epochs = [record for record in records if "epoch" in record]
    by_stage = {
        "reconstruction_error": (
            "Reconstruction of held-out cases: each machine its own visible units, up-down pixels",
            "squared error a case",
        ),
        "free_energy_gap": ("Free-energy gap: overfitting", "held-out less training (nats)"),
    }
    drawn = {}
    for name, (title, y_label) in by_stage.items():
        series: dict[str, Any] = {}
        for number, record in enumerate(epochs, start=1):
            xs, ys = series.setdefault(record["stage"].replace("_", " "), ([], []))
            xs.append(number)
            ys.append(record[name])
        if series:
            drawn[name] = figures.curves(series, "epoch of the run", y_label, title)
    fine_tuned = [record for record in epochs if "validation_error" in record]
    if fine_tuned:
        xs = list(range(1, len(fine_tuned) + 1))
        both = {
            split: (xs, [record[f"{split}_error"] for record in fine_tuned])
            for split in ("training", "validation")
        }
        title = "Errors during up-down, deterministic read-out"
        drawn["error"] = figures.curves(both, "epoch of up-down", "error (%)", title)
    return drawn


def samples(task: Task, net: DBN, shape: tuple[int, int]) -> Any:
    """Draws samples with each label clamped, many Gibbs iterations apart (figure 8)."""
    n = task.n_labels
    key_start, key_film = jax.random.split(jax.random.fold_in(task.key, 400))
    state = generate.start_at_random(key_start, net, n)
    times = STEPS_BETWEEN * np.arange(1, COLUMNS + 1)
    _, seen = chains.film(key_film, net, state, times, generate.label_clamp(net, jnp.eye(n)))
    images = np.stack(seen, axis=1).reshape(n, COLUMNS, *shape)
    return figures.image_rows(
        images,
        [str(label) for label in range(n)],
        title="What the net has in mind, one class a row",
        caption=f"Label clamped, {STEPS_BETWEEN} Gibbs iterations of the memory between samples, "
        "started from noise; pixel probabilities.",
    )


def errors(task: Task, net: DBN, test: Images) -> Any:
    """Draws every test case that the net gets wrong, by true class (figure 6)."""
    labels = test.known_labels()
    pixels = jnp.asarray(test.pixels.reshape(len(test.pixels), -1))
    guesses = np.asarray(evaluate.scores(evaluate.deterministic, task.key, net, pixels).argmax(-1))
    wrong = np.flatnonzero(guesses != labels)
    wrong = wrong[np.argsort(labels[wrong], kind="stable")]
    return figures.gallery(
        test.pixels[wrong] / 255.0,
        [f"{labels[i]}\u2192{guesses[i]}" for i in wrong],
        title=f"All {len(wrong)} errors of {len(labels)} test cases (true\u2192guess)",
    )
