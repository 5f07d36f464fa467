"""What is said of the nets that come with the package: in RESULTS.md, and in their cards.

A model card is written by `ship` into the package, from a net's metadata alone.
"""

from typing import Any, TypedDict

import numpy as np

from dbnjax.weights.shipped import CLASSIFIER
from experiments.common.records import Source
from experiments.common.tables import Headline, count, duration, interval, made, wrap
from experiments.mnist_classifier.report import stopped
from experiments.mnist_dbn.report import errors

STARTS = {
    "pretrained": "logistic units, learned layer by layer without labels as restricted Boltzmann "
    "machines, then tuned by backpropagation",
    "2006": "logistic units with random first weights, learned by backpropagation",
    "glorot": "logistic units with random first weights, learned by backpropagation",
    "rectified": "rectified units with random first weights, learned by backpropagation",
}


class Cases(TypedDict):
    test: int


class Record(TypedDict):
    """What rounding did to a net."""

    command: str
    commit: str
    dtype: str
    errors: int
    exact_errors: int
    changed: int
    cases: Cases


def headline(nets: list[Source]) -> list[Headline]:
    """The errors of the nets in the package; they stand on the pages of their runs."""
    return [
        Headline(f"test error of the package's net, {net.name}", f"{100 * errors / n:.2f} %")
        for net in nets
        for errors, n in [(net.record["errors"], net.record["cases"]["test"])]
    ]


def sections(nets: list[Source], name: str) -> list[str]:
    """Returns what is said of the net of a name, nothing if it is not there."""
    lay_out = {"shipped": shipped, "shipped_classifier": shipped_classifier}[name]
    return [part for net in nets if net.name == name for part in lay_out(net.record)]


def shipped(record: dict[str, Any]) -> list[str]:
    """What the package's net is and does."""
    text = (
        f"{rounding(record)} It is the last net of the run below that was begun at commit "
        f"{record['commit']}."
    )
    asked = "```sh\npython -m experiments.classify --data_dir=FOLDER\n```"
    return ["## The shipped net", wrap(text), asked]


def shipped_classifier(record: dict[str, Any]) -> list[str]:
    """What the package's classifier is and does."""
    text = (
        f"{rounding(record)} It comes from the run that was begun at commit {record['commit']} by"
    )
    asked = f"python -m experiments.classify --net={CLASSIFIER} --data_dir=FOLDER"
    return [
        "### The shipped classifier",
        wrap(text),
        f"```sh\n{record['command']}\n```",
        f"```sh\n{asked}\n```",
    ]


def rounding(record: dict[str, Any]) -> str:
    """The error of the package's net of a kind, and what rounding did to it."""
    n = record["cases"]["test"]
    return (
        f"The net that comes with the package, its weights rounded to {record['dtype']}: "
        f"{count(record['errors'], n)} on the test set, 95 % interval "
        f"{interval(record['errors'], n)}; {count(record['exact_errors'], n)} before rounding, "
        f"which changes {record['changed']} decisions."
    )


def card(metadata: dict[str, Any]) -> str:
    """Returns the model card of a net of either kind."""
    parts = of_classifier(metadata) if "nets" in metadata["summary"] else of_dbn(metadata)
    return "\n\n".join(parts) + "\n"


def of_dbn(metadata: dict[str, Any]) -> list[str]:
    """The card of a deep belief net of `mnist_dbn`."""
    summary, cases = metadata["summary"], metadata["summary"]["cases"]
    return [
        "# The shipped net",
        wrap(
            f"A deep belief net of the MNIST digits, {layers(metadata)} with ten softmax labels "
            "joined to the penultimate units: directed generative and recognition layers below an "
            f"associative memory. {stored(metadata['rounded'])}"
        ),
        *error(metadata["rounded"], "under the deterministic read-out of pixel intensities"),
        "```sh\npython -m experiments.classify --data_dir=FOLDER\n```",
        "## How it was made",
        wrap(
            f"{data(cases, 'all cases' in summary['errors'])}. The validation images chose the "
            "rates and the epoch; the test set chose nothing. "
            f"Seed {summary['seed']}. Learning took {duration(sum(summary['seconds'].values()))}."
        ),
        *made(summary),
        errors(summary),
        "## What it is for",
        wrap(
            "Showing what a deep belief net does: classifying and sampling centred 28 x 28 "
            "digits, bright ink on a dark ground. It knows nothing else, gives every image one of "
            "ten digits, and its probabilities are not calibrated."
        ),
    ]


