"""What `hybrid` reports: the record of a run, its table and figures, its part of RESULTS.md."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from matplotlib.figure import Figure

from dbnjax import figures
from experiments.common import records, resumable
from experiments.common.records import ALL, CHOSEN, Made, Source
from experiments.common.tables import (
    NONE,
    TESTS,
    Headline,
    Table,
    count,
    duration,
    interval,
    made,
    mcnemar,
    render,
    wrap,
)
from experiments.hybrid.config import CHOOSING, CONTRASTIVE, PRETRAINING, Form

TITLE = "Two gradients"  # of its page of results

START, ALL_START = "start", "start of all cases"  # what the nets began as


class Cases(TypedDict):
    train: int
    validation: int
    all: int
    test: int


class Options(TypedDict):
    form: Form
    weights: list[float]


class Start(TypedDict, total=False):
    command: str
    commit: str


class Chosen(TypedDict):
    epoch: int
    weight: float | None  # null: the net of the start


class Errors(TypedDict):
    test: int
    validation: NotRequired[int]
    all: NotRequired[int]


Nets = TypedDict(
    "Nets",
    {
        "start": Errors,
        "chosen": Errors,
        "start of all cases": NotRequired[Errors],
        "all cases": Errors,
    },
)


class Record(Made):
    """What `result.json` holds; errors and wrong test cases by the names of the nets."""

    seed: int
    config: Options
    cases: Cases
    errors: Nets
    wrong: dict[str, list[int]]
    starts: dict[str, Start]
    chosen: Chosen
    seconds: dict[str, float]
    epochs: list[dict[str, Any]]


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: the record contradicts itself.
    """
    named = ", ".join(record["errors"])
    same = record["wrong"].keys() == record["errors"].keys()
    records.require(same, path, "wrong", named, ", ".join(record["wrong"]))
    for name, wrong in record["wrong"].items():
        told = (f"errors.{name}.test", record["errors"][name]["test"])
        records.check_wrong(path, f"wrong.{name}", wrong, told, record["cases"])


def lay_out(record: dict[str, Any]) -> Table:
    """Errors of the nets by split, and beside each net what it began as."""
    cases, wrong = record["cases"], record["wrong"]
    splits = ("validation", "all", "test")
    header = ["net", *(f"{split} ({cases[split]:,})" for split in splits), "test, 95 %", *TESTS]
    began = {CHOSEN: START, ALL: ALL_START if ALL_START in wrong else CHOSEN}
    rows = []
    for name, counts in record["errors"].items():
        told = [count(counts[s], cases[s]) if s in counts else NONE for s in splits]
        test = mcnemar(wrong[name], wrong[began[name]]) if name in began else [NONE] * len(TESTS)
        rows.append([name, *told, interval(counts["test"], cases["test"]), *test])
    return Table(header, rows)


def note(record: dict[str, Any]) -> str:
    """What validation chose, and how long it all took."""
    epoch, weight = record["chosen"]["epoch"], record["chosen"]["weight"]
    weights = record["config"]["weights"]
    largest = ", the largest one" if weight == max(weights) and len(weights) > 1 else ""
    kept = f"epoch {epoch}, at the weight {weight:g}{largest}" if epoch else "the net of the start"
    took = duration(sum(record["seconds"].values()))
    return f"Seed {record['seed']}. Validation chose {kept}. Learning took {took}."


def draw(record: dict[str, Any]) -> resumable.Makers:
    """Draws the validation errors against the weight, and all errors epoch by epoch."""
    return {
        "figures/weights.png": lambda: by_weight(record),
        "figures/error.png": lambda: by_epoch(record),
    }


