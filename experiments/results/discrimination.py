"""The part of RESULTS.md on nets tuned for discrimination, `hybrid` among them (TR 2006-004).

It comes from `results/classifiers/*.json` (the `result.json` of runs of
`experiments.mnist_classifier`), `results/hybrid/*.json` (of `experiments.hybrid`) and
`results/shipped_classifier.json`; without such a file its section is absent. A preset's run stands
in the file of its name, such as `results/classifiers/tr.json`, and is what the bars and README's
short table speak of; further runs stand there by other names.
"""

import statistics
from typing import Any, NamedTuple

import numpy as np

from experiments.common.records import ALL, CHOSEN, Source
from experiments.common.tables import (
    NONE,
    TESTS,
    Headline,
    Target,
    count,
    duration,
    interval,
    mcnemar,
    several,
    table,
    wrap,
)
from experiments.hybrid.config import CONTRASTIVE, PRETRAINING
from experiments.mnist_classifier import report
from experiments.mnist_classifier.config import TABLE, UNPRETRAINED

ABOUT = """\
Feedforward nets 784-500-500-2000-10: a stack of machines learned without labels, a softmax layer on
top, and backpropagation through all of it (TR 2006-004, Hinton, *To recognize shapes, first learn
to generate images*). Pixels are intensities, in tuning and when a net is asked; its answer is the
softmax. The validation cases chose the epoch of every net; rates and the like were set before. The
test set was looked at once a run, when all learning was over."""
ABOUT_VARIANTS = """\
One net each, of the first division; b are the test cases that only the net of the row gets wrong, c
those that only net 1 of the table does at the same stage, p is McNemar's exact one."""
ABOUT_PACE = """\
Net 1 from its stack under the report's recipe and under other ways to tune it (what each sets
stands in its command): epochs, and so many times the median wall time of an epoch, validation
included and compilation left out, until the cross-entropy of an epoch's training cases is at most
so many nats."""
PACE = (0.03, 0.01, 0.005)  # nats


class Row(NamedTuple):
    """A line of the short table: what the report has, what is found, what is asked of it.

    Attributes:
      title: what it is.
      paper: test errors in per cent as they stand there.
      found: ours, of each net.
      bar: the largest that this project asks of the mean, or of each where `each`.
      each: whether every net must reach the bar.
    """

    title: str
    paper: str
    found: list[float]
    bar: float | None = None
    each: bool = False


def summary(runs: list[Source], hybrids: list[Source]) -> list[Row]:
    """Returns the lines of the short table, those without a result left out."""
    records = {run.name: run.record for run in runs if run.name == run.record["preset"]}

    def errors(preset: str, stage: str = CHOSEN) -> list[float]:
        found = records.get(preset, {"nets": []})
        return [rate(net[stage], found["cases"]) for net in found["nets"] if stage in net]

    def product(preset: str, stage: str) -> list[float]:
        found = records.get(preset, {"products": {}})
        return [rate(x, found["cases"]) for name, x in found["products"].items() if name == stage]

    def hybrid(form: str) -> list[float]:
        found = [run.record for run in hybrids if run.record["config"]["form"] == form]
        return [100 * run["errors"][ALL]["test"] / run["cases"]["test"] for run in found]

    rows = [
        Row("three nets, 50,000 cases", "1.22, 1.16, 1.24", errors(TABLE), 1.25, each=True),
        Row("their product", "1.10", product(TABLE, CHOSEN), 1.10),
        Row("three nets, all 60,000", "1.13, 1.06, 1.18", errors(TABLE, ALL), 1.12),
        Row("their product", "1.06", product(TABLE, ALL), 1.05),
        Row("not pretrained, logistic units, 50,000 cases", NONE, errors(UNPRETRAINED)),
        Row("not pretrained, logistic units, all 60,000", "2.27", errors(UNPRETRAINED, ALL)),
        Row("not pretrained, rectified units, 50,000 cases", NONE, errors("rectified")),
        Row("with dropout, 50,000 cases", NONE, errors("dropout")),
        Row("their product", NONE, product("dropout", CHOSEN)),
        Row("with dropout, all 60,000", "0.92 elsewhere", errors("dropout", ALL), 1.0),
        Row("their product", NONE, product("dropout", ALL)),
        Row("images shifted by up to 2 pixels, 50,000 cases", NONE, errors("translations")),
        Row(
            "images shifted by up to 2 pixels, all 60,000",
            "0.65, a mean",
            errors("translations", ALL),
            0.65,
        ),
        Row("hybrid gradient, all 60,000", "0.97", hybrid(CONTRASTIVE), 0.97, each=True),
        Row("its cheaper form, all 60,000", "worse", hybrid(PRETRAINING)),
    ]
    return [row for row in rows if row.found]


def rate(asked: dict[str, Any], cases: dict[str, int]) -> float:
    """Returns the test error of what a net said, in per cent."""
    errors: int = asked["test"]["errors"]
    return 100 * errors / cases["test"]


def bars(runs: list[Source], hybrids: list[Source]) -> list[str]:
    """Says of every bar of this project for these nets whether it is met."""
    rows = []
    for row in summary(runs, hybrids):
        if row.bar is not None:
            found = max(row.found) if row.each else float(np.mean(row.found))
            several = len(row.found) > 1
            what = ("largest " if row.each else "mean ") if several else ""
            verdict = Target(row.title, row.bar).verdict(round(found, 6))
            rows.append([row.title, f"{row.bar:.2f} %", f"{what}{found:.2f} %", verdict])
    about = "Bars that this project set itself, for test errors:"
    return [about, table(["", "at most", "here", "verdict"], rows)] if rows else []


