"""The sections of RESULTS.md on nets tuned for discrimination (TR 2006-004).

They come from `results/classifiers/*.json` (the `result.json` of runs of
`experiments.mnist_classifier`) and `results/hybrid/*.json` (of `experiments.hybrid`); without such
a file its section is absent.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import results_files, significance
from experiments.results_files import MADE, NUMBER, Source
from experiments.results_markdown import NONE, count, duration, interval, made, table, wrap

TOLD = {"cost": NUMBER, "errors": int}
ASKED = {"test": TOLD, "wrong": [int]}
CLASSIFIER_FORM = MADE | {
    "preset": str,
    "seed": int,
    "config": {"folds": int, "start": str},
    "cases": {"train": int, "validation": int, "test": int},
    "nets": [{"chosen": ASKED | {"epoch": int, "train": TOLD, "validation": TOLD}, "epochs": [{}]}],
    "products": {},
    "seconds": {str: NUMBER},
    "pretraining": [{"command": str, "commit": str, "seconds": NUMBER}],
}
HYBRID_FORM = MADE | {
    "seed": int,
    "cases": {"train": int, "validation": int, "all": int, "test": int},
    "errors": {str: {"test": int}},
    "wrong": {str: [int]},
    "chosen": {"epoch": int},
    "seconds": {str: NUMBER},
}


class Reported(NamedTuple):
    """A line of the report's table 1; costs in nats of a hundred cases.

    Attributes:
      epochs: of tuning.
      train: cost of the training cases, as it stands there.
      validation: cost and errors of the validation cases, None where there are none.
      test: cost and errors of the test cases.
    """

    epochs: str
    train: str
    validation: tuple[float, int] | None
    test: tuple[float, int]


CHOSEN, ALL = "chosen", "all cases"
PAPER = {
    (CHOSEN, 1): Reported("33", "0.12", (6.49, 129), (6.22, 122)),
    (CHOSEN, 2): Reported("56", "0.04", (7.81, 118), (6.21, 116)),
    (CHOSEN, 3): Reported("63", "0.03", (8.12, 118), (6.73, 124)),
    (CHOSEN, 0): Reported(NONE, NONE, None, (5.75, 110)),
    (ALL, 1): Reported("+16", "<0.12", None, (5.81, 113)),
    (ALL, 2): Reported("+28", "<0.04", None, (5.90, 106)),
    (ALL, 3): Reported("+31", "<0.03", None, (5.93, 118)),
    (ALL, 0): Reported(NONE, NONE, None, (5.40, 106)),
}
UNPRETRAINED = Reported("119", "<0.063", None, (18.43, 227))
TABLE = "tr"  # the preset that is the report's table

ABOUT = """\
Feedforward nets 784-500-500-2000-10: a stack of machines learned without labels, a softmax layer on
top, and backpropagation through all of it (TR 2006-004, *To recognize shapes, first learn to
generate images*). Pixels are intensities, in tuning and when a net is asked; its answer is the
softmax. The validation cases of a net, disjoint from those of the others, chose rates and epochs;
the test set was looked at once a run, when all learning was over. Costs are cross-entropies in nats
of a hundred cases; that of a product of probabilities is left out, since it is too sure."""

ABOUT_VARIANTS = """\
One net each, of the first division, beside net 1 of the table: b and c are the test cases that only
this net, or only net 1, gets wrong, p is McNemar's exact one."""

ABOUT_HYBRID = """\
A deep belief net with labels after up-down, tuned by a weighted average of the gradients of
backpropagation through the read-out and of contrastive wake-sleep (the report's last experiment).
The weight of the first rises; the validation cases chose weight and epoch, and a net that had
learned from all cases then went the same way."""


def sections(folder: Path) -> list[str]:
    """Returns the sections of a results folder, none without their files.

    Raises:
      InputError: a file is damaged.
    """
    runs = results_files.read_folder(folder / "classifiers", CLASSIFIER_FORM)
    hybrids = results_files.read_folder(folder / "hybrid", HYBRID_FORM)
    parts: list[str] = []
    if runs or hybrids:
        parts += ["## Tuned for discrimination", wrap(ABOUT.replace("\n", " "))]
    for run in (run for run in runs if run.record["preset"] == TABLE):
        parts += [f"### Table 1 of the report: {run.name}", *made(run.record), table_1(run.record)]
        parts.append(times(run.record))
    others = [run for run in runs if run.record["preset"] != TABLE]
    if others:
        parts += ["### One change at a time", wrap(ABOUT_VARIANTS.replace("\n", " "))]
        parts.append(variants(runs))
    for run in others:
        parts += [f"#### {run.name}", *made(run.record), times(run.record)]
    if hybrids:
        parts += ["### Two gradients", wrap(ABOUT_HYBRID.replace("\n", " "))]
    for run in hybrids:
        parts += [f"#### {run.name}", *made(run.record), hybrid(run.record)]
    return [*parts, *bars(runs, hybrids)]


def table_1(record: dict[str, Any]) -> str:
    """The report's table 1, each line beside ours."""
    header = ["net", "epochs", "training cost", "validation cost, errors", "test cost, errors"]
    header += ["test error, 95 %", "the report: epochs", "training cost", "validation", "test"]
    rows = []
    for stage in (CHOSEN, ALL):
        for number, net in enumerate(record["nets"], start=1):
            if stage in net:
                rows.append([*ours(net, stage, number, record["cases"]), *paper(stage, number)])
        if stage in record["products"]:
            found = record["products"][stage]["test"]
            cells = [f"product, {stage}", NONE, NONE, NONE, str(found["errors"])]
            cells.append(rate(found["errors"], record["cases"]["test"]))
            rows.append([*cells, *paper(stage, 0)])
    return table(header, rows)


