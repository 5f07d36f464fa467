"""What `rbm_learning_rules` reports: its record, table and figure, its part of RESULTS.md."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from dbnjax.figures import Estimated, estimates
from experiments.common import resumable
from experiments.common.records import MadeRun, Number, Source, check_lengths, require
from experiments.common.tables import NONE, Headline, Table, duration, estimate, made, render, wrap
from experiments.rbm_learning_rules.config import INTERVAL

TITLE = "Learning rules"  # of its page of results

RESULT, FIGURE = "rules.json", "learning_rules.png"
LOOKS = ("updates", "seconds", *INTERVAL)  # one value each time that a rule is judged
AXES = {"updates": "updates", "seconds": "seconds of learning"}


class Rule(TypedDict):
    """Where a rule stood when it was judged; an interval may lack."""

    rate: Number
    updates: list[int]
    seconds: list[Number]
    log_p: list[Number]
    low: list[Number | None]
    high: list[Number | None]
    reverse: list[Number | None]  # log_p, low and high in the end, by log Z from above; or empty
    doubts: list[str]


class Record(MadeRun):
    """What `rules.json` holds."""

    model: str
    below: list[int]
    pixels: str
    judged: str
    cases: dict[str, int]
    rules: dict[str, Rule]
    figure: NotRequired[str | None]  # of a copy: where the figure was copied to


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: the lists of a rule have not one value each time that it was judged.
    """
    for name, rule in record["rules"].items():
        check_lengths(path, f"rules.{name}", [rule], LOOKS)
        n = len(rule["reverse"])
        require(n in (0, 3), path, f"rules.{name}.reverse", "0 or 3 values", n)


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out where each rule ended."""
    rows = [
        [
            name,
            f"{rule['rate']:g}",
            f"{rule['updates'][-1]:,}",
            duration(rule["seconds"][-1]),
            estimate([rule[key][-1] for key in INTERVAL]),
            estimate(rule["reverse"]) if rule["reverse"] else NONE,
        ]
        for name, rule in record["rules"].items()
    ]
    above = "log p, log Z from above"
    return Table(["rule", "rate", "updates", "wall time", of_rules(record), above], rows)


def note(record: dict[str, Any]) -> str:
    """Says what was learned from, and what speaks against the numbers."""
    about = f"{record['model']}; pixels: {record['pixels']}"
    return "\n".join([about, *(f"warning: {doubt}" for doubt in doubts(record))])


def doubts(record: dict[str, Any]) -> list[str]:
    """Says what speaks against the numbers of each rule."""
    return [f"{name}: {text}" for name, rule in record["rules"].items() for text in rule["doubts"]]


def of_rules(record: dict[str, Any]) -> str:
    """Names what a comparison of learning rules judged."""
    bound = "bound on log p" if record["below"] else "log p"
    return f"{bound} of {record['judged']} images"


def draw(record: dict[str, Any]) -> resumable.Makers:
    """Draws what the rules reach against updates and against seconds."""
    rules = record["rules"].items()
    curves = {
        name: Estimated(rule["log_p"], rule["low"], rule["high"], next(iter(rule["reverse"]), None))
        for name, rule in rules
    }
    panels = {label: {name: rule[key] for name, rule in rules} for key, label in AXES.items()}
    title = f"Learning rules, {record['model']}; pixels: {record['pixels']}"
    y_label = f"{of_rules(record)} (nats an image)"
    return {FIGURE: lambda: estimates(curves, panels, y_label, title, "by log Z from above")}


REPORT = resumable.Report(Record, lay_out, note, draw, "machines, figure and numbers", RESULT)

ABOUT = """\
One machine learned by each rule, from the same weights, on the same cases in the same order. log p
of images that nothing was learned from, with the 95 % interval of log Z (a forward estimate, or
exact where there is no interval); where log Z was estimated from above too, log p with that one
stands beside it, on average too small. Wall times are those of learning alone."""


def headline(sources: list[Source]) -> list[Headline]:
    """Where each rule ended."""
    return [
        Headline(
            f"{of_rules(source.record)}, {source.record['model']} (nats an image)",
            "; ".join(f"{rule['log_p'][-1]:.2f} {name}" for name, rule in rules.items()),
        )
        for source in sources
        for rules in [source.record["rules"]]
    ]


def sections(sources: list[Source]) -> list[str]:
    """A table of each comparison, and its figure where one was copied."""
    parts = [ABOUT] if sources else []
    for source in sources:
        record = source.record
        what = f"{record['model']}, {record['cases']['train']:,} training images; pixels: "
        parts += [f"## {source.name}", *made(record), wrap(f"{what}{record['pixels']}.")]
        if record.get("figure"):
            name = Path(record["figure"]).name
            parts.append(f"![{of_rules(record)} by learning rule](../images/{name})")
        parts.append(render(lay_out(record), "markdown"))
        parts += [wrap(f"- Warning: {doubt}.") for doubt in doubts(record)]
    return parts
