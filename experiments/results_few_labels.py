"""Few labels in RESULTS.md, from the `result.json` of runs of `experiments.few_labels`."""

from typing import Any

from experiments import few_labels_report
from experiments.few_labels_methods import WORDS
from experiments.results_files import MADE
from experiments.results_forms import NUMBER
from experiments.results_ideas import spread
from experiments.results_markdown import NONE, duration, table, wrap

FEW_FORM = MADE | {
    "seed": int,
    "cases": {"train": int, "validation": int, "test": int},
    "rows": [
        {
            "labels": int,
            "method": set(WORDS),
            "setting": {"hidden": [int], "decay": NUMBER, "dropout": NUMBER},
            "draws": [int],
            "chosen_by": int,
            "validation": [int],
            "test": [int],
            "seconds": NUMBER,
        }
    ],
    "stack": {"command": str, "commit": str, "seconds": NUMBER},
}

ABOUT_FEW = """\
Few labels among {train:,} training images; the others are there without a label. Pixels are
intensities; a classifier answers by its softmax, a joint DBN by the free energy of each label.
Means over draws of the labelled cases with 95 % t-intervals; so many validation labels chose the
setting and the epoch. The gain over the net without pretraining, in points, is that draw by
draw."""


def few(record: dict[str, Any]) -> list[str]:
    """A row for each method and number of labels, and which are clearly ahead."""
    n, rows, ahead = record["cases"], [], []
    for one in record["rows"]:
        gained = few_labels_report.gain(record, one)
        told = NONE if gained is None else "{:.2f} ± {:.2f}".format(*gained)
        row = [f"{one['labels']:,}", WORDS[one["method"]], few_labels_report.words(one["setting"])]
        row += [str(len(one["draws"])), f"{one['chosen_by']:,}"]
        row.append(spread(one["validation"], one["chosen_by"]))
        rows.append([*row, spread(one["test"], n["test"]), told, duration(one["seconds"])])
        if gained is not None and gained[0] > gained[1]:
            ahead.append(f"{WORDS[one['method']]} at {one['labels']:,}")
    header = ["labels", "method", "hidden units", "draws", "chosen by", "validation, %", "test, %"]
    stack = record["stack"]
    text = f"{ABOUT_FEW.format(**n)} Seed {record['seed']}. The stack took "
    text += f"{duration(stack['seconds'])}, from commit {stack['commit'] or 'unknown'} by"
    return [
        wrap(text.replace("\n", " ")) + f"\n\n```sh\n{stack['command']}\n```",
        table([*header, "gain, points", "wall time"], rows),
        wrap(f"Clearly ahead of the net without pretraining: {'; '.join(ahead) or 'no method'}."),
    ]
