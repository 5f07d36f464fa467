"""What `python -m experiments.comparators` runs."""

import dataclasses
from collections.abc import Callable
from importlib import metadata
from typing import Any

import jax

from dbnjax import files
from dbnjax.data import preparation
from dbnjax.training import metrics, stages
from experiments.common import cases, resumable, workdir
from experiments.comparators import by_sklearn, report, train
from experiments.comparators import config as comparators_config
from experiments.comparators.config import LINES, Config, Row
from experiments.comparators.report import Record
from experiments.comparators.train import Task

ROWS: dict[str, Callable[[Task, str], Row]] = {
    "svm": by_sklearn.svm,
    **dict.fromkeys(train.NETS, train.net),
    **dict.fromkeys((f"{by_sklearn.PREFIX}{name}" for name in train.NETS), by_sklearn.net),
    **dict.fromkeys(("l3_all", "l2_all", "l3_few", "l2_few"), train.neighbour),
}


def run(config: Config) -> dict[str, Any]:
    """Does the rows that are not finished yet; a run of other rows adds them to the same folder.

    Returns:
      The result that is also written to `result.json`, of all finished rows.

    Raises:
      InputError: an option, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    config.check_options()
    source, splits = cases.read(config)
    everything = preparation.all_but_test(source, splits)
    n_few = train.n_few(config, everything)
    comparators_config.check_fit(config, len(splits.train.pixels), n_few)
    folder = workdir.begin(config, {"data_dir": (splits, everything)})
    task = Task(
        config=config,
        key=jax.random.key(config.seed),
        n_classes=source.n_classes,
        splits=splits,
        everything=everything,
        place=stages.Place(folder, save_every=config.save_every),
    )
    done, result = finished(task), folder / resumable.RESULT
    missing = [name for name in config.rows if name not in done]
    if missing:
        workdir.note_commit(folder)
    for name in missing:
        metrics.append(task.place.metrics, ROWS[name](task, name))
    if missing or not result.exists():
        files.write_json(result, as_record(task))
    return resumable.show(folder, report.REPORT)


def finished(task: Task) -> dict[str, Row]:
    """Returns the rows that are finished, by name, in the order of the table."""
    rows: dict[str, Any] = {r["name"]: r for r in metrics.read(task.place.metrics) if "name" in r}
    return {name: rows[name] for name in LINES if name in rows}


def as_record(task: Task) -> Record:
    """Returns all that RESULTS.md and the chart need of the finished rows."""
    rows = finished(task)
    named = dataclasses.replace(task.config, rows=tuple(rows))
    made = workdir.described(task.place.workdir, named)
    theirs = any(comparators_config.by_sklearn(name) for name in rows)
    peers = {"scikit-learn": metadata.version("scikit-learn")} if theirs else {}
    n: Any = {split: len(images.pixels) for split, images in task.splits._asdict().items()}
    return {
        **made,
        "versions": made["versions"] | peers,
        "seed": named.seed,
        "cases": n | {"all": len(task.everything.pixels)},
        "rows": list(rows.values()),
    }