def of_classifier(metadata: dict[str, Any]) -> list[str]:
    """The card of a net of `mnist_classifier`."""
    summary, cases = metadata["summary"], metadata["summary"]["cases"]
    record, stacks = summary["nets"][metadata["net"] - 1], summary["pretraining"]
    chosen = record["chosen"]
    seconds = sum(summary["seconds"].values()) + sum(stack["seconds"] for stack in stacks)
    n_nets = len(summary["nets"])
    run = f"It is net {metadata['net']} of a run of {n_nets} nets. " if n_nets > 1 else ""
    return [
        "# The shipped classifier",
        wrap(
            f"A feedforward net of the MNIST digits, {layers(metadata)}-10: "
            f"{STARTS[summary['config']['start']]}, the last ten a softmax. "
            f"{stored(metadata['rounded'])}"
        ),
        *error(metadata["rounded"], "from pixel intensities"),
        f"```sh\npython -m experiments.classify --net={CLASSIFIER} --data_dir=FOLDER\n```",
        "## How it was made",
        wrap(
            f"{data(cases, 'all cases' in record)}. {noise(summary['config'])}The validation "
            "images chose the epoch of tuning, "
            f"{chosen['epoch']}, after which the net has "
            f"{count(chosen['validation']['errors'], cases['validation'])} of them wrong; the test "
            f"set chose nothing. Seed {summary['seed']}. {run}Learning took {duration(seconds)}, "
            "that without labels included."
        ),
        *stopped(summary),
        *made(summary),
        *(
            f"Stack from commit {commit or 'unknown'}:\n\n```sh\n{command}\n```"
            for command, commit in dict.fromkeys((s["command"], s["commit"]) for s in stacks)
        ),
        "## What it is for",
        wrap(
            "Naming centred 28 x 28 digits, bright ink on a dark ground. It knows nothing else, "
            "gives every image one of ten digits, and its probabilities are not calibrated. The "
            "deep belief net beside it also draws samples of digits."
        ),
    ]


def layers(metadata: dict[str, Any]) -> str:
    """Pixels and hidden units from the bottom up."""
    n_pixels = int(np.prod(metadata["image_shape"]))
    return "-".join(map(str, (n_pixels, *metadata["summary"]["config"]["layers"])))


def stored(rounded: dict[str, Any]) -> str:
    """In what the weights are kept."""
    return f"Its weights are stored as {rounded['dtype']}; computations are in float32."


def error(rounded: dict[str, Any], asked: str) -> list[str]:
    """The error of the rounded net, and what rounding did to it."""
    n = rounded["cases"]["test"]
    return [
        "## Error",
        wrap(
            f"{count(rounded['errors'], n)} on the official test set of {n:,} images (95 % "
            f"interval {interval(rounded['errors'], n)}) {asked}. Before rounding it is "
            f"{count(rounded['exact_errors'], n)}; rounding changes {rounded['changed']} of the "
            "decisions."
        ),
    ]


def data(cases: dict[str, int], on_all: bool) -> str:
    """The images that were learned from."""
    return (
        f"Data: MNIST (LeCun, Cortes and Burges), {cases['train']:,} training and "
        f"{cases['validation']:,} validation images drawn from the official training set"
        + (f", then all {cases['all']:,}" if on_all else "")
    )


def noise(config: dict[str, Any]) -> str:
    """What was done to images and units while they were learned from, with a space at its end."""
    shifts = f"Images were shifted by up to {config['reach']} pixels, anew each time. "
    dropped = (
        f"Each time a pixel was left out with probability {config['drop_visible']:g}, a hidden "
        f"unit with {config['drop_hidden']:g}. "
    )
    return (shifts if config["reach"] else "") + (
        dropped if config["drop_visible"] or config["drop_hidden"] else ""
    )
