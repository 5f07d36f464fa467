"""The sections of RESULTS.md on single runs and on speed."""

from typing import Any

from dbnjax.weights.shipped import CLASSIFIER
from experiments.common.record_files import Source
from experiments.common.tables import (
    NONE,
    SPLITS,
    count,
    duration,
    interval,
    made,
    plain,
    several,
    table,
    wrap,
)
from experiments.mnist_dbn import groups


def one_run(run: Source) -> list[str]:
    """All that a run counted, and what it took."""
    record = run.record
    parts = [f"### {run.name}", *made(record), errors(record), read_outs(record["config"])]
    if "chosen" in record:
        parts.append(chosen(record))
    return [*parts, times(record)]


def errors(record: dict[str, Any]) -> str:
    """Errors by stage, read-out and split, training beside test, and of the baselines."""
    cases = record["cases"]
    named = [
        (f"{stage}, {read_out}", counts)
        for stage in groups.stages(record)
        for read_out, counts in record["errors"][stage].items()
    ]
    named += record["baselines"].items()
    splits = [split for split in SPLITS if any(split in counts for _, counts in named)]
    header = ["errors", *(f"{SPLITS[split]} ({cases[split]:,})" for split in splits), "test, 95 %"]
    rows = [
        [
            name,
            *(count(counts[split], cases[split]) if split in counts else NONE for split in splits),
            interval(counts["test"], cases["test"]),
        ]
        for name, counts in named
    ]
    return table(header, rows)


def read_outs(config: dict[str, Any]) -> str:
    """What the read-outs that draw were allowed."""
    gibbs, passes = config["n_gibbs"], config["n_passes"]
    return wrap(f"Iterations of the Gibbs read-out: {gibbs}; up-passes of the averaged: {passes}.")


def chosen(record: dict[str, Any]) -> str:
    """Which net validation chose, and whether learning on all cases got as far."""
    selected, cases = record["chosen"], record["cases"]
    text = (
        f"Validation chose epoch {selected['epoch']} of up-down, whose net has "
        f"{count(selected['training_errors'], cases['train'])} training errors."
    )
    if "target" in record:
        target = record["target"]
        n = several(sum(epoch["stage"] == "all_cases" for epoch in record["epochs"]), "epoch")
        verb = "reached" if target["errors"] <= target["most"] else "did not reach"
        text += f" On all {cases['all']:,} cases it {verb} that training error again in {n}."
    return wrap(text)


def shipped(record: dict[str, Any]) -> list[str]:
    """What the package's net is and does."""
    text = (
        f"{rounding(record)} It is the last net of the run below that was begun at commit "
        f"{record['commit']}."
    )
    asked = "```sh\npython -m experiments.classify --data_dir=FOLDER\n```"
    return ["## The shipped net", wrap(text), asked]


def shipped_classifier(record: dict[str, Any]) -> list[str]:
    """What the package's classifier is and does."""
    text = (
        f"{rounding(record)} It comes from the run that was begun at commit {record['commit']} by"
    )
    asked = f"python -m experiments.classify --net={CLASSIFIER} --data_dir=FOLDER"
    return [
        "### The shipped classifier",
        wrap(text),
        f"```sh\n{record['command']}\n```",
        f"```sh\n{asked}\n```",
    ]


def rounding(record: dict[str, Any]) -> str:
    """The error of the package's net of a kind, and what rounding did to it."""
    n = record["cases"]["test"]
    return (
        f"The net that comes with the package, its weights rounded to {record['dtype']}: "
        f"{count(record['errors'], n)} on the test set, 95 % interval "
        f"{interval(record['errors'], n)}; {count(record['exact_errors'], n)} before rounding, "
        f"which changes {record['changed']} decisions."
    )


def times(record: dict[str, Any]) -> str:
    """Epochs and wall time of each stage and in all."""
    epochs = [epoch["stage"] for epoch in record["epochs"]]
    seconds = record["seconds"]
    rows = [[stage, str(epochs.count(stage)), duration(s)] for stage, s in seconds.items()]
    rows.append(["in all", str(len(epochs)), duration(sum(seconds.values()))])
    return table(["stage", "epochs", "wall time"], rows)


def speed(benchmark: dict[str, Any]) -> list[str]:
    """The table of a benchmark as it is."""
    rows = [[plain(cell) for cell in row] for row in benchmark["rows"]]
    return [*made(benchmark), table(benchmark["columns"], rows), wrap(benchmark["note"])]
