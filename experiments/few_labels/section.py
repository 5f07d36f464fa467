"""Few labels in RESULTS.md, from the `result.json` of runs of `experiments.few_labels`."""

from typing import Any

import numpy as np

from experiments.common.record_files import MADE
from experiments.common.records import NUMBER
from experiments.common.tables import NONE, duration, spread, table, wrap
from experiments.few_labels import report
from experiments.few_labels.methods import WORDS

FEW_FORM = MADE | {
    "seed": int,
    "config": {"choose_by": {"all", "few"}, "rounds": int, "patience": int},
    "cases": {"train": int, "validation": int, "test": int},
    "rows": [
        {
            "labels": int,
            "method": set(WORDS),
            "setting": {"hidden": [int], "decay": NUMBER, "dropout": NUMBER},
            "draws": [int],
            "rounds": [int],
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
setting and the round, a look at the validation cases after some updates, which is given as a mean.
The gain over the net without pretraining, in points, is that draw by draw. {chosen}"""
CHOSEN_BY = {
    "all": "Whoever has a hundred labels has no 10,000 to choose by, so errors of few labels are "
    "lower than they would be, for every method.",
    "few": "As many validation labels choose as there are labels, as whoever has few would do.",
}


def few(record: dict[str, Any]) -> list[str]:
    """A row for each method and number of labels, and which are clearly ahead."""
    n, rows = record["cases"], []
    ahead: list[str] = []
    behind: list[str] = []
    for one in record["rows"]:
        gained = report.gain(record, one)
        told = NONE if gained is None else "{:.2f} ± {:.2f}".format(*gained)
        row = [f"{one['labels']:,}", WORDS[one["method"]], report.words(one["setting"])]
        row += [str(len(one["draws"])), f"{one['chosen_by']:,}", f"{np.mean(one['rounds']):.0f}"]
        row.append(spread(one["validation"], one["chosen_by"]))
        rows.append([*row, spread(one["test"], n["test"]), told, duration(one["seconds"])])
        if gained is not None and abs(gained[0]) > gained[1]:
            clear = ahead if gained[0] > 0 else behind
            clear.append(f"{WORDS[one['method']]} at {one['labels']:,}")
    header = ["labels", "method", "hidden units", "draws", "chosen by", "round"]
    header += ["validation, %", "test, %"]
    stack = record["stack"]
    config = record["config"]
    about = ABOUT_FEW.format(**n, chosen=CHOSEN_BY[config["choose_by"]])
    late = sum(max(one["rounds"]) > config["rounds"] - config["patience"] for one in record["rows"])
    about += f" At most {config['rounds']} rounds were learned; in {late} of {len(record['rows'])} "
    about += f"rows the best one of some draw is among the last {config['patience']}."
    text = f"{about} Seed {record['seed']}. The stack took "
    text += f"{duration(stack['seconds'])}, from commit {stack['commit'] or 'unknown'} by"
    return [
        wrap(text.replace("\n", " ")) + f"\n\n```sh\n{stack['command']}\n```",
        table([*header, "gain, points", "wall time"], rows),
        wrap(f"Clearly ahead of the net without pretraining: {'; '.join(ahead) or 'no method'}."),
        wrap(f"Clearly behind it: {'; '.join(behind) or 'no method'}."),
    ]
