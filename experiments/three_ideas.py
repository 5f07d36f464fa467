"""Three ideas for training a deep net, side by side: no pretraining, supervised, unsupervised.

    python -m experiments.three_ideas --data_dir=FOLDER

learns 784-500-10 and 784-500-500-500-10 from 10,000 MNIST digits, with three seeds a cell: without
pretraining, supervised layer by layer, and unsupervised by auto-encoders (squared error and
cross-entropy, tied and untied) and by RBMs, all tuned by backpropagation afterwards. It prints the
errors with what each method gains over no pretraining, and draws them beside the lecture's chart
(Bengio et al. 2006). Validation chooses the epoch; the official test set is looked at once a cell.

Each in three eras: logistic units with the first weights of 2006 and momentum; the same with those
of Glorot and Bengio (2010); rectified units with those of He et al. (2015) and Adam. All methods of
an era are tuned at one rate, or at the best of --factors, until the best epoch lies ten back or
--tuning_epochs are over; a net without pretraining has as many of them as any other. Not tried:
RBMs of rectified units; cross-entropy of rectified codes, which are no probabilities; under
Glorot's weights all auto-encoders but one, and RBMs, which have first weights of their own. Shallow
nets are what pretraining of deep ones makes of the first layer. All seeds are one program; on a CPU
they cost together what they cost one after another. One CPU core: some 45 minutes.

    python -m experiments.three_ideas --data_dir=FOLDER --n_train=50000 --n_validation=10000 \\
        --seeds=10 --layers=1000,1000,1000 --layer_epochs=50 --tuning_epochs=200 \\
        --factors=0.1,0.3,1,3 --workdir=runs/three_ideas_full

is the paper's size, for an accelerator: all seeds and all rates of tuning are one program.

It writes result.json, three_ideas.png and metrics.jsonl, a record a cell, to --workdir; the same
command resumes a run that was stopped, after its last whole cell.
"""

from pathlib import Path
from typing import Any

from dbnjax import files
from dbnjax.data import preparation, sources
from dbnjax.data.images import Images
from dbnjax.training import loop, metrics
from experiments import (
    flags,
    ideas_config,
    ideas_learning,
    ideas_report,
    ideas_tuning,
    three_ideas_chart,
    workdir,
)
from experiments.ideas_config import Config
from experiments.ideas_learning import Task

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
        record = ideas_report.result(task, cells, folder)
        files.write_json(folder / RESULT, record)
    record, table = workdir.show(folder / RESULT, ideas_report.table)
    if config.output is not None:
        files.write_json(config.output, record)
    drawn = [folder / FIGURE]
    if config.figure is not None:
        drawn.append(files.expand(config.figure))
    workdir.draw({path: lambda: three_ideas_chart.draw(record) for path in drawn})
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
        pretrained = ideas_learning.pretrain(task, which, max(missing.values()))
        for name, n in missing.items():
            record = ideas_tuning.cell(task, which, name, ideas_learning.lowest(pretrained, n))
            metrics.append(records, record)
            known[(*which, name)] = record
    return [known[(*which, name)] for which in asked for name in depths]


if __name__ == "__main__":
    flags.launch(run, Config)
