"""The figures of a trained net: of the main job, and of `experiments.paper_figures`."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from dbnjax import figures
from dbnjax.data.images import Images
from dbnjax.figures import decisions
from dbnjax.inference import generate as generate_lib
from dbnjax.models.dbn import DBN
from dbnjax.scoring import chains, read_outs
from dbnjax.training import keys, metrics
from dbnjax.types import Key
from experiments.common import nets, pictures
from experiments.common.nets import Net
from experiments.common.resumable import Makers
from experiments.mnist_dbn.train import Job

COLUMNS = 10  # images in a row of what the net imagines
FREE_CHAINS, FREE_STEPS = 10, 200  # chains of the free memory, its iterations between two looks
COMPANIES, COMPANY_STEPS = 100, 500  # states in which single units are tried, and how they came
UNITS = 64  # of each layer
MEASURED = {  # title and unit
    "reconstruction_error": (
        "Reconstruction of held-out cases: each machine its own visible units, up-down pixels",
        "squared error a case",
    ),
    "free_energy_gap": ("Free-energy gap: overfitting", "held-out less training (nats)"),
}
RECORDED = {"training_error": "training", "validation_error": "validation"}

film = jax.jit(generate_lib.film, static_argnames=("n_frames", "n_steps"))
unit_effects = jax.jit(generate_lib.unit_effects, static_argnums=1)


def makers(job: Job, dbn: DBN, test: Images) -> Makers:
    """Returns what draws receptive fields, curves and, with labels, samples and errors."""
    net = Net(dbn, test.pixels.shape[1:], dict(job.about))
    found: dict[str, Callable[[], Figure]] = {"receptive_fields": lambda: receptive_fields(net)}
    found |= curves(metrics.read(job.folder / "metrics.jsonl"))
    if job.task.n_labels:
        key = jax.random.fold_in(job.task.key, keys.SAMPLES)
        found["samples"] = lambda: samples(key, net)
        names = nets.classes(net, job.task.n_labels).names
        found["errors"] = lambda: decisions.errors(test, probabilities(net, test), names)
    return {f"figures/{name}.png": make for name, make in found.items()}


def receptive_fields(net: Net) -> Figure:
    """Draws what the first hidden units listen to."""
    first = net.dbn.recognition[0].weights if net.dbn.recognition else net.dbn.memory.weights
    weights = np.asarray(first)[: net.shape[0] * net.shape[1]]
    title = (
        f"What {min(100, weights.shape[1])} of the {weights.shape[1]} first hidden units listen "
        "to: recognition weights (red: ink there turns the unit on; blue: off)"
    )
    return figures.receptive_fields(weights, net.shape, title=title)


def curves(records: list[dict[str, Any]]) -> dict[str, Callable[[], Figure]]:
    """Returns what draws the numbers that the stages recorded after each epoch, by its name."""
    found: dict[str, Callable[[], Figure]] = {
        name: functools.partial(curve, records, name)
        for name in MEASURED
        if any(name in record for record in records)
    }
    if any("training_error" in record for record in records):
        found["error"] = lambda: error_curves(records)["error"]
    return found


def curve(records: list[dict[str, Any]], name: str) -> Figure:
    """Draws a number that the stages recorded after each epoch."""
    title, y_label = MEASURED[name]
    series: dict[str, Any] = {}
    for number, record in enumerate((r for r in records if name in r), start=1):
        xs, ys = series.setdefault(stage_name(record), ([], []))
        xs.append(number)
        ys.append(record[name])
    return figures.curves(series, "epoch of the run", y_label, title)


def error_curves(records: list[dict[str, Any]]) -> dict[str, Figure]:
    """Draws the errors after each epoch of up-down, with the starts of its stages.

    The stage that goes on with all cases has a training error alone, in a curve of its own.
    Nothing for a run without such epochs.
    """
    measured = [record for record in records if "training_error" in record]
    series: dict[str, Any] = {}
    starts: dict[str, float] = {}
    for number, record in enumerate(measured, start=1):
        stage = stage_name(record)
        starts.setdefault(stage, number - 0.5)
        alone = "" if "validation_error" in record else f", {stage}"
        for key in RECORDED.keys() & record.keys():
            xs, ys = series.setdefault(RECORDED[key] + alone, ([], []))
            xs.append(number)
            ys.append(record[key])
    if not series:
        return {}
    figure = figures.curves(
        dict(sorted(series.items())),
        "epoch of up-down",
        "error (%)",
        "Errors during up-down, deterministic read-out",
        marks=starts if len(starts) > 1 else None,
    )
    return {"error": figure}


def stage_name(record: dict[str, Any]) -> str:
    """Returns the name of a record's stage as one reads it: "rbm 1", "up-down 3", "all cases"."""
    name: str = record["stage"]
    return name.replace("up_down", "up-down").replace("_", " ")


