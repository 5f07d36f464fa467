"""What `python -m experiments.hybrid` runs."""

from typing import Any

import jax

from dbnjax import files
from dbnjax.data import preparation
from dbnjax.training import loop, stages
from dbnjax.weights import io
from experiments.common import cases, net_records, workdir
from experiments.hybrid import config as hybrid_config
from experiments.hybrid import report, start, train
from experiments.hybrid.config import Config


def run(config: Config) -> dict[str, Any]:
    """Tunes, judges and writes a net, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, a net, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    hybrid_config.check(config)
    starts = start.read(config)
    source, splits = start.read_cases(config, starts.net)
    n_classes = source.n_classes
    balanced = cases.balanced(config.batch_size, source)
    data = cases.put(splits.train, n_classes, config.batch_size, balanced)
    everything = preparation.all_but_test(source, splits)
    learned_from = {
        "data_dir": (splits, everything),
        "net": starts.net.params,
        "all_net": starts.all_net and starts.all_net.params,
    }
    folder = workdir.prepare(config.workdir, config, hybrid_config.FREE, learned_from)
    done = folder / "result.json"
    if done.exists():
        result, table = workdir.show(done, report.table)
        print(f"{folder}: this run is finished; its results:\n{table}")
        return result
    workdir.note_commit(folder)
    task = train.Task(
        config=config,
        key=jax.random.key(config.seed),
        n_classes=n_classes,
        data=data,
        held_out=cases.put(splits.validation, n_classes, 1, balanced=False),
        everything=cases.put(everything, n_classes, config.batch_size, balanced=False),
        place=stages.Place(folder, save_every=config.save_every),
        about=net_records.about(source.classes, splits.train),
    )
    return learn(task, starts, cases.put(splits.test, n_classes, 1, balanced=False))


def learn(task: train.Task, starts: start.Starts, test: loop.Data) -> dict[str, Any]:
    """Runs both stages and writes the nets, the figures and the result."""
    folder = task.place.workdir
    selected = train.choose(task, starts.net.params)
    begin = selected.best if starts.all_net is None else starts.all_net.params
    last = train.go_on(task, begin, int(selected.epoch))
    result = report.result(task, starts, selected, last, test)
    for name, stage, net in (("chosen", "hybrid", selected.best), ("net", "all cases", last)):
        about = {"stage": stage, "summary": result, **task.about}
        io.save(folder / f"{name}.safetensors", net, about)
    files.write_json(folder / "result.json", result)
    report.draw(folder, result)
    print(report.table(result))
    print(f"\nnets, figures and metrics: {folder}")
    return result
