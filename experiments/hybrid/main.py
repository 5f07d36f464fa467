"""What `python -m experiments.hybrid` runs."""

from pathlib import Path
from typing import Any

import jax

from dbnjax import checks
from dbnjax.data import preparation
from dbnjax.training import loop, stages
from dbnjax.weights import io
from experiments.common import cases, nets, resumable
from experiments.hybrid import judge, report, start, train
from experiments.hybrid.config import Config
from experiments.hybrid.report import Record


def run(config: Config) -> dict[str, Any]:
    """Tunes, judges and writes a net, or goes on with an unfinished run.

    Returns:
      The result that is also written to `result.json`.

    Raises:
      InputError: an option, a net, the data or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite.
    """
    config.check_options()
    starts = start.read(config)
    source, splits = start.read_cases(config, starts.net)
    n_classes = source.n_classes
    checks.check_batch_size(config.batch_size, len(splits.train.pixels))
    balanced = cases.balanced(config.batch_size, source)
    everything = preparation.all_but_test(source, splits)

    def learn(folder: Path) -> tuple[Record, resumable.Makers]:
        task = train.Task(
            config=config,
            key=jax.random.key(config.seed),
            n_labels=n_classes,
            data=cases.put(splits.train, n_classes, config.batch_size, balanced),
            held_out=cases.put(splits.validation, n_classes, 1, balanced=False),
            everything=cases.put(everything, n_classes, config.batch_size, balanced=False),
            place=stages.Place(folder, save_every=config.save_every),
            about=nets.about(source.classes, splits.train),
        )
        return finish(task, starts, cases.put(splits.test, n_classes, 1, balanced=False)), {}

    learned_from = {
        "data_dir": (splits, everything),
        "net": starts.net.params,
        "all_net": starts.all_net and starts.all_net.params,
    }
    return resumable.run(config, report.REPORT, learned_from, learn)


def finish(task: train.Task, starts: start.Starts, test: loop.Data) -> Record:
    """Runs both stages, writes the nets and returns the record."""
    selected = train.choose(task, starts.net.params)
    begin = selected.best if starts.all_net is None else starts.all_net.params
    last = train.go_on(task, begin, int(selected.epoch))
    record = judge.result(task, starts, selected, last, test)
    for name, stage, net in (("chosen", "hybrid", selected.best), ("net", "all cases", last)):
        about = {"stage": stage, "summary": record, **task.about}
        io.save(task.place.workdir / f"{name}.safetensors", net, about)
    return record
