"""What RESULTS.md says of the nets that come with the package."""

from typing import Any, TypedDict

from dbnjax.weights.shipped import CLASSIFIER
from experiments.common.records import Source
from experiments.common.tables import count, interval, wrap


class Cases(TypedDict):
    test: int


class Record(TypedDict):
    """What rounding did to a net."""

    command: str
    commit: str
    dtype: str
    errors: int
    exact_errors: int
    changed: int
    cases: Cases


def sections(nets: list[Source], name: str) -> list[str]:
    """Returns what is said of the net of a name, nothing if it is not there."""
    lay_out = {"shipped": shipped, "shipped_classifier": shipped_classifier}[name]
    return [part for net in nets if net.name == name for part in lay_out(net.record)]


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
