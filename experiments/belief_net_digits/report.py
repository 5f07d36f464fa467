"""What `belief_net_digits` reports: its record, table and figure, its part of RESULTS.md."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from dbnjax.figures import Estimated, estimates
from experiments.belief_net_digits.config import INTERVAL
from experiments.common import resumable
from experiments.common.records import MadeRun, Number, Source, check_lengths
from experiments.common.tables import (
    Headline,
    Table,
    count,
    duration,
    estimate,
    made,
    render,
    wrap,
)

TITLE = "Belief nets of digits"  # of its page of results

FIGURE = "digits.png"
LOOKS = ("stage", "epoch", "seconds", *INTERVAL, "errors")  # one value each time


class Curve(TypedDict):
    """Where a method stood each time that its net was judged; an interval may lack."""

    method: str
    stage: list[str]
    epoch: list[int]
    seconds: list[Number]
    bound: list[Number]
    low: list[Number | None]
    high: list[Number | None]
    errors: list[int]


class Record(MadeRun):
    """What `result.json` holds."""

    layers: list[int]
    pixels: str
    judged: str
    cases: dict[str, int]
    methods: list[Curve]
    figure: NotRequired[str | None]  # of a copy: where the figure was copied to


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: the lists of a method have different lengths.
    """
    for number, curve in enumerate(record["methods"]):
        check_lengths(path, f"methods.{number}", [curve], LOOKS)


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out where every stage of every method ended."""
    n, rows = record["cases"][record["judged"]], []
    for curve in record["methods"]:
        for i, stage in enumerate(curve["stage"]):
            if stage != (*curve["stage"], None)[i + 1]:
                look = [curve[key][i] for key in INTERVAL]
                spent = duration(curve["seconds"][i])
                rows.append(
                    [curve["method"], f"{stage}, {curve['epoch'][i]} epochs", spent,
                     estimate(look), count(curve["errors"][i], n)]
                )  # fmt: skip
    return Table(["method", "after", "learning", "bound (nats)", "nearest neighbour errs"], rows)


def note(record: dict[str, Any]) -> str:
    """Says what was learned from and judged."""
    sizes = "-".join(map(str, record["layers"]))
    return (
        f"layers {sizes}; pixels: {record['pixels']}; judged by {record['judged']} cases; "
        "learning: since the method began, without judging"
    )


def draw(record: dict[str, Any]) -> resumable.Makers:
    """Draws bounds against seconds of learning and against epochs."""
    curves, seconds, epochs = {}, {}, {}
    for curve in record["methods"]:
        name = curve["method"]
        curves[name] = Estimated(curve["bound"], curve["low"], curve["high"], None)
        seconds[name], epochs[name] = curve["seconds"], all_epochs(curve)
    panels = {"seconds of learning": seconds, "epochs": epochs}
    sizes = "-".join(map(str, record["layers"]))
    title = f"Belief nets {sizes} of digits; pixels: {record['pixels']}"
    y_label = f"bound on log p of {record['judged']} images (nats an image)"
    return {FIGURE: lambda: estimates(curves, panels, y_label, title, "")}


def all_epochs(curve: dict[str, Any]) -> list[int]:
    """Counts the epochs of the stages of a method together."""
    found, before = [], 0
    for i, (stage, epoch) in enumerate(zip(curve["stage"], curve["epoch"], strict=True)):
        if i and stage != curve["stage"][i - 1]:
            before += curve["epoch"][i - 1]
        found.append(before + epoch)
    return found


REPORT = resumable.Report(Record, lay_out, note, draw)

ABOUT = """\
The same layers learned from the same cases without labels: RBMs stacked greedily and tuned by
up-down, a net with a memory by wake-sleep or up-down from random weights, a belief net with
independent causes by wake-sleep from random weights, and directed modules stacked greedily and
tuned by wake-sleep. The bound (95 % interval) on log p of cases that nothing was learned from, log
Z of a memory estimated from below; errors of a nearest neighbour by the features of the top
layer."""


def headline(sources: list[Source]) -> list[Headline]:
    """The bound at the end of each method."""
    return [
        Headline(
            f"bound on log p of a digit in nats, {curve['method']}",
            estimate([curve[key][-1] for key in INTERVAL]),
        )
        for source in sources
        for curve in source.record["methods"]
    ]


def sections(sources: list[Source]) -> list[str]:
    """A table of each run, and its figure where one was copied."""
    parts = [ABOUT] if sources else []
    for source in sources:
        record = source.record
        parts += [f"## {source.name}", *made(record), wrap(f"{note(record)}.")]
        if record.get("figure"):
            name = Path(record["figure"]).name
            parts.append(f"![bounds of belief nets while they learn](../images/{name})")
        parts.append(render(lay_out(record), "markdown"))
    return parts
