"""The figures of a trained net: for `mnist_dbn` and for `paper_figures`."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from dbnjax import figures
from dbnjax.data.images import Images
from dbnjax.figures import decisions
from dbnjax.models.dbn import DBN
from dbnjax.scoring import chains, read_outs
from dbnjax.training import keys, metrics
from dbnjax.types import Key
from experiments.common import nets, pictures
from experiments.common.nets import Net
from experiments.common.resumable import Makers
from experiments.mnist_dbn.train import Job

COLUMNS = 10  # samples in a row
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


def makers(job: Job, dbn: DBN, test: Images) -> Makers:
    """Returns what draws receptive fields, curves and, with labels, samples and errors."""
    net = Net(dbn, test.pixels.shape[1:], dict(job.about))
    found: dict[str, Callable[[], Figure]] = {"receptive_fields": lambda: receptive_fields(net)}
    found |= curves(metrics.read(job.folder / "metrics.jsonl"))
    if job.task.n_labels:
        key = jax.random.fold_in(job.task.key, keys.SAMPLES)
        found["samples"] = lambda: pictures.clamped_chains(key, net, COLUMNS)[1]
        names = nets.classes(net, job.task.n_labels).names
        said = functools.partial(read_outs.class_probabilities, net.dbn, test.pixels)
        found["errors"] = lambda: decisions.errors(test, said(), names)
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
    known = {name for record in records for name in record}
    found: dict[str, Callable[[], Figure]] = {
        name: functools.partial(curve, records, name) for name in MEASURED if name in known
    }
    if "training_error" in known:
        found["error"] = functools.partial(error_curve, records)
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


def error_curve(records: list[dict[str, Any]]) -> Figure:
    """Draws the errors after each epoch of up-down, with the starts of its stages.

    The stage that goes on with all cases has a training error alone, in a curve of its own.
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
    return figures.curves(
        dict(sorted(series.items())),
        "epoch of up-down",
        "error (%)",
        "Errors during up-down, deterministic read-out",
        marks=starts if len(starts) > 1 else None,
    )


def stage_name(record: dict[str, Any]) -> str:
    """Returns the name of a record's stage as one reads it: "rbm 1", "up-down 3", "all cases"."""
    name: str = record["stage"]
    return name.replace("up_down", "up-down").replace("_", " ")


def free(key: Key, net: Net) -> Figure:
    """Draws the memory while image and label run freely, its own label beneath each image."""
    seen, own = chains.free(key, net.dbn, FREE_CHAINS, COLUMNS, FREE_STEPS)
    names = [] if own is None else nets.classes(net, read_outs.count_classes(net.dbn)).names
    return figures.image_rows(
        pictures.as_images(net, seen),
        [f"chain {i + 1}" for i in range(FREE_CHAINS)],
        [str(FREE_STEPS * (i + 1)) for i in range(COLUMNS)],
        title="Samples of image and label together, one chain per row",
        caption="Above each column the Gibbs iterations of the associative memory since a start "
        "from noise; pixel probabilities after one down-pass."
        + ("" if own is None else " Beneath each image the memory's own label at that time."),
        image_labels=None if own is None else [names[label] for label in own.flat],
    )


def units(key: Key, net: Net) -> dict[str, Figure]:
    """Draws what single units of every hidden layer generate, a figure a layer."""
    effects = chains.strongest_units(key, net.dbn, COMPANIES, COMPANY_STEPS, UNITS)
    layers = [*(layer.unit for layer in net.dbn.recognition), net.dbn.memory.hidden]
    return {
        f"units_{level}": figures.signed_images(
            found.reshape(-1, *net.shape),
            "change of the pixel probability",
            f"What single units of hidden layer {level} generate: the {len(found)} of "
            f"{layer.size} with the strongest generative weights",
            f"The image with the unit on less the image with it off, mean over {COMPANIES} states "
            "of the other units while the memory runs freely; down-passes of probabilities.",
        )
        for level, (layer, found) in enumerate(zip(layers, effects, strict=True), start=1)
    }
