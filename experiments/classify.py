"""Names the class of images with a saved net, and counts its errors where labels are known.

    python -m experiments.classify --data_dir=FOLDER
    python -m experiments.classify --net=mnist_classifier --data_dir=FOLDER
    python -m experiments.classify --net=net.safetensors --images=digits.npy

Images are one PNG or other picture, a folder of them, an NPY file or a folder of IDX files; bright
ink on a dark ground, as in the training data. Without --net it asks the deep belief net that comes
with dbnjax; --net=mnist_classifier is the classifier that does, tuned for nothing else. Without
labels it prints a line for each image; with labels a confusion matrix and, last, the errors: for
the shipped net, MNIST's official test set and the deterministic read-out those that its card and
RESULTS.md state.

784-500-500-2000 on two CPU cores: 2 s for 10,000 images, some 15 s for the averaged read-out.
"""

import csv
import dataclasses
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from dbnjax import files
from dbnjax.scoring import read_outs
from experiments.common import groups, nets, program
from experiments.common.options import INPUT, PLACE, file_name, option

READ_OUTS = ("deterministic", "stochastic", "averaged", "gibbs")


@dataclasses.dataclass(frozen=True)
class Config(groups.Seed):
    """Options of the run; each is a flag."""

    net: str | None = option(
        None,
        "Saved net, or mnist_classifier; without one, the net that comes with dbnjax.",
        role=INPUT,
        shown=file_name,
    )
    images: str | None = option(
        None, "PNG or another picture, a folder of them, or NPY file.", role=INPUT, shown=file_name
    )
    data_dir: str | None = groups.data_dir()
    split: str = option("test", "Which images of --data_dir.", ("train", "test"))
    read_out: str = option("deterministic", "How the class is read out (section 6.2).", READ_OUTS)
    n_gibbs: int = option(10, "Iterations of the Gibbs read-out.", least=1)
    n_passes: int = option(20, "Up-passes of the averaged read-out.", least=1)
    output: str | None = option(None, "CSV file to write the predictions to.", role=PLACE)
    seed: int = option(0, "Seed of the read-outs that draw.", least=0, below=groups.SEEDS)


class Results(NamedTuple):
    """What the net says.

    Attributes:
      guesses: `[n]` int, the most probable class, counted from 0 in the net's own order.
      probabilities: `[n]` what the net gives it.
      labels: `[n]` the true classes, counted likewise, or None.
      errors: the number of wrong guesses, or None.
    """

    guesses: np.ndarray
    probabilities: np.ndarray
    labels: np.ndarray | None
    errors: int | None


def run(config: Config) -> Results:
    """Classifies the images and prints what was found.

    Raises:
      InputError: the net, the images or the labels cannot be used, or do not fit each other.
    """
    config.check_options()
    files.check_place(config.output)
    net = nets.read_model(config.net)
    n_classes = read_outs.count_classes(net.model)
    images = nets.read_images(net, config.images, config.data_dir, config.split)
    images = nets.as_known(net, n_classes, images)
    scores = read_outs.class_probabilities(
        net.model,
        images.pixels,
        config.read_out,
        jax.random.key(config.seed),
        config.n_gibbs,
        config.n_passes,
    )
    guesses, best = scores.argmax(-1), scores.max(-1)
    wrong = None if images.labels is None else int((guesses != images.labels).sum())
    results = Results(guesses, best, images.labels, wrong)
    classes = nets.classes(net, n_classes).names
    names = nets.image_names(config.images, len(guesses))
    if config.output is not None:
        files.write_bytes(config.output, as_csv(names, results, classes).encode())
    print(report(names, results, classes))
    return results


def report(names: list[str], results: Results, classes: Sequence[str]) -> str:
    """Returns a line for each image, or with labels the confusion matrix and the errors."""
    if results.labels is None:
        width = max(len(name) for name in names)
        return "\n".join(
            f"{name:<{width}}  class {classes[guess]}  probability {probability:.4f}"
            for name, guess, probability in zip(
                names, results.guesses, results.probabilities, strict=True
            )
        )
    n = len(results.labels)
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (results.labels, results.guesses), 1)
    wrong = n - int(counts.trace())
    return f"{table(counts, classes)}\n\nerrors: {wrong} of {n} ({100 * wrong / n:.2f} %)"


def table(counts: np.ndarray, classes: Sequence[str]) -> str:
    """Lays out a confusion matrix, the true class down and the guess across, as text."""
    longest = max(map(len, classes))
    width, first = max(len(str(counts.max())), longest) + 2, max(longest, 4)
    rows = [f"{'':>{first}} |" + "".join(f"{guess:>{width}}" for guess in classes)]
    rows.append("-" * (first + 1) + "+" + "-" * (width * len(counts)))
    for label, row in zip(classes, counts, strict=True):
        cells = "".join(f"{count or '.':>{width}}" for count in row)
        rows.append(f"{label:>{first}} |{cells}")
    return "\n".join(["true class down, guess across", "", *rows])


def as_csv(names: list[str], results: Results, classes: Sequence[str]) -> str:
    """Returns the predictions with a header: image, class, probability and, if known, label."""
    columns: dict[str, Any] = {
        "image": names,
        "class": [classes[guess] for guess in results.guesses],
        "probability": results.probabilities,
    }
    if results.labels is not None:
        columns["label"] = [classes[label] for label in results.labels]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


if __name__ == "__main__":
    program.launch(run, Config)