def ours(net: dict[str, Any], stage: str, number: int, cases: dict[str, int]) -> list[str]:
    """The cells of one of our nets."""
    found = net[stage]
    trained = found["train" if stage == CHOSEN else "all"]
    epochs = str(found["epoch"]) if stage == CHOSEN else f"+{found['epochs']}"
    return [
        f"{number}, {stage}",
        epochs,
        f"{100 * trained['cost']:.2f}",
        pair(found["validation"]) if "validation" in found else NONE,
        pair(found["test"]),
        rate(found["test"]["errors"], cases["test"]),
    ]


def pair(told: dict[str, Any]) -> str:
    """A cost of a hundred cases and an error count."""
    return f"{100 * told['cost']:.2f}, {told['errors']}"


def rate(errors: int, n: int) -> str:
    """An error rate with its interval."""
    return f"{100 * errors / n:.2f} % ({interval(errors, n)})"


def paper(stage: str, number: int) -> list[str]:
    """The cells of the report's line, 0 for the product."""
    if (stage, number) not in PAPER:
        return [NONE] * 4
    line = PAPER[stage, number]
    both = [NONE if found is None else f"{found[0]:.2f}, {found[1]}" for found in line[2:]]
    return [line.epochs, line.train, *both]


def variants(runs: list[Source]) -> str:
    """Every other run beside net 1 of table 1, on the same test cases."""
    firsts = [run.record["nets"][0][CHOSEN] for run in runs if run.record["preset"] == TABLE]
    header = ["net", "epoch", "validation errors", "test errors", "95 %", "b", "c", "p"]
    rows = []
    for run in runs:
        record = run.record
        found, cases = record["nets"][0][CHOSEN], record["cases"]
        cells = [NONE] * 3
        if firsts and record["preset"] != TABLE:
            test = significance.mcnemar(found["wrong"], firsts[0]["wrong"])
            cells = [str(test.only_first), str(test.only_second), f"{test.p:.2g}"]
        name = f"{run.name}, net 1" if record["preset"] == TABLE else run.name
        errors = found["test"]["errors"]
        validation = count(found["validation"]["errors"], cases["validation"])
        row = [name, str(found["epoch"]), validation, count(errors, cases["test"])]
        rows.append([*row, interval(errors, cases["test"]), *cells])
    test_cost, errors = UNPRETRAINED.test
    told = f"{errors} (cost {test_cost})"
    rows.append(
        ["the report, not pretrained, 60,000", UNPRETRAINED.epochs, NONE, told, *[NONE] * 4]
    )
    return table(header, rows)


def times(record: dict[str, Any]) -> str:
    """Wall times of the stages, all nets together, and of stacks that another run had learned."""
    rows = [[stage, duration(seconds)] for stage, seconds in record["seconds"].items()]
    for stack in record["pretraining"]:
        rows.append([f"stack, by `{stack['command']}`", duration(stack["seconds"])])
    return table(["stage", "wall time, all nets"], rows)


def hybrid(record: dict[str, Any]) -> str:
    """Errors of the nets of a hybrid run, and what validation chose."""
    cases, chosen = record["cases"], record["chosen"]
    splits = ["validation", "all", "test"]
    rows = [
        [
            name,
            *(count(counts[s], cases[s]) if s in counts else NONE for s in splits),
            interval(counts["test"], cases["test"]),
        ]
        for name, counts in record["errors"].items()
    ]
    text = f"Validation chose epoch {chosen['epoch']}, at the weight {chosen.get('weight')}."
    header = ["net", *(f"{split} ({cases[split]:,})" for split in splits), "test, 95 %"]
    spent = duration(sum(record["seconds"].values()))
    return "\n\n".join([table(header, rows), wrap(f"{text} It took {spent}.")])


def bars(runs: list[Source], hybrids: list[Source]) -> list[str]:
    """The bars of this project for these nets, and whether they are met, in per cent of errors."""
    measured: dict[str, tuple[float, float]] = {}
    for run in runs:
        record = run.record
        n = record["cases"]["test"] / 100
        chosen = [net[CHOSEN]["test"]["errors"] / n for net in record["nets"]]
        if record["preset"] == TABLE:
            measured["each of three nets"] = (max(chosen), 1.25)
            last = [net[ALL]["test"]["errors"] / n for net in record["nets"] if ALL in net]
            products = {k: v["test"]["errors"] / n for k, v in record["products"].items()}
            if CHOSEN in products:
                measured["their product"] = (products[CHOSEN], 1.10)
            if last:
                measured["mean of three nets, all cases"] = (float(np.mean(last)), 1.12)
            if ALL in products:
                measured["their product, all cases"] = (products[ALL], 1.05)
        if record["preset"] in ("dropout", "translations"):
            best = {"dropout": 1.0, "translations": 0.65}[record["preset"]]
            measured[f"with {record['preset']}"] = (float(np.mean(chosen)), best)
    for run in hybrids:
        n = run.record["cases"]["test"] / 100
        measured[f"hybrid: {run.name}"] = (run.record["errors"][ALL]["test"] / n, 0.97)
    rows = [
        [name, f"{bar:.2f} %", f"{found:.2f} %: {'met' if found <= bar + 1e-9 else 'missed'}"]
        for name, (found, bar) in measured.items()
    ]
    if not rows:
        return []
    about = "Bars that this project set itself, for test errors."
    return [about, table(["", "at most", "here"], rows)]
