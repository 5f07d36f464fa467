"""What `mnist_classifier` reports: the record of a run, its table and curves, table 1 of the TR."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from dbnjax import figures
from experiments.common import records, resumable
from experiments.common.records import ALL, CHOSEN, Cases, Made, Pretrained, Source
from experiments.common.tables import (
    NONE,
    TESTS,
    Table,
    duration,
    interval,
    made,
    mcnemar,
    several,
    table,
    wrap,
)
from experiments.mnist_classifier.reported import NOTHING, PAPER, PRODUCT, UNPRETRAINED

TITLE = "Tuned for discrimination"  # of its page of results

STAGES = (CHOSEN, ALL)
HEADER = ("net", "epochs", "training", "validation", "test", "test error, 95 %")


class Told(TypedDict):
    cost: float
    errors: int


class Asked(TypedDict):
    test: Told
    wrong: list[int]  # test cases


class Chosen(Asked):
    epoch: int
    train: Told
    validation: Told


class OnAll(Asked):
    epochs: int
    all: Told


class Epoch(TypedDict):
    stage: str


class TuningEpoch(Epoch):
    training_cost: float
    training_error: float
    seconds: float


Net = TypedDict("Net", {"chosen": Chosen, "all cases": NotRequired[OnAll], "epochs": list[Epoch]})


class Options(TypedDict):
    split_seed: int
    folds: int
    start: str
    reach: int
    drop_visible: float
    drop_hidden: float


class Record(Made):
    """What `result.json` holds; products by the stage of the nets that they are of."""

    preset: str
    seed: int
    config: Options
    cases: Cases
    nets: list[Net]
    products: dict[str, Asked]
    seconds: dict[str, float]
    pretraining: list[Pretrained]  # of stacks that the run was given


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: the record contradicts itself.
    """
    asked = {f"products.{name}": found for name, found in record["products"].items()}
    for number, net in enumerate(record["nets"]):
        asked |= {f"nets.{number}.{stage}": net[stage] for stage in STAGES if stage in net}
        for i, epoch in enumerate(net["epochs"]):
            if epoch["stage"] == "tuning":
                records.conform(path, f"nets.{number}.epochs.{i}", epoch, TuningEpoch)
    for where, found in asked.items():
        told = (f"{where}.test.errors", found["test"]["errors"])
        records.check_wrong(path, f"{where}.wrong", found["wrong"], told, record["cases"])


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out costs and errors of all nets and products."""
    return Table(HEADER, [cells for _, cells in lines(record)])


def lines(record: dict[str, Any]) -> list[tuple[tuple[str, int], list[str]]]:
    """The cells of every net and product, each behind its stage and its number."""
    found = []
    for stage in STAGES:
        for number, net in enumerate(record["nets"], start=1):
            if stage in net:
                found.append(((stage, number), line(net, stage, str(number), record["cases"])))
        if stage in record["products"]:
            errors = record["products"][stage]["test"]["errors"]
            cells = [f"product, {stage}", NONE, NONE, NONE, str(errors)]
            found.append(((stage, PRODUCT), [*cells, rate(errors, record["cases"])]))
    return found


def line(net: dict[str, Any], stage: str, name: str, cases: dict[str, int]) -> list[str]:
    """The cells of a net at a stage."""
    found = net[stage]
    return [
        f"{name}, {stage}",
        epochs(net, stage),
        pair(found["train" if stage == CHOSEN else "all"]),
        pair(found["validation"]) if stage == CHOSEN else NONE,
        pair(found["test"]),
        rate(found["test"]["errors"], cases),
    ]


def epochs(net: dict[str, Any], stage: str) -> str:
    """Epochs of tuning of a net, those on all cases added."""
    chosen = str(net[CHOSEN]["epoch"])
    return chosen if stage == CHOSEN else f"{chosen}+{net[stage]['epochs']}"


def pair(told: dict[str, Any]) -> str:
    """A cost of a hundred cases and an error count."""
    return f"{100 * told['cost']:.2f}, {told['errors']}"


def rate(errors: int, cases: dict[str, int]) -> str:
    """A test error with its interval."""
    return f"{100 * errors / cases['test']:.2f} % ({interval(errors, cases['test'])})"


def draw(record: dict[str, Any]) -> resumable.Makers:
    """Draws cross-entropies and errors on the validation cases against epochs of tuning."""
    costs = {", training": "training_cost", ", validation": "validation_cost"}
    return {
        "figures/cross_entropy.png": lambda: figures.curves(
            curves(record, costs),
            "epoch of tuning",
            "cross-entropy (nats a case)",
            "Cross-entropy of the training and the validation cases",
            log_y=True,
        ),
        "figures/error.png": lambda: figures.curves(
            curves(record, {"": "validation_error"}),
            "epoch of tuning",
            "validation error (%)",
            "Errors on the validation cases",
        ),
    }


def curves(record: dict[str, Any], numbers: dict[str, str]) -> dict[str, Any]:
    """Numbers of every net against its epochs of tuning, by what a legend says of them."""
    return {
        f"net {i}{words}": tuple([epoch[x] for epoch in tuning(net)] for x in ("epoch", name))
        for i, net in enumerate(record["nets"], start=1)
        for words, name in numbers.items()
    }


def tuning(net: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the records of a net's epochs of tuning."""
    return [epoch for epoch in net["epochs"] if epoch["stage"] == "tuning"]