def samples(key: Key, net: Net, from_random: bool = False) -> Figure:
    """Draws samples with each label clamped, far apart (figure 8) or from the start (figure 9)."""
    return pictures.clamped_chains(key, net, COLUMNS, from_random)[1]


def free(key: Key, net: Net) -> Figure:
    """Draws the memory while image and label run freely, its own label beneath each image."""
    key_start, key_film = jax.random.split(key)
    state = generate_lib.start_at_random(key_start, net.dbn, FREE_CHAINS)
    seen, labels = film(key_film, net.dbn, state, n_frames=COLUMNS, n_steps=FREE_STEPS)
    own = None if labels is None else np.asarray(labels).argmax(-1).T
    names = () if labels is None else nets.classes(net, labels.shape[-1]).names
    return figures.image_rows(
        pictures.as_images(net, np.asarray(seen).swapaxes(0, 1)),
        [f"chain {i + 1}" for i in range(FREE_CHAINS)],
        [str(FREE_STEPS * (i + 1)) for i in range(COLUMNS)],
        title="What the net has in mind when image and label run freely, one chain a row",
        caption="Above each column the Gibbs iterations of the associative memory since a start "
        "from noise; pixel probabilities after one down-pass."
        + ("" if own is None else " Beneath each image the memory's own label at that time."),
        image_labels=None if own is None else [names[label] for label in own.flat],
    )


def units(key: Key, net: Net) -> dict[str, Figure]:
    """Draws what single units of every hidden layer generate, a figure a layer.

    Each is turned on and off in the company of what the other units of its layer do while the
    memory runs freely (see `inference.generate.unit_effects`); the units with the strongest
    generative weights are shown.
    """
    key_start, key_film, key_down = jax.random.split(key, 3)
    state = generate_lib.start_at_random(key_start, net.dbn, COMPANIES)
    state, _ = chains.film(key_film, net.dbn, state, np.array([COMPANY_STEPS]), None)
    layers = generate_lib.hidden_states(key_down, net.dbn, state)
    downward = [layer.weights for layer in net.dbn.generative] + [net.dbn.memory.weights.T]
    drawn = {}
    for level, (states, weights) in enumerate(zip(layers, downward, strict=True), start=1):
        strongest = jnp.argsort(-jnp.linalg.norm(weights, axis=1))[:UNITS]
        effects = unit_effects(net.dbn, level, states, strongest)
        drawn[f"units_{level}"] = figures.signed_images(
            np.asarray(effects).reshape(-1, *net.shape),
            "change of the pixel probability",
            f"What single units of hidden layer {level} generate: the {len(strongest)} of "
            f"{len(weights)} with the strongest generative weights",
            f"The image with the unit on less the image with it off, mean over {COMPANIES} states "
            "of the other units while the memory runs freely; down-passes of probabilities.",
        )
    return drawn


def probabilities(net: Net, test: Images) -> np.ndarray:
    """Returns the deterministic read-out's class probabilities, `[n, n_classes]`."""
    return read_outs.class_probabilities(net.dbn, test.pixels)
