"""Comparators in RESULTS.md, from the `result.json` of runs of `experiments.comparators`."""

from typing import Any

from experiments.common.record_files import MADE
from experiments.common.records import NULL, NUMBER
from experiments.common.tables import NONE, count, duration, interval, table, wrap
from experiments.comparators import report
from experiments.comparators.config import LINES

COMPARATORS_FORM = MADE | {
    "seed": int,
    "config": {"epochs": int, "svm_cost": NUMBER},
    "cases": {"train": int, "validation": int, "test": int, "all": int},
    "rows": [
        {
            "name": set(LINES),
            "cases": int,
            "validation": (int, NULL),  # null where there was nothing left to choose
            "test": int,
            "seconds": NUMBER,
            "settings": {},
        }
    ],
}

ABOUT_COMPARATORS = """\
Table 1 of the 2006 paper, permutation-invariant version, its numbers beside ours. Pixels are
intensities. The nets learned from the training cases for at most {epochs} epochs, and
{validation:,} validation cases chose their epoch and weight decay. Of the others nothing was chosen
here: the penalty C of the support vector machine, {cost:g}, was set beforehand."""


def comparators(record: dict[str, Any]) -> list[str]:
    """The rows of Table 1 beside the paper's."""
    cases = record["cases"]
    rows = [
        [
            report.title(row["name"]),
            f"{row['cases']:,}",
            chosen(row["settings"]),
            count(row["validation"], cases["validation"]),
            count(row["test"], cases["test"]),
            interval(row["test"], cases["test"]),
            f"{LINES[row['name']].paper:.2f} %",
            duration(row["seconds"]),
        ]
        for row in record["rows"]
    ]
    header = [
        "",
        "training cases",
        "chosen",
        "validation errors",
        "test errors",
        "test, 95 %",
        "paper",
    ]
    numbers = cases | {"epochs": record["config"]["epochs"], "cost": record["config"]["svm_cost"]}
    about = f"{ABOUT_COMPARATORS.format(**numbers)} Seed {record['seed']}."
    return [wrap(about.replace("\n", " ")), table([*header, "wall time"], rows)]


def chosen(settings: dict[str, Any]) -> str:
    """What validation chose of a net."""
    if "epoch" not in settings:
        return NONE
    decay = f", decay {settings['decay']:g}" if settings["decay"] else ""
    return f"epoch {settings['epoch']}{decay}"