REPORT = resumable.Report(
    Record,
    lay_out,
    lambda record: "(cross-entropy in nats of a hundred cases, errors)",
    draw,
    "nets, figures and metrics",
)

ABOUT = """\
Costs are cross-entropies in nats of a hundred cases, with errors behind them; a product is too sure
for its cost to mean much, and ours has none here."""
ABOUT_TESTS = (
    "Exact McNemar tests on the same test cases: b are those that only the first gets wrong, c "
    "those that only the second does."
)


def sections(runs: list[Source], unpretrained: dict[str, Any] | None = None) -> list[str]:
    """Table 1 of the report beside each run.

    Args:
      runs: of nets that the table has.
      unpretrained: the record of a run without pretraining; None without one.
    """
    parts = []
    for run in runs:
        record = run.record
        parts += [f"### Table 1 of the report: {run.name}", *about(record)]
        parts += [table_1(record, unpretrained), wrap(ABOUT)]
        parts += [*stopped(record), *compared(record), times(record)]
    return parts


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


def table_1(record: dict[str, Any], unpretrained: dict[str, Any] | None) -> str:
    """The report's table 1, each line beside ours; it has one net without pretraining.

    Args:
      record: of the run whose nets they are.
      unpretrained: of the run without pretraining; None without one.
    """
    rows = [[*cells, *beside(PAPER.get(which, NOTHING))] for which, cells in lines(record)]
    name = "not pretrained"
    last = [f"{name}, {ALL}", *[NONE] * (len(HEADER) - 1)]
    if unpretrained:
        net, cases = unpretrained["nets"][0], unpretrained["cases"]
        rows.append([*line(net, CHOSEN, name, cases), *beside(NOTHING)])
        last = line(net, ALL, name, cases) if ALL in net else last
    header = [*HEADER, *(f"report: {end}" for end in HEADER[1:-1])]
    return table(header, [*rows, [*last, *beside(UNPRETRAINED)]])


def beside(reported: tuple[str, ...]) -> list[str]:
    """A line of the report as cells."""
    return [cell or NONE for cell in reported]


def stopped(record: dict[str, Any]) -> list[str]:
    """Which nets came down to their target on all cases, the chosen nets' training cross-entropy.

    Nothing without such a stage.
    """
    nets = {i: net for i, net in enumerate(record["nets"], start=1) if ALL in net}
    above = [i for i, net in nets.items() if net[ALL]["all"]["cost"] > net[CHOSEN]["train"]["cost"]]
    if not nets:
        return []
    text = "On all cases a net goes on until their cross-entropy is down to that of the training "
    text += "cases under the chosen net"
    if above:
        which = f"{'net' if len(above) == 1 else 'nets'} {', '.join(map(str, above))}"
        return [wrap(f"{text}; {which} did not get there in the epochs that were given.")]
    return [wrap(f"{text}; every net here got there.")]


def compared(record: dict[str, Any]) -> list[str]:
    """Each net against the product, and after the validation cases against after all."""
    nets, products = record["nets"], record["products"]
    pairs = [
        (f"net {number}, {stage}", net[stage], f"product, {stage}", products[stage])
        for stage in STAGES
        for number, net in enumerate(nets, start=1)
        if stage in net and stage in products
    ]
    pairs += [
        (f"net {number}, {CHOSEN}", net[CHOSEN], f"net {number}, {ALL}", net[ALL])
        for number, net in enumerate(nets, start=1)
        if ALL in net
    ]
    rows = [[name, other, *mcnemar(one["wrong"], two["wrong"])] for name, one, other, two in pairs]
    tests = table(["first net", "second net", *TESTS], rows)
    return [wrap(ABOUT_TESTS), tests] if rows else []


def times(record: dict[str, Any]) -> str:
    """Wall times of the stages, all nets together, and of stacks that another run had learned."""
    rows = [[stage, duration(seconds)] for stage, seconds in record["seconds"].items()]
    for number, stack in enumerate(record["pretraining"], start=1):
        rows.append([f"stack {number}", duration(stack["seconds"])])
    return table(["stage", "wall time, all nets"], rows)
