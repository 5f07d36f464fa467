"""The parts of RESULTS.md on the shipped nets and on speed."""

from typing import Any

from dbnjax.weights.shipped import CLASSIFIER
from experiments.common.tables import count, interval, made, plain, table, wrap


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


def speed(benchmark: dict[str, Any]) -> list[str]:
    """The table of a benchmark as it is."""
    rows = [[plain(cell) for cell in row] for row in benchmark["rows"]]
    return [*made(benchmark), table(benchmark["columns"], rows), wrap(benchmark["note"])]
