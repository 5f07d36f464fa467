"""What `hybrid` reports: errors of its nets, as a record, a table and figures."""

import dataclasses
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dbnjax import figures, files
from dbnjax.models.dbn import DBN
from dbnjax.models.stack import Stack
from dbnjax.training import loop, metrics
from dbnjax.weights import shipped
from experiments.common import provenance, workdir
from experiments.hybrid import config as hybrid_config
from experiments.hybrid import start as hybrid_start
from experiments.hybrid import train
from experiments.hybrid.config import Config
from experiments.hybrid.train import Selected, Task


def result(
    task: Task,
    starts: hybrid_start.Starts,
    selected: Selected,
    last: DBN | Stack,
    test: loop.Data,
) -> dict[str, Any]:
    """Judges the nets, the test cases for the first time, and returns all that RESULTS.md needs.

    Args:
      task: what both stages share.
      starts: what they started from.
      selected: what validation chose.
      last: the net after all cases.
      test: test cases.
    """
    config, first = task.config, starts.net
    judged = {
        "start": (first.params, {"validation": task.held_out, "test": test}),
        "chosen": (selected.best, {"validation": task.held_out, "test": test}),
    }
    on_all = {"all": task.everything, "test": test}
    if starts.all_net is not None:
        judged["start of all cases"] = (starts.all_net.params, on_all)
    judged["all cases"] = (last, on_all)
    wrong = {
        name: {split: train.measure(net, data).wrong for split, data in splits.items()}
        for name, (net, splits) in judged.items()
    }
    epochs = [record for record in metrics.read(task.place.metrics) if "epoch" in record]
    seconds: dict[str, float] = {}
    for record in epochs:
        seconds[record["stage"]] = seconds.get(record["stage"], 0.0) + record["seconds"]
    chosen = int(selected.epoch)
    own = {k: v for k, v in dataclasses.asdict(named(config)).items() if k not in workdir.PLACES}
    parts = {
        "train": task.data,
        "validation": task.held_out,
        "all": task.everything,
        "test": test,
    }
    return {
        **workdir.origin(task.place.workdir),
        "command": provenance.command("experiments.hybrid", named(config), {}),
        "config": own | first.split,
        "seed": config.seed,
        "starts": {name: start.made for name, start in starts._asdict().items() if start},
        "cases": {name: len(data.labels) for name, data in parts.items()},
        "errors": {
            name: {split: len(found) for split, found in splits.items()}
            for name, splits in wrong.items()
        },
        "wrong": {name: splits["test"].tolist() for name, splits in wrong.items()},
        "chosen": {
            "weight": hybrid_config.weight(config, chosen - 1) if chosen else None,
            "epoch": chosen,
        },
        "epochs": epochs,
        "seconds": seconds,
    }


def named(config: Config) -> Config:
    """Returns options that name files, not the folders in which a person keeps them.

    The net that comes with the package is named by its place in it.
    """
    all_net = Path(config.all_net).name
    if config.all_net and files.expand(config.all_net).resolve() == shipped.PATH.resolve():
        all_net = "/".join(shipped.PATH.parts[-3:])
    return dataclasses.replace(config, net=Path(config.net).name, all_net=all_net)


def table(result: dict[str, Any]) -> str:
    """Lays out the errors as text, counts and per cent, and what was chosen."""
    cases = {split: n for split, n in result["cases"].items() if split != "train"}
    header = "".join(f"{f'{split} ({n})':>22}" for split, n in cases.items())
    lines = [f"{'errors':<20}{header}"]
    for name, counts in result["errors"].items():
        cells = (
            f"{counts[split]} ({100 * counts[split] / n:.2f} %)" if split in counts else ""
            for split, n in cases.items()
        )
        lines.append(f"{name:<20}" + "".join(f"{cell:>22}" for cell in cells))
    weight, epoch = result["chosen"]["weight"], result["chosen"]["epoch"]
    kept = f"weight {weight:g}, after epoch {epoch}" if epoch else "the net of the start"
    return "\n".join([*lines, f"chosen on validation: {kept}"])


def draw(folder: Path, result: dict[str, Any]) -> None:
    """Draws the validation errors against the weight, and all errors epoch by epoch."""
    place = folder / "figures"
    makers = {"weights.png": lambda: by_weight(result), "error.png": lambda: by_epoch(result)}
    workdir.draw({place / name: make for name, make in makers.items()})


def by_weight(result: dict[str, Any]) -> Figure:
    """Draws the errors after the best and after the last epoch at each weight."""
    n = result["cases"]["validation"]
    errors: dict[float, list[float]] = {}
    for record in choosing(result):
        errors.setdefault(record["weight"], []).append(record["validation_error"])
    weights, chosen = list(errors), result["chosen"]["weight"]
    start = 100 * result["errors"]["start"]["validation"] / n
    return figures.curves(
        {
            "after the best epoch": (weights, [min(found) for found in errors.values()]),
            "after the last epoch": (weights, [found[-1] for found in errors.values()]),
            "net of the start": (weights, [start] * len(weights)),
        },
        "weight of the gradient by backpropagation",
        f"error (%) on {n} validation cases",
        "Validation errors while the weight rises, deterministic read-out",
        marks=None if chosen is None else {"chosen": chosen},
    )


def by_epoch(result: dict[str, Any]) -> Figure:
    """Draws the errors after each epoch, with the weights at which they began."""
    records = choosing(result)
    epochs = [record["epoch"] for record in records]
    begun: dict[str, float] = {}
    for record in records:
        begun.setdefault(f"{record['weight']:g}", record["epoch"] - 0.5)
    return figures.curves(
        {
            "training, while learning": (epochs, [r["training_error"] for r in records]),
            "validation": (epochs, [r["validation_error"] for r in records]),
        },
        "epoch",
        "error (%)",
        "Errors while the weight rises (above the dotted lines), deterministic read-out",
        marks=begun,
    )


def choosing(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the records of the epochs from which weight and epoch were chosen."""
    return [record for record in result["epochs"] if record["stage"] == train.CHOOSING]
