"""What `python -m experiments.likelihood` runs: a net and images that fit each other, scored."""

import time
from typing import Any

from dbnjax import checks, files
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from dbnjax.scoring import means
from experiments.common import binarised, nets, options, provenance
from experiments.common.binarised import Cases
from experiments.common.nets import Net
from experiments.likelihood import judge, report
from experiments.likelihood.config import Config


def run(config: Config) -> dict[str, Any]:
    """Scores a net, prints and returns what is found, and writes it if that is asked.

    Raises:
      InputError: an option, the net or the images cannot be used, or do not fit each other.
    """
    config.check_options()
    files.check_place(config.output)
    net = nets.read_net(config.net)
    cases = binarised.read(config)
    check_fit(config, net, cases)
    began = time.perf_counter()
    task = judge.prepare(config, net.dbn, cases)
    log_z = judge.estimate_log_z(task)
    rows = [*judge.score(task, log_z.points), *judge.score_subset(task)]
    record: dict[str, Any] = {
        "model": nets.architecture(net.dbn),
        "net": nets.origin(net.metadata),
        "dataset": binarised.dataset(config),
        "pixels": binarised.in_words(config),
        "binarisation": config.binarisation,
        "precision": "float32 products, compensated log weights",
        "log_z": log_z.record,
        "rows": rows,
        "warnings": [*log_z.warnings, *means.warnings(rows), *doubts(config, net)],
        "seconds": task.seconds | {"in all": time.perf_counter() - began},
        "command": options.command(config),
        **provenance.made(),
    }
    print(report.text(record))
    if config.output is not None:
        files.write_json(config.output, record)
    return record


def check_fit(config: Config, net: Net, cases: Cases) -> None:
    """Refuses images and nets that do not fit each other, before anything is computed."""
    memory, named = net.dbn.memory, config.net or "the shipped net"
    checks.require(
        memory.hidden.size > 0,
        f"{named}: expected an RBM with hidden units, got none; there is nothing to sum",
    )
    checks.require(
        cases.shape == net.shape,
        f"{binarised.dataset(config)}: expected images of {net.shape[0]} x {net.shape[1]} "
        f"pixels, which {named} was made for, got {cases.shape[0]} x {cases.shape[1]}; "
        "reduce them with --side or use another net",
    )
    checks.require(
        nets.has_binary_pixels(net.dbn) or config.binarisation == "real",
        f"{named}: expected --binarisation=real for "
        f"{type(dbn_lib.visible_unit(net.dbn)).__name__} pixels, got {config.binarisation}; they "
        "are not binary",
    )
    group = stack_lib.label_group(memory)
    checks.require(
        group is None or group.size == cases.n_classes,
        f"{named}: expected a data set of as many classes as it has labels, got "
        f"{cases.n_classes} classes; it was made for other data",
    )


def doubts(config: Config, net: Net) -> list[str]:
    """Says in words what the numbers might be mistaken for."""
    found = []
    learned = nets.learned_from(net.metadata)
    if learned is None:
        found.append("the net does not say how its pixels were binarised")
    elif not nets.alike(learned, config.binarisation):
        found.append(
            f"the net learned from pixels of another binarisation ({learned}) than it is scored on "
            f"({config.binarisation})"
        )
    if config.binarisation == "real" and nets.has_binary_pixels(net.dbn):
        found.append("intensities are no states of binary units: these are no log-probabilities")
    if config.net is None and binarised.dataset(config) == "mnist5k":
        found.append(
            "mnist5k is a part of the images that the shipped net learned from; give MNIST's own "
            "test set by --data_dir"
        )
    return found
