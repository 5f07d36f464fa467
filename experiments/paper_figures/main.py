"""What `python -m experiments.paper_figures` runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from dbnjax import figures, files
from dbnjax.data.images import Images
from dbnjax.figures import decisions
from dbnjax.models import stack
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.scoring import read_outs
from dbnjax.types import Key
from experiments.common import nets, pictures
from experiments.common.nets import Model, Net
from experiments.mnist_dbn import figures as dbn_figures
from experiments.paper_figures.config import FIGURES, IMAGINED, OF_LABELS, OF_TEST_SET, Config


def run(config: Config) -> list[Path]:
    """Draws the figures and returns their files.

    Raises:
      InputError: the net, the test set or an option cannot be used.
    """
    config.check_options()
    net = nets.read_model(config.net)
    records = read_records(net)
    reasons = why_not(config, net, records)
    for reason in dict.fromkeys(reasons.values()):
        skipped = [name for name in reasons if reasons[name] == reason]
        print(f"skipped {', '.join(skipped)}: {reason}")
    wanted = [name for name in FIGURES if name in config.only and name not in reasons]
    test = read_test(config, net) if set(wanted) & set(OF_TEST_SET) else None
    written = []
    for name, figure in draw(jax.random.key(config.seed), net, records, test, wanted):
        written.append(files.expand(config.output) / f"{name}.png")
        figures.save(figure, written[-1])
        print(written[-1], flush=True)
    return written


def read_records(net: Model) -> list[dict[str, Any]]:
    """Returns what the epochs of the net's own run recorded; nothing for a net without a record."""
    epochs = nets.told(net.metadata, "summary", "epochs")
    return [one for one in epochs if _drawable(one)] if isinstance(epochs, list) else []


def _drawable(record: Any) -> bool:
    """Returns whether an epoch has a stage, and numbers where it has errors."""
    if not isinstance(record, dict) or not isinstance(record.get("stage"), str):
        return False
    numbers = [record[name] for name in dbn_figures.RECORDED if name in record]
    return all(type(number) in (int, float) for number in numbers)


def why_not(config: Config, net: Model, records: list[dict[str, Any]]) -> dict[str, str]:
    """Returns the asked figures that cannot be drawn, each with the reason."""
    reasons: dict[str, str] = {}
    if isinstance(net.model, Feedforward):
        reasons |= dict.fromkeys(IMAGINED, "a classifier draws no samples")
    else:
        reasons["hard"] = "it is of classifiers alone; close_calls has such digits of this net"
        if stack.label_group(net.model.memory) is None:
            reasons |= dict.fromkeys(OF_LABELS, "the net has no label units")
    if config.data_dir is None:
        missing = [name for name in OF_TEST_SET if name not in reasons]
        reasons |= dict.fromkeys(missing, "no test set; give it by --data_dir=FOLDER")
    if not any("training_error" in record for record in records):
        reasons["error"] = "the net carries no record of epochs of up-down"
    return {name: reason for name, reason in reasons.items() if name in config.only}


def read_test(config: Config, net: Model) -> Images:
    """Reads the test set, whose labels must be ones that the net knows."""
    test = nets.read_images(net, None, config.data_dir, "test")
    test.known_labels()
    return nets.as_known(net, read_outs.count_classes(net.model), test)


def draw(
    key: Key, net: Model, records: list[dict[str, Any]], test: Images | None, wanted: list[str]
) -> Iterator[tuple[str, Figure]]:
    """Yields each figure with its name as soon as it is drawn, those of the test set first."""
    if test is not None:
        said = read_outs.class_probabilities(net.model, test.pixels)
        names = nets.classes(net, said.shape[-1]).names
        for name, of_test_set in (
            ("errors", decisions.errors),
            ("close_calls", decisions.close_calls),
            ("hard", decisions.hard),
        ):
            if name in wanted:
                yield name, of_test_set(test, said, names)
    if "receptive_fields" in wanted:
        yield "receptive_fields", receptive_fields(net)
    if "error" in wanted:
        yield "error", dbn_figures.error_curve(records)
    if isinstance(net.model, DBN):
        yield from imagined(key, Net(net.model, net.shape, net.metadata), wanted)


def receptive_fields(net: Model) -> Figure:
    """Draws what the first units above the pixels listen to."""
    if isinstance(net.model, DBN):
        return dbn_figures.receptive_fields(Net(net.model, net.shape, net.metadata))
    first = (*net.model.hidden, net.model.output)[0]
    return figures.receptive_fields(np.asarray(first.weights), net.shape)


def imagined(key: Key, net: Net, wanted: list[str]) -> Iterator[tuple[str, Figure]]:
    """Yields the figures of samples from a net."""
    key_samples, key_random, key_free, key_units = jax.random.split(key, 4)
    if "samples" in wanted:
        yield "samples", pictures.clamped_chains(key_samples, net, dbn_figures.COLUMNS)[1]
    if "from_random" in wanted:
        figure = pictures.clamped_chains(key_random, net, dbn_figures.COLUMNS, from_random=True)[1]
        yield "from_random", figure
    if "free" in wanted:
        yield "free", dbn_figures.free(key_free, net)
    if "units" in wanted:
        yield from dbn_figures.units(key_units, net).items()
