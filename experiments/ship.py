"""Rounds a trained net to float16 and writes it into the package, with its model card.

    python -m experiments.ship --net=runs/best/net.safetensors --data_dir=FOLDER

The net must come from the main job, whose record it carries. The rounded weights are judged once
more on the test set, beside the exact ones; every number of the card is computed.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax import checks, files
from dbnjax.models.dbn import DBN
from dbnjax.weights import io, shipped
from experiments import classify, flags, inputs, results_groups
from experiments.flags import option
from experiments.results_markdown import count, duration, interval, made, wrap
from experiments.results_runs import errors

DTYPE = "float16"


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the run; each is a flag."""

    net: str | None = option(None, "Saved net of the main job, a .safetensors file.")
    data_dir: str | None = option(None, "Folder of IDX files with the test set, gzipped or not.")
    output: str = option(str(shipped.PATH), "File to write; the card stands beside it.")
    record: str = option("results/shipped.json", "File to write for RESULTS.md.")


def run(config: Config) -> dict[str, Any]:
    """Writes the rounded net, its card and its line of RESULTS.md; returns the metadata.

    Raises:
      InputError: the net or the data cannot be used, the net carries no record of its run, is not
        its last one, or the run was not on images of MNIST's own size.
    """
    checks.require(config.net is not None, "--net: expected a net of the main job, got none")
    checks.require(config.data_dir is not None, "--data_dir: expected the test set, got none")
    net = inputs.read_net(config.net)
    summary = net.metadata.get("summary", {})
    checks.require(
        bool(summary.get("errors")),
        f"{config.net}: expected the record of a run of experiments.mnist_dbn with labels in its "
        "metadata, got none; only such a net can be described",
    )
    stage, last = net.metadata.get("stage"), results_groups.stages(summary)[-1]
    checks.require(
        stage in (None, last),  # none: saved when runs kept their last net alone
        f"{config.net}: expected the last net of its run, {last}, got that of the stage {stage}, "
        "for which the run's record does not speak; give net.safetensors",
    )
    made_of = summary["config"]["dataset"], summary["config"]["side"]
    checks.require(
        made_of == ("mnist", 0),
        f"{config.net}: expected a net of --dataset=mnist --side=0, which the card describes, got "
        f"--dataset={made_of[0]} --side={made_of[1]}",
    )
    test = inputs.read_images(net, None, config.data_dir, "test")
    stored = jax.tree.map(lambda x: x.astype(DTYPE).astype(jnp.float32), net.dbn)
    exact, rounded = (decisions(dbn, test.pixels) for dbn in (net.dbn, stored))
    judged = {
        "dtype": DTYPE,
        "errors": int((rounded != test.known_labels()).sum()),
        "exact_errors": int((exact != test.known_labels()).sum()),
        "changed": int((rounded != exact).sum()),
        "cases": {"test": len(exact)},
    }
    metadata = {"image_shape": list(net.shape), "summary": summary, "rounded": judged}
    path = Path(config.output)
    io.save(path, net.dbn, metadata, DTYPE)
    files.write_bytes(path.with_suffix(".md"), card(metadata).encode())
    origin = {"command": summary["command"], "commit": summary["commit"]}
    files.write_json(config.record, origin | judged)
    print(card(metadata))
    return metadata


def decisions(net: DBN, pixels: np.ndarray) -> np.ndarray:
    """Returns the class of each image under the deterministic read-out."""
    return classify.class_probabilities(classify.Config(), net, pixels).argmax(-1)


def card(metadata: dict[str, Any]) -> str:
    """Returns the model card, from the metadata alone."""
    summary, rounded = metadata["summary"], metadata["rounded"]
    cases, n = summary["cases"], rounded["cases"]["test"]
    n_pixels = int(np.prod(metadata["image_shape"]))
    layers = "-".join(map(str, (n_pixels, *summary["config"]["layers"])))
    parts = [
        "# The shipped net",
        wrap(
            f"A deep belief net of the MNIST digits, {layers} with ten softmax labels joined to "
            "the penultimate units: directed generative and recognition layers below an "
            f"associative memory. Its weights are stored as {rounded['dtype']}; computations are "
            "in float32."
        ),
        "## Error",
        wrap(
            f"{count(rounded['errors'], n)} on the official test set of {n:,} images (95 % "
            f"interval {interval(rounded['errors'], n)}) under the deterministic read-out of "
            "pixel intensities. Before rounding it is "
            f"{count(rounded['exact_errors'], n)}; rounding changes {rounded['changed']} of the "
            "decisions."
        ),
        "```sh\npython -m experiments.classify --data_dir=FOLDER\n```",
        "## How it was made",
        wrap(
            f"Data: MNIST (LeCun, Cortes and Burges), {cases['train']:,} training and "
            f"{cases['validation']:,} validation images drawn from the official training set"
            + (f", then all {cases['all']:,}" if "all cases" in summary["errors"] else "")
            + ". The validation images chose the rates and the epoch; the test set chose nothing. "
            f"Seed {summary['seed']}. Learning took {duration(sum(summary['seconds'].values()))}."
        ),
        *made(summary),
        errors(summary),
        "## What it is for",
        wrap(
            "Showing what a deep belief net does: classifying and imagining centred 28 x 28 "
            "digits, bright ink on a dark ground. It knows nothing else, gives every image one of "
            "ten digits, and its probabilities are not calibrated."
        ),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    flags.launch(run, Config)
