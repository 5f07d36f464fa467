"""How probable a saved net makes images: forward and reverse estimates, bounds, exact sums.

    python -m experiments.likelihood --data_dir=FOLDER
    python -m experiments.likelihood --net=machine.safetensors --output=results/likelihood/x.json

For a machine: log p(v) with log Z by annealed importance sampling from below and from above, and
exactly where a sum takes about a minute at most; the pseudo-log-likelihood and RAISE on the first
500 images. The reverse chains start from samples of parallel tempering that began at the base
rates. For a deep net: the bound of equation 4.2 and the importance-weighted estimate, with the
same estimates of log Z of the top machine, for log p(v) and, with labels, log p(v, label); the
true values where all its hidden states can be summed over. Every number is about pixels binarised
in the way that is named beside it. Without --net it scores the net that comes with dbnjax.

A log Z from below makes every number too large on average, one from above too small, as far as its
samples are exact. So a machine's log p lies between its two columns on average. A deep net's
numbers are lower bounds on log p on average, with an exact log Z or one from above; one from below
can lift them beyond it. RAISE bounds log p of the annealed model, which may lie on either side of
the machine's. The interval of a bound from weights is that of the bound, not of log p. Products are
full float32; log weights are compensated sums; means over images are taken in float64.
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
        "net": likelihood_config.origin(net.metadata),
        "dataset": likelihood_cases.dataset(config),
        "pixels": likelihood_cases.in_words(config),
        "binarisation": config.binarisation,
        "precision": PRECISION,
        "log_z": likelihood_report.describe(log_z, config),
        "rows": rows,
        "warnings": likelihood_report.warnings(log_z, rows) + likelihood_config.doubts(config, net),
        "seconds": task.seconds | {"in all": time.perf_counter() - began},
        "command": provenance.command("experiments.likelihood", named, {}),
        **provenance.made(),
    }
    print(likelihood_report.table(record))
    if config.output is not None:
        files.write_json(config.output, record)
    return record


if __name__ == "__main__":
    flags.launch(run, Config)