def headline(runs: list[Source], hybrids: list[Source]) -> str | None:
    """Returns the short table; None without any run."""
    rows = [
        [row.title, row.paper, ", ".join(f"{x:.2f}" for x in row.found)]
        for row in summary(runs, hybrids)
    ]
    return table(["test error, %", "TR 2006-004", "here"], rows) if rows else None


def rows(runs: list[Source]) -> list[Headline]:
    """The short table's rows of nets that learned from all cases."""
    return [
        Headline(
            f"test error (%), {row.title}",
            ", ".join(f"{x:.2f}" for x in row.found),
            f"{row.paper} (TR 2006-004)",
        )
        for row in summary(runs, [])
        if "all 60,000" in row.title
    ]


def sections(runs: list[Source], hybrids: list[Source], shipped: list[str]) -> list[str]:
    """Returns the part of RESULTS.md, nothing without a result.

    Args:
      runs: of `mnist_classifier`.
      hybrids: runs of `hybrid`.
      shipped: what is said of the classifier that comes with the package.
    """
    if not (runs or hybrids or shipped):
        return []
    short = headline(runs, hybrids)
    parts = [wrap(ABOUT), *([short] if short else []), *bars(runs, hybrids)]
    return parts + of_classifiers(runs) + shipped


def of_classifiers(runs: list[Source]) -> list[str]:
    """Table 1 of each run of several nets, then net 1 of all others beside that of the report's."""
    runs = sorted(runs, key=lambda run: run.name != TABLE)
    tables = [run for run in runs if run.name == TABLE or len(run.record["nets"]) > 1]
    others = [run for run in runs if run.name != TABLE]
    without = next((run.record for run in runs if run.name == UNPRETRAINED), None)
    parts = report.sections(tables, without)
    if others:
        first = next((run for run in tables if run.name == TABLE), None)
        parts += ["### One change at a time", variants(others, first)]
        parts.append(wrap(ABOUT_VARIANTS))
    for run in (other for other in others if other not in tables):
        record = run.record
        parts += [f"#### {run.name}", *report.about(record), *reason(record)]
        parts += [*report.stopped(record), report.times(record)]
    return parts + pace(runs)


def variants(others: list[Source], first: Source | None) -> str:
    """Every run but the table's, below net 1 of the table on the same test cases."""
    base = first.record["nets"][0] if first else {}
    named = [(f"{TABLE}, net 1", first)] if first else []
    header = ["net", "epochs", "training errors", "validation errors", "test errors", "test, 95 %"]
    rows = [
        variant(name, run.record["nets"][0], stage, run.record["cases"], base)
        for name, run in [*named, *((run.name, run) for run in others)]
        for stage in report.STAGES
        if stage in run.record["nets"][0]
    ]
    return table([*header, *TESTS], rows)


def variant(
    name: str, net: dict[str, Any], stage: str, cases: dict[str, int], base: dict[str, Any]
) -> list[str]:
    """The cells of a net at a stage, `base` being the net that it is compared with."""
    found = net[stage]
    errors = [
        count(found[split]["errors"], cases[split]) if split in found else NONE
        for split in ("train" if stage == CHOSEN else "all", "validation", "test")
    ]
    tested = stage in base and net is not base
    test = mcnemar(found["wrong"], base[stage]["wrong"]) if tested else [NONE] * len(TESTS)
    limits = interval(found["test"]["errors"], cases["test"])
    return [f"{name}, {stage}", report.epochs(net, stage), *errors, limits, *test]


def reason(record: dict[str, Any]) -> list[str]:
    """What it is that a net without pretraining lacks; nothing of others."""
    if record["config"]["start"] == "pretrained":
        return []
    net, cases = record["nets"][0], record["cases"]
    chosen = net[CHOSEN]
    train, test = (chosen[split]["errors"] / cases[split] for split in ("train", "test"))
    lacks = "generalisation, not a fit" if train < test / 2 else "a fit"
    errors = [epoch["training_error"] for epoch in report.tuning(net)]
    slow = sum(error > 50 for error in errors)
    text = (
        f"The first weights are random. After epoch {chosen['epoch']} the net has "
        f"{count(chosen['train']['errors'], cases['train'])} training errors: what it lacks is "
        f"{lacks}. More than half of the training cases were wrong in {slow} of its "
        f"{several(len(errors), 'epoch')}."
    )
    return [wrap(text)]


def pace(runs: list[Source]) -> list[str]:
    """How soon nets that are tuned in different ways fit their training cases.

    Nothing without at least two runs that have their start and their cases alike.
    """
    plain = [run for run in runs if without_noise(run.record["config"])]
    plain = [run for run in plain if begun(run.record) == begun(plain[0].record)]
    header = ["net", *(f"at most {target:g}" for target in PACE)]
    rows = [[run.name, *(soon(run.record["nets"][0], t) for t in PACE)] for run in plain]
    about = wrap(ABOUT_PACE)
    return ["### How soon they fit", about, table(header, rows)] if len(rows) > 1 else []


def without_noise(config: dict[str, Any]) -> bool:
    """Whether a run began with stacks, and neither images nor units were disturbed in tuning."""
    noise = config["reach"] or config["drop_visible"] or config["drop_hidden"]
    return config["start"] == "pretrained" and not noise


def begun(record: dict[str, Any]) -> tuple[Any, ...]:
    """What two runs share whose first nets have the same weights and the same cases at first."""
    config = record["config"]
    return record["seed"], config["split_seed"], config["folds"], record["pretraining"][:1]


def soon(net: dict[str, Any], target: float) -> str:
    """Epochs of tuning and time until the training cases cost no more than a target."""
    epochs = report.tuning(net)
    seconds = statistics.median(epoch["seconds"] for epoch in epochs)
    for number, epoch in enumerate(epochs, start=1):
        if epoch["training_cost"] <= target:
            return f"{number}, {duration(number * seconds)}"
    return NONE
