"""What `python -m experiments.comparators` runs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from dbnjax import files
from dbnjax.data import preparation
from dbnjax.training import metrics, stages
from experiments.common import cases as dbn_cases
from experiments.common import workdir
from experiments.comparators import by_sklearn, neighbours, nets, report, rows
from experiments.comparators import config as comparators_config
from experiments.comparators.config import Config
from experiments.comparators.rows import Outcome, Task

ROWS: dict[str, Callable[[Task], Outcome]] = {
    "svm": by_sklearn.svm,
    **{name: partial(nets.row, name=name) for name in nets.NETS},
    **{f"sklearn_{name}": partial(by_sklearn.row, name=name) for name in nets.NETS},
    **{
        f"l{power}_{cases}": partial(neighbours.row, power=power, few=cases == "few")
        for power in (2, 3)
        for cases in ("few", "all")
    },
}


def run(config: Config) -> dict[str, Any]:
    """Does the rows that are not finished yet.

    Returns:
      The result that is also written to `result.json`, of all finished rows.

    Raises:
      InputError: an option, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    comparators_config.check(config)
    source, splits = dbn_cases.read(comparators_config.splitting(config))
    everything = preparation.all_but_test(source, splits)
    n_few = rows.n_few(config, everything)
    comparators_config.check_fit(config, len(splits.train.pixels), n_few)
    learned_from = {"data_dir": (splits, everything)}
    folder = workdir.prepare(config.workdir, config, comparators_config.FREE, learned_from)
    task = Task(
        config=config,
        key=jax.random.key(config.seed),
        n_classes=source.n_classes,
        splits=splits,
        everything=everything,
        place=stages.Place(folder, save_every=config.save_every),
    )
    done = report.finished(task.place.metrics)
    missing = [name for name in config.rows if name not in done]
    if missing:
        workdir.note_commit(folder)
    for name in missing:
        metrics.append(task.place.metrics, report.record(name, ROWS[name](task)))
    result = report.result(task)
    files.write_json(folder / "result.json", result)
    workdir.draw({folder / "figures" / "errors.png": lambda: report.draw(result)})
    print(report.table(result))
    print(f"\nrows and figure: {folder}")
    return result
