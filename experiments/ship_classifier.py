"""Rounds a tuned classifier to float16 and writes it into the package, with its model card.

    python -m experiments.ship_classifier --net=runs/tr/net_1.safetensors --data_dir=FOLDER

The net must come from `experiments.mnist_classifier`, whose record it carries. The rounded weights
are judged once more on the test set, beside the exact ones; every number of the card is computed.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from dbnjax import checks, files
from dbnjax.models.feedforward import Feedforward
from dbnjax.weights import io, shipped
from experiments import classify, flags, inputs
from experiments.flags import option
from experiments.results_markdown import count, duration, interval, made, wrap
from experiments.ship import DTYPE


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the run; each is a flag."""

    net: str | None = option(None, "Saved net of mnist_classifier, a .safetensors file.")
    data_dir: str | None = option(None, "Folder of IDX files with the test set, gzipped or not.")
    output: str = option(str(shipped.CLASSIFIER_PATH), "File to write; the card stands beside it.")


def run(config: Config) -> dict[str, Any]:
    """Writes the rounded net and its card; returns the metadata.

    Raises:
      InputError: the net or the data cannot be used, or the net is no classifier of MNIST with the
        record of its run.
    """
    checks.require(config.net is not None, "--net: expected a net of mnist_classifier, got none")
    checks.require(config.data_dir is not None, "--data_dir: expected the test set, got none")
    found = inputs.read_model(config.net)
    net, summary = found.model, found.metadata.get("summary", {})
    checks.require(
        isinstance(net, Feedforward) and "nets" in summary,
        f"{config.net}: expected a classifier with the record of a run of "
        "experiments.mnist_classifier in its metadata, got none; only such a net can be described",
    )
    dataset = summary["config"]["dataset"]
    checks.require(
        dataset == "mnist",
        f"{config.net}: expected a net of --dataset=mnist, which the card describes, got "
        f"--dataset={dataset}",
    )
    test = inputs.read_images(found, None, config.data_dir, "test")
    stored = jax.tree.map(lambda x: x.astype(DTYPE).astype(jnp.float32), net)
    options = classify.Config()
    exact, rounded = (
        classify.class_probabilities(options, one, test.pixels).argmax(-1) for one in (net, stored)
    )
    judged = {
        "dtype": DTYPE,
        "errors": int((rounded != test.known_labels()).sum()),
        "exact_errors": int((exact != test.known_labels()).sum()),
        "changed": int((rounded != exact).sum()),
        "cases": {"test": len(exact)},
    }
    about = {
        "image_shape": list(found.shape),
        "summary": summary,
        "net": found.metadata["net"],
        "rounded": judged,
    }
    path = Path(config.output)
    io.save(path, net, about, DTYPE)
    files.write_bytes(path.with_suffix(".md"), card(about).encode())
    print(card(about))
    return about


def card(metadata: dict[str, Any]) -> str:
    """Returns the model card, from the metadata alone."""
    summary, rounded = metadata["summary"], metadata["rounded"]
    config, cases, n = summary["config"], summary["cases"], rounded["cases"]["test"]
    height, width = metadata["image_shape"]
    record = summary["nets"][metadata["net"] - 1]
    layers = "-".join(map(str, (height * width, *config["layers"], 10)))
    learned_all = "all cases" in record
    seconds = sum(summary["seconds"].values()) + sum(s["seconds"] for s in summary["pretraining"])
    shifted = (
        f" Each time that an image was learned from it was shifted by up to {config['reach']} "
        "pixels at random."
        if config["reach"]
        else ""
    )
    parts = [
        "# The shipped classifier",
        wrap(
            f"A feedforward net of the MNIST digits, {layers}: logistic units, learned layer by "
            "layer without labels as restricted Boltzmann machines, then tuned by "
            f"backpropagation. Its weights are stored as {rounded['dtype']}; computations are in "
            "float32."
        ),
        "## Error",
        wrap(
            f"{count(rounded['errors'], n)} on the official test set of {n:,} images (95 % "
            f"interval {interval(rounded['errors'], n)}), pixels as intensities. Before rounding "
            f"it is {count(rounded['exact_errors'], n)}; rounding changes {rounded['changed']} of "
            "the decisions."
        ),
        f"```sh\npython -m experiments.classify --net={shipped.CLASSIFIER} --data_dir=FOLDER\n```",
        "## How it was made",
        wrap(
            f"Data: MNIST (LeCun, Cortes and Burges), {cases['train']:,} training and "
            f"{cases['validation']:,} validation images drawn from the official training set"
            + (f", then all {cases['all']:,}" if learned_all else "")
            + f".{shifted} The validation images, of which the chosen net gets "
            f"{count(record['chosen']['validation']['errors'], cases['validation'])} wrong, chose "
            "the rates and the epoch; the test set chose nothing. "
            f"Seed {summary['seed']}. Learning took {duration(seconds)}, machines and all."
        ),
        *made(summary),
        "## What it is for",
        wrap(
            "Naming centred 28 x 28 digits, bright ink on a dark ground. It knows nothing else, "
            "gives every image one of ten digits, and its probabilities are not calibrated. The "
            "deep belief net beside it also imagines digits."
        ),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    flags.launch(run, Config)
