"""The sections of RESULTS.md on nets tuned for discrimination (TR 2006-004).

They come from `results/classifiers/*.json` (the `result.json` of runs of
`experiments.mnist_classifier`), `results/hybrid/*.json` (of `experiments.hybrid`) and
`results/shipped_classifier.json`; without such a file its section is absent.
"""

from typing import Any

from experiments.common.record_files import Source
from experiments.common.records import CHOSEN
from experiments.common.tables import (
    NONE,
    TESTS,
    count,
    duration,
    interval,
    made,
    mcnemar,
    several,
    table,
    wrap,
)
from experiments.mnist_classifier import pace
from experiments.mnist_classifier.config import TABLE, UNPRETRAINED
from experiments.mnist_classifier.table_1 import STAGES, compared, epochs, stopped, table_1

ABOUT_TABLE = """\
Costs are cross-entropies in nats of a hundred cases, with errors behind them; a product is too sure
for its cost to mean much, and ours has none here."""

ABOUT_VARIANTS = """\
One net each, of the first division; b are the test cases that only the net of the row gets wrong, c
those that only net 1 of the table does at the same stage, p is McNemar's exact one."""


def of_classifiers(runs: list[Source]) -> list[str]:
    """Table 1 of each run of several nets, then net 1 of all others beside that of the report's."""
    runs = sorted(runs, key=lambda run: run.name != TABLE)
    tables = [run for run in runs if run.name == TABLE or len(run.record["nets"]) > 1]
    others = [run for run in runs if run.name != TABLE]
    without = next((run.record for run in runs if run.name == UNPRETRAINED), None)
    parts = []
    for run in tables:
        parts += [f"### Table 1 of the report: {run.name}", *about(run.record)]
        parts += [table_1(run.record, without), wrap(ABOUT_TABLE.replace("\n", " "))]
        parts += [*stopped(run.record), *compared(run.record), times(run.record)]
    if others:
        first = next((run for run in tables if run.name == TABLE), None)
        parts += ["### One change at a time", variants(others, first)]
        parts.append(wrap(ABOUT_VARIANTS.replace("\n", " ")))
    for run in (other for other in others if other not in tables):
        parts += [f"#### {run.name}", *about(run.record), *reason(run.record)]
        parts += [*stopped(run.record), times(run.record)]
    return parts + pace.sections(runs)


def about(record: dict[str, Any]) -> list[str]:
    """By what a run and the stacks that it was given were made, its seeds and its cases."""
    cases, config = record["cases"], record["config"]
    n = len(record["nets"])
    which = f"nets 1 to {n}" if n > 1 else "net 1"
    text = (
        f"Seed {record['seed']}; {which} of {several(config['folds'], 'division')} of the training "
        f"set by the seed {config['split_seed']}: {cases['train']:,} training and "
        f"{cases['validation']:,} validation cases each, {cases['test']:,} test cases."
    )
    stacks = dict.fromkeys((s["command"], s["commit"] or "unknown") for s in record["pretraining"])
    return [
        *made(record),
        *(f"Stacks from commit {commit}:\n\n```sh\n{command}\n```" for command, commit in stacks),
        wrap(text),
    ]


def variants(others: list[Source], first: Source | None) -> str:
    """Every run but the table's, below net 1 of the table on the same test cases."""
    base = first.record["nets"][0] if first else {}
    named = [(f"{TABLE}, net 1", first)] if first else []
    header = ["net", "epochs", "training errors", "validation errors", "test errors", "test, 95 %"]
    rows = [
        variant(name, run.record["nets"][0], stage, run.record["cases"], base)
        for name, run in [*named, *((run.name, run) for run in others)]
        for stage in STAGES
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
    return [f"{name}, {stage}", epochs(net, stage), *errors, limits, *test]


def reason(record: dict[str, Any]) -> list[str]:
    """What it is that a net without pretraining lacks; nothing of others."""
    if record["config"]["start"] == "pretrained":
        return []
    net, cases = record["nets"][0], record["cases"]
    chosen = net[CHOSEN]
    train, test = (chosen[split]["errors"] / cases[split] for split in ("train", "test"))
    lacks = "generalisation, not a fit" if train < test / 2 else "a fit"
    errors = [epoch["training_error"] for epoch in net["epochs"] if "training_error" in epoch]
    slow = sum(error > 50 for error in errors)
    text = (
        f"The first weights are random. After epoch {chosen['epoch']} the net has "
        f"{count(chosen['train']['errors'], cases['train'])} training errors: what it lacks is "
        f"{lacks}. More than half of the training cases were wrong in {slow} of its "
        f"{several(len(errors), 'epoch')}."
    )
    return [wrap(text)]


def times(record: dict[str, Any]) -> str:
    """Wall times of the stages, all nets together, and of stacks that another run had learned."""
    rows = [[stage, duration(seconds)] for stage, seconds in record["seconds"].items()]
    for number, stack in enumerate(record["pretraining"], start=1):
        rows.append([f"stack {number}", duration(stack["seconds"])])
    return table(["stage", "wall time, all nets"], rows)
