"""How probable a saved net makes images: forward and reverse estimates, bounds, exact sums.

    python -m experiments.likelihood --data_dir=FOLDER
    python -m experiments.likelihood --net=machine.safetensors --output=results/likelihood/x.json

For a machine: log p(v) with log Z by annealed importance sampling from below and from above, and
exactly where one layer has at most 2^20 states; the pseudo-log-likelihood and RAISE on the first
500 images. The reverse chains start from samples of parallel tempering that began at the base
rates. For a deep net: the bound of equation 4.2 and the importance-weighted estimate, with the
same estimates of log Z of the top machine, for log p(v) and, with labels, log p(v, label).
Every number is about pixels binarised in the way that is named beside it. Without --net it scores
the net that comes with dbnjax.

A log Z from below makes log p too large on average, one from above too small: the truth lies
between. Products are full float32; log weights are compensated sums, means are taken in float64.
"""

import dataclasses
import time
from pathlib import Path
from typing import Any

from dbnjax import files
from experiments import (
    flags,
    inputs,
    likelihood_cases,
    likelihood_config,
    likelihood_report,
    likelihood_scores,
    provenance,
)
from experiments.likelihood_config import Config

PRECISION = "float32 products, compensated log weights"


def run(config: Config) -> dict[str, Any]:
    """Scores a net, prints and returns what is found, and writes it if that is asked.

    Raises:
      InputError: an option, the net or the images cannot be used, or do not fit each other.
    """
    likelihood_config.check_options(config)
    net = inputs.read_net(config.net)
    cases = likelihood_cases.read(config)
    likelihood_config.check_fit(config, net, cases)
    began = time.perf_counter()
    task = likelihood_scores.prepare(config, net.dbn, cases)
    log_z = likelihood_scores.estimate_log_z(task)
    named = dataclasses.replace(config, net=config.net and Path(config.net).name)
    rows = [*likelihood_scores.score(task, log_z), *likelihood_scores.score_subset(task)]
    record = {
        "model": likelihood_report.architecture(net.dbn),
        "pixels": likelihood_cases.in_words(config),
        "precision": PRECISION,
        "log_z": likelihood_report.describe(log_z, config.n_temperatures),
        "rows": rows,
        "warnings": likelihood_report.warnings(log_z) + likelihood_config.doubts(config, net),
        "seconds": time.perf_counter() - began,
        "command": provenance.command("experiments.likelihood", named, {}),
        "commit": provenance.commit(),
        "machine": provenance.machine(),
        "versions": provenance.versions(),
    }
    print(likelihood_report.table(record))
    if config.output is not None:
        files.write_json(config.output, record)
    return record


if __name__ == "__main__":
    flags.launch(run, Config)
