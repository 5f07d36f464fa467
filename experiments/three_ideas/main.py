"""What `python -m experiments.three_ideas` runs."""

from pathlib import Path
from typing import Any

from dbnjax import files
from dbnjax.data import preparation, sources
from dbnjax.data.images import Images
from dbnjax.training import loop, metrics
from experiments.common import workdir
from experiments.three_ideas import chart, report, train, tuning
from experiments.three_ideas import config as ideas_config
from experiments.three_ideas.config import Config
from experiments.three_ideas.train import Task

RESULT, FIGURE, METRICS = "result.json", "three_ideas.png", "metrics.jsonl"


def run(config: Config) -> dict[str, Any]:
    """Compares the methods, or goes on with an unfinished run.

    Returns:
      What `result.json` holds.

    Raises:
      InputError: an option, the images or the work directory cannot be used.
      DivergenceError: a parameter stopped being finite in pretraining.
    """
    ideas_config.check(config)
    task = prepare(config)
    free = ("data_dir", *ideas_config.FREE)
    learned_from = {"data_dir": (task.data, task.held_out, task.test)}
    folder = workdir.prepare(config.workdir, config, free, learned_from)
    if not (folder / RESULT).exists():
        workdir.note_commit(folder)
        cells = learn(task, folder / METRICS)
        record = report.result(task, cells, folder)
        files.write_json(folder / RESULT, record)
    record, table = workdir.show(folder / RESULT, report.table)
    if config.output is not None:
        files.write_json(config.output, record)
    drawn = [folder / FIGURE]
    if config.figure is not None:
        drawn.append(files.expand(config.figure))
    workdir.draw({path: lambda: chart.draw(record) for path in drawn})
    print(table)
    print(f"\nfigure and numbers: {folder}")
    return record


def prepare(config: Config) -> Task:
    """Reads and splits the images and puts them on the device."""
    source = sources.load(config.dataset, config.data_dir)
    splits = preparation.make_splits(
        source, config.n_train, config.n_validation, config.n_test or None, config.split_seed
    )

    def put(images: Images, batch_size: int) -> loop.Data:
        labels = images.known_labels()
        return loop.put(images.pixels, labels, source.n_classes, batch_size, balanced=False)

    return Task(
        config=config,
        n_classes=source.n_classes,
        data=put(splits.train, config.batch_size),
        held_out=put(splits.validation, 1),
        test=put(splits.test, 1),
    )


def learn(task: Task, records: Path) -> list[dict[str, Any]]:
    """Learns the cells that are not recorded yet, and returns the records of all in order."""
    asked, depths = ideas_config.pretrainings(task.config), ideas_config.depths(task.config)
    known = {
        (record["era"], record["method"], record["depth"]): record
        for record in metrics.read(records)
    }
    for which in asked:
        missing = {name: n for name, n in depths.items() if (*which, name) not in known}
        if not missing:
            continue
        pretrained = train.pretrain(task, which, max(missing.values()))
        for name, n in missing.items():
            record = tuning.cell(task, which, name, train.lowest(pretrained, n))
            metrics.append(records, record)
            known[(*which, name)] = record
    return [known[(*which, name)] for which in asked for name in depths]
