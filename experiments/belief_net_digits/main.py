"""What `python -m experiments.belief_net_digits` runs."""

from pathlib import Path
from typing import Any

import numpy as np

from dbnjax import checks, files
from dbnjax.training import loop, metrics
from experiments.belief_net_digits import report, train
from experiments.belief_net_digits.config import Config
from experiments.belief_net_digits.train import Task
from experiments.common import binarised, resumable, workdir

METRICS = "metrics.jsonl"


def run(config: Config) -> dict[str, Any]:
    """Learns by all methods, or goes on with an unfinished run.

    Returns:
      What `result.json` holds.

    Raises:
      InputError: an option, the images or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    config.check_options()
    cases = binarised.read(config)
    checks.check_batch_size(config.batch_size, len(cases.train.pixels))

    def finish(folder: Path) -> tuple[dict[str, Any], resumable.Makers]:
        task = prepare(config, cases)
        return result(task, learn(task, folder / METRICS), folder), {}

    inputs = {"data_dir": (cases.train, cases.judged)}
    record = resumable.run(config, report.REPORT, inputs, finish, {report.FIGURE: config.figure})
    if config.output is not None:
        files.write_json(config.output, record | {"figure": config.figure})
    return record


def prepare(config: Config, cases: binarised.Cases) -> Task:
    """Puts the cases on the device."""
    learned, labels = cases.train, cases.train.known_labels()
    return Task(
        config=config,
        data=loop.put(learned.pixels, labels, cases.n_classes, config.batch_size, balanced=False),
        seen=binarised.states(config, learned, "train"),
        judged=binarised.states(config, cases.judged, config.judged),
        labels=np.asarray(cases.judged.known_labels()),
    )


def learn(task: Task, records: Path) -> list[dict[str, Any]]:
    """Learns by the methods that are not recorded yet; returns the records of all in order."""
    known = {one["curve"]["method"]: one["curve"] for one in metrics.read(records)}
    for name in task.config.methods:
        if name not in known:
            known[name] = train.learn(task, name)
            metrics.append(records, {"stage": "method", "curve": known[name]})
    return [known[name] for name in task.config.methods]


def result(task: Task, methods: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Returns all that RESULTS.md and the figure need of a finished run."""
    config = task.config
    return {
        **workdir.described(folder, config),
        "layers": [task.judged.shape[1], *config.layers],
        "pixels": binarised.in_words(config),
        "judged": config.judged,
        "cases": {"train": len(task.seen), config.judged: len(task.judged)},
        "methods": methods,
    }
