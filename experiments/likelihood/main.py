"""What `python -m experiments.likelihood` runs."""

import dataclasses
import time
from pathlib import Path
from typing import Any

from dbnjax import files
from experiments.common import binarised, nets, provenance
from experiments.likelihood import config as likelihood_config
from experiments.likelihood import report, score
from experiments.likelihood.config import Config

PRECISION = "float32 products, compensated log weights"


def run(config: Config) -> dict[str, Any]:
    """Scores a net, prints and returns what is found, and writes it if that is asked.

    Raises:
      InputError: an option, the net or the images cannot be used, or do not fit each other.
    """
    likelihood_config.check_options(config)
    files.check_place(config.output)
    net = nets.read_net(config.net)
    cases = binarised.read(config)
    likelihood_config.check_fit(config, net, cases)
    began = time.perf_counter()
    task = score.prepare(config, net.dbn, cases)
    log_z = score.estimate_log_z(task)
    named = dataclasses.replace(config, net=config.net and Path(config.net).name)
    rows = [*score.score(task, log_z), *score.score_subset(task)]
    record = {
        "model": report.architecture(net.dbn),
        "net": nets.origin(net.metadata),
        "dataset": binarised.dataset(config),
        "pixels": binarised.in_words(config),
        "binarisation": config.binarisation,
        "precision": PRECISION,
        "log_z": report.describe(log_z, config),
        "rows": rows,
        "warnings": report.warnings(log_z, rows) + likelihood_config.doubts(config, net),
        "seconds": task.seconds | {"in all": time.perf_counter() - began},
        "command": provenance.command("experiments.likelihood", named, {}),
        **provenance.made(),
    }
    print(report.table(record))
    if config.output is not None:
        files.write_json(config.output, record)
    return record