def by_weight(record: dict[str, Any]) -> Figure:
    """Draws the errors after the best and after the last epoch at each weight."""
    n = record["cases"]["validation"]
    errors: dict[float, list[float]] = {}
    for epoch in choosing(record):
        errors.setdefault(epoch["weight"], []).append(epoch["validation_error"])
    weights, chosen = list(errors), record["chosen"]["weight"]
    start = 100 * record["errors"]["start"]["validation"] / n
    return figures.curves(
        {
            "after the best epoch": (weights, [min(found) for found in errors.values()]),
            "after the last epoch": (weights, [found[-1] for found in errors.values()]),
            "net of the start": (weights, [start] * len(weights)),
        },
        "weight of the gradient by backpropagation",
        f"error (%) on {n} validation cases",
        "Validation errors while the weight rises, deterministic read-out",
        marks=None if chosen is None else {"chosen": chosen},
    )


def by_epoch(record: dict[str, Any]) -> Figure:
    """Draws the errors after each epoch, with the weights at which they began."""
    chosen_from = choosing(record)
    epochs = [epoch["epoch"] for epoch in chosen_from]
    begun: dict[str, float] = {}
    for epoch in chosen_from:
        begun.setdefault(f"{epoch['weight']:g}", epoch["epoch"] - 0.5)
    return figures.curves(
        {
            "training, while learning": (epochs, [r["training_error"] for r in chosen_from]),
            "validation": (epochs, [r["validation_error"] for r in chosen_from]),
        },
        "epoch",
        "error (%)",
        "Errors while the weight rises (above the dotted lines), deterministic read-out",
        marks=begun,
    )


def choosing(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the records of the epochs from which weight and epoch were chosen."""
    return [epoch for epoch in record["epochs"] if epoch["stage"] == CHOOSING]


REPORT = resumable.Report(Record, lay_out, note, draw, "nets, figures and metrics")

ABOUT = """\
A deep belief net with labels, tuned by a weighted average of the gradient of backpropagation
through the read-out and of a generative one. The read-out is the deterministic one: an up-pass of
probabilities from intensities, then the free energy of every label. The weight of the gradient by
backpropagation rises and the rate falls, so that what a weight does and what a rate does are not
told apart; the validation cases chose the epoch, and with it the weight. b are the test cases that
only the net of the row gets wrong, c those that only the net does that it began as, p is McNemar's
exact one."""
ABOUT_FORMS = {
    CONTRASTIVE: "The generative gradient is that of contrastive wake-sleep, and the start a net "
    "after up-down: the report's last experiment, 0.97 % there.",
    PRETRAINING: "The generative gradient is that of pretraining, contrastive divergence in every "
    "machine: the cheaper form, which the report says does not do as well.",
}
STARTS = {"net": "The net of the start", "all_net": "What went on with all cases began as the net"}


def headline(runs: list[Source]) -> list[Headline]:
    """The last net of each run beside the report."""
    reported = {CONTRASTIVE: "0.97 % (TR 2006-004)", PRETRAINING: "worse (TR 2006-004)"}
    rows = []
    for run in runs:
        n, errors = run.record["cases"]["test"], run.record["errors"][ALL]["test"]
        form = run.record["config"]["form"]
        here = f"{100 * errors / n:.2f} % ({interval(errors, n)})"
        rows.append(Headline(f"test error of two gradients, {form}", here, reported[form]))
    return rows


def sections(runs: list[Source]) -> list[str]:
    """Returns the sections of all runs, none without one."""
    if not runs:
        return []
    parts = [wrap(ABOUT)]
    for run in runs:
        parts += [
            f"## {run.name}",
            wrap(ABOUT_FORMS[run.record["config"]["form"]]),
            *made(run.record),
        ]
        table = render(lay_out(run.record), "markdown")
        parts += [*starts(run.record), table, wrap(note(run.record))]
    return parts


def starts(record: dict[str, Any]) -> list[str]:
    """By what the nets were made that a run started from."""
    found = [(words, record["starts"].get(name)) for name, words in STARTS.items()]
    return [
        f"{words} from commit {net.get('commit') or 'unknown'}:\n\n"
        f"```sh\n{net.get('command', 'unknown')}\n```"
        for words, net in found
        if net
    ]
