"""Table 1 of TR 2006-004 beside a run of `mnist_classifier`, for RESULTS.md."""

from typing import Any

from experiments.common.records import ALL, CHOSEN
from experiments.common.tables import NONE, TESTS, interval, mcnemar, table, wrap
from experiments.mnist_classifier.reported import NOTHING, PAPER, PRODUCT, UNPRETRAINED, Reported

STAGES = (CHOSEN, ALL)
ABOUT_TESTS = (
    "Exact McNemar tests on the same test cases: b are those that only the first gets wrong, c "
    "those that only the second does."
)


def table_1(record: dict[str, Any], unpretrained: dict[str, Any] | None) -> str:
    """The report's table 1, each line beside ours.

    Args:
      record: of the run whose nets they are.
      unpretrained: of the run without pretraining; None without one.
    """
    ends = ("epochs", "training", "validation", "test")
    header = ["net", *ends, "test error, 95 %", *(f"report: {end}" for end in ends)]
    rows = []
    for stage in STAGES:
        for number, net in enumerate(record["nets"], start=1):
            if stage in net:
                cells = ours(net, stage, str(number), record["cases"])
                rows.append([*cells, *paper(stage, number)])
        if stage in record["products"]:
            errors = record["products"][stage]["test"]["errors"]
            cells = [f"product, {stage}", NONE, NONE, NONE, str(errors)]
            rows.append([*cells, rate(errors, record["cases"]), *paper(stage, PRODUCT)])
    rows += not_pretrained(unpretrained)
    return table(header, rows)


def not_pretrained(record: dict[str, Any] | None) -> list[list[str]]:
    """The lines of a net that began with random weights; the report has one after all cases."""
    net: dict[str, Any] = record["nets"][0] if record else {}
    name, rows = "not pretrained", []
    if record:
        rows.append([*ours(net, CHOSEN, name, record["cases"]), *cells_of(NOTHING)])
    own = [f"{name}, {ALL}", *[NONE] * 5]
    if record and ALL in net:
        own = ours(net, ALL, name, record["cases"])
    return [*rows, [*own, *cells_of(UNPRETRAINED)]]


def ours(net: dict[str, Any], stage: str, name: str, cases: dict[str, int]) -> list[str]:
    """The cells of one of our nets."""
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


def pair(told: dict[str, Any]) -> str:
    """A cost of a hundred cases and an error count."""
    return f"{100 * told['cost']:.2f}, {told['errors']}"


def rate(errors: int, cases: dict[str, int]) -> str:
    """A test error with its interval."""
    return f"{100 * errors / cases['test']:.2f} % ({interval(errors, cases['test'])})"


def paper(stage: str, number: int) -> list[str]:
    """The cells of the report's line on a net."""
    line = PAPER.get((stage, number))
    return [NONE] * len(UNPRETRAINED) if line is None else cells_of(line)


def cells_of(line: Reported) -> list[str]:
    """A line of the report as cells."""
    return [cell or NONE for cell in line]


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
