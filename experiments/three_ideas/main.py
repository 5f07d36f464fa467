"""What `python -m experiments.three_ideas` runs."""

from pathlib import Path
from typing import Any

from dbnjax.data import preparation, sources
from dbnjax.data.images import Images
from dbnjax.training import loop, metrics
from experiments.common import cases, resumable
from experiments.three_ideas import judge, report, train
from experiments.three_ideas.config import Config
from experiments.three_ideas.report import Cell, Record
from experiments.three_ideas.train import Task

METRICS = "metrics.jsonl"


def run(config: Config) -> dict[str, Any]:
    """Compares the methods, or goes on with an unfinished run.

    Returns:
      What `result.json` holds.

    Raises:
      InputError: an option, the images or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite in pretraining.
    """
    config.check_options()
    task = prepare(config)

    def finish(folder: Path) -> tuple[Record, resumable.Makers]:
        return judge.result(task, learn(task, folder / METRICS), folder), {}

    learned_from = {"data_dir": (task.data, task.held_out, task.test)}
    copies = {resumable.RESULT: config.output, report.FIGURE: config.figure}
    return resumable.run(config, report.REPORT, learned_from, finish, copies)


def prepare(config: Config) -> Task:
    """Reads and splits the images and puts them on the device."""
    source = sources.load(config.dataset, config.data_dir)
    splits = preparation.make_splits(
        source, config.n_train, config.n_validation, config.n_test or None, config.split_seed
    )

    def put(images: Images, batch_size: int) -> loop.Data:
        return cases.put(images, source.n_classes, batch_size, balanced=False)

    return Task(
        config=config,
        n_classes=source.n_classes,
        data=put(splits.train, config.batch_size),
        held_out=put(splits.validation, 1),
        test=put(splits.test, 1),
    )


def learn(task: Task, records: Path) -> list[Cell]:
    """Learns the cells that are not recorded yet, and returns the records of all in order."""
    config = task.config
    known: dict[tuple[str, ...], Any] = {
        (cell["era"], cell["method"], cell["depth"]): cell for cell in metrics.read(records)
    }
    for which in config.pretrainings:
        missing = {name: n for name, n in config.depths.items() if (*which, name) not in known}
        pretrained = train.pretrain(task, which, max(missing.values())) if missing else []
        for name, n in missing.items():
            cell = judge.cell(task, which, name, pretrained[:n])
            metrics.append(records, {"stage": "cell", **cell})
            known[(*which, name)] = cell
    for cell in known.values():
        cell.pop("stage", None)
    return [known[(*which, name)] for which in config.pretrainings for name in config.depths]
