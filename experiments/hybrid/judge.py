"""What `hybrid` measures when all learning is over: its nets on every split."""

from typing import Any

from dbnjax.models.dbn import DBN
from dbnjax.models.stack import Stack
from dbnjax.training import loop, metrics
from dbnjax.training.selection import ByErrorsThenCost
from experiments.common import workdir
from experiments.common.records import ALL, CHOSEN
from experiments.hybrid import train
from experiments.hybrid.report import ALL_START, START, Record
from experiments.hybrid.start import Starts
from experiments.hybrid.train import Task


def result(
    task: Task, starts: Starts, selected: ByErrorsThenCost, last: DBN | Stack, test: loop.Data
) -> Record:
    """Judges the nets, the test cases for the first time, and returns all that RESULTS.md needs.

    Args:
      task: what both stages share.
      starts: what they started from.
      selected: what validation chose.
      last: the net after all cases.
      test: test cases.
    """
    config, chosen = task.config, int(selected.epoch)
    parts = {"train": task.data, "validation": task.held_out, "all": task.everything, "test": test}
    judged = {START: (starts.net.params, "validation"), CHOSEN: (selected.best, "validation")}
    if starts.all_net is not None:
        judged[ALL_START] = (starts.all_net.params, "all")
    judged[ALL] = (last, "all")
    wrong = {
        name: {split: train.measure(net, parts[split]).wrong for split in (on, "test")}
        for name, (net, on) in judged.items()
    }
    # Of all nets at once: their names are the keys of the record's types.
    cases: Any = {name: len(data.labels) for name, data in parts.items()}
    errors: Any = {
        name: {split: len(found) for split, found in splits.items()}
        for name, splits in wrong.items()
    }
    epochs = [record for record in metrics.read(task.place.metrics) if "epoch" in record]
    made = workdir.described(task.place.workdir, config)
    return {
        **made,
        "config": made["config"] | starts.net.split,
        "seed": config.seed,
        "starts": {name: start.made for name, start in starts._asdict().items() if start},
        "cases": cases,
        "errors": errors,
        "wrong": {name: splits["test"].tolist() for name, splits in wrong.items()},
        "chosen": {"weight": config.weight(chosen - 1) if chosen else None, "epoch": chosen},
        "epochs": epochs,
        "seconds": workdir.seconds(epochs),
    }
