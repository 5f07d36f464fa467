"""What `likelihood` reports: its record, how it is told, and its part of RESULTS.md."""

from collections.abc import Sequence
from typing import Any, TypedDict

from experiments.common import tables
from experiments.common.records import Made, Number, Source
from experiments.common.tables import (
    MET,
    NONE,
    NOT_MEASURED,
    Headline,
    Table,
    Target,
    estimate,
    made,
    table,
    wrap,
)
from experiments.likelihood import reported as names

TITLE = "Likelihood"  # of its page of results

COLUMNS = (names.FORWARD, names.REVERSE, names.EXACT, names.FREE)
ERROR = "s.e. over images"


class Estimate(TypedDict):
    """An estimate of log Z with its 95 % interval, null where it is not known."""

    value: Number
    low: Number | None
    high: Number | None
    effective_sample_size: Number


class Samples(TypedDict):
    """The samples behind a reverse estimate, `dbnjax.scoring.tempered_samples.describe`."""

    temperatures: int
    pilot_steps: int
    steps: int
    every: int
    least_acceptance: Number
    round_trips: Number
    r_hat: Number | None
    effective_sample_size: Number | None
    autocorrelation_time: Number | None
    class_switches: Number | None
    classes: Number | None
    classes_by: str | None
    unknown: str | None


class LogZ(TypedDict):
    """What is known of log Z."""

    chains: int
    temperatures: int
    schedule: str
    forward: Estimate
    reverse: Estimate
    exact: Number | None
    samples: Samples


class Row(TypedDict):
    """One quantity, averaged over images; by column its value, low and high."""

    quantity: str
    images: str
    n: int
    values: dict[str, tuple[Number | None, Number | None, Number | None]]
    standard_error: Number | None
    weights: int | None
    effective_sample_size: Number | None


class Record(Made):
    """What a file of `--output` holds."""

    model: str
    net: dict[str, str | int | float]
    dataset: str
    pixels: str
    binarisation: str
    precision: str
    log_z: LogZ
    rows: list[Row]
    warnings: list[str]
    seconds: dict[str, Number]


def text(record: dict[str, Any]) -> str:
    """Lays out a record as it is printed."""
    about = (record["model"], record["dataset"], f"pixels: {record['pixels']}", record["precision"])
    head = f"{'; '.join(about)}\nnet: {names.of_net(record['net'])}"
    return "\n\n".join([head, tables.render(lay_out(record)), "\n".join(estimates(record))])


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out the rows, without columns that none of them has."""
    columns = [c for c in COLUMNS if any(c in row["values"] for row in record["rows"])]
    rows = [
        [f"{row['quantity']}, {row['n']:,} {row['images']}", *cells(row, columns)]
        for row in record["rows"]
    ]
    return Table(["nats an image", *columns, ERROR], rows)


def cells(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """The values of a row, column by column, and their standard error over images."""
    values = row["values"]
    told = [estimate(values[column]) if column in values else NONE for column in columns]
    return [*told, number(row["standard_error"], 2, NONE)]


def number(value: float | None, digits: int, otherwise: str) -> str:
    """A number that may be missing."""
    return otherwise if value is None else f"{value:,.{digits}f}"


def estimates(record: dict[str, Any]) -> list[str]:
    """How log Z was estimated, what speaks against it, and what took how long."""
    log_z = record["log_z"]
    told = (
        f"{name} {estimate([log_z[name][key] for key in ('value', 'low', 'high')])}, effective "
        f"sample size {log_z[name]['effective_sample_size']:.0f}"
        for name in ("forward", "reverse")
    )
    exact = "" if log_z["exact"] is None else f"; exact {log_z['exact']:.2f}"
    weights = "; ".join(
        f"{row['quantity']} of {row['images']} images {row['effective_sample_size']:.1f} of "
        f"{row['weights']}"
        for row in record["rows"]
        if row["weights"] is not None
    )
    seconds = ", ".join(f"{name} {value:.1f}" for name, value in record["seconds"].items())
    parts = [
        f"log Z in nats with {log_z['chains']} chains and {log_z['temperatures']:,} temperatures, "
        f"{log_z['schedule']} spacing: {'; '.join(told)}{exact}. In {record['precision']}.",
        f"Weights of an image that count, on average: {weights}." if weights else "",
        f"Samples of the reverse estimate: {of_samples(log_z['samples'])}.",
        f"Seconds, compilation included: {seconds}.",
        *(f"- Warning: {warning}." for warning in record["warnings"]),
    ]
    return [wrap(part) for part in parts if part]


def of_samples(found: dict[str, Any]) -> str:
    """Tells of the samples behind a reverse estimate."""
    told = (
        f"{found['temperatures']} temperatures, {found['steps']:,} steps after "
        f"{found['pilot_steps']} to space them, least probability of a swap "
        f"{found['least_acceptance']:.2f}, {found['round_trips']:.1f} round trips a chain"
    )
    if found["unknown"] is None:
        told += (
            "; free energies of the target's chains, in the second half every "
            f"{found['every']} steps: R-hat {number(found['r_hat'], 3, 'infinite')}, effective "
            f"sample size {number(found['effective_sample_size'], 0, 'unknown')}, integrated "
            "autocorrelation time in steps "
            f"{number(found['autocorrelation_time'], 0, 'too long to tell')}"
        )
    if found["classes"] is not None:
        told += (
            f"; classes {found['classes_by']}: another at {100 * found['class_switches']:.0f} % of "
            f"these looks, {found['classes']:.1f} a chain in all"
        )
    return told


ABOUT = """\
Nats an image, means over images; 95 % intervals say how well the mean over these images is known,
the standard error over images what others might give. Log Z forward: log Z of the (top) machine by
annealed importance sampling from below, which makes a number too large on average; reverse: from
above, by chains that start from samples of parallel tempering, which makes it too small if the
samples are exact; exact: by a sum over all states. With an exact log Z a machine's log p is exact,
while a bound stays a bound. RAISE needs no log Z of the machine and bounds log p of the annealed
model from below. It and the importance-weighted estimate are logarithms of means of weights: their
interval is of that estimate's own mean, a lower bound, and not of log p. Only numbers for pixels
that became binary in the same way can be compared; what others report comes first."""


def headline(sources: list[Source]) -> list[Headline]:
    """The models that targets are about, on the official test images, beside what others report."""
    rows = []
    for model, target in TARGETS:
        for source in sources:
            found = measured(source.record).get(target.what)
            if source.record["model"] == model and target.what in (TEST, TEST_BOUND) and found:
                quantity = target.what.removesuffix(", test images")
                others = names.others(model, quantity)
                here = ", ".join(f"{value:.2f} {name}".rstrip() for name, value in found.items())
                rows.append(Headline(f"{target.what}, {model} (nats an image)", here, others))
    return rows


def sections(sources: list[Source]) -> list[str]:
    """Everybody's numbers in one table, the targets, then how each of ours was made."""
    if not sources:
        return []
    header = ["model", "pixels", "quantity", "images", *COLUMNS, ERROR, "source"]
    rows = [
        [
            *(found.model, found.pixels, found.quantity, "mnist test"),
            *(f"{found.values[c]:.2f}" if c in found.values else NONE for c in COLUMNS),
            NONE,
            found.source,
        ]
        for found in names.REPORTED
    ]
    for source in sources:
        record = source.record
        for row in record["rows"]:
            images = f"{row['n']:,} {record['dataset']} {row['images']}"
            told = (names.learned_by(record), record["pixels"], row["quantity"], images)
            rows.append([*told, *cells(row, COLUMNS), source.name])
    parts = [ABOUT, table(header, rows), ABOUT_TARGETS, held(sources)]
    for source in sources:
        net = source.record["net"]
        parts += [f"## {source.name}", *made(source.record), wrap(f"The net: {names.of_net(net)}.")]
        parts += [f"```sh\n{net['command']}\n```"] if "command" in net else []
        parts += estimates(source.record)
    return parts


TEST = f"{names.LOG_P}, test images"
TEST_BOUND = f"{names.bound_on(names.LOG_P)}, test images"
GAP, OFF = "log Z, reverse from forward", "log Z, forward from exact"
TWO_CORES, ACCELERATOR = "seconds of log Z, two cores", "seconds of log Z, an accelerator"
N_TEST = 10_000  # MNIST's official test images
DEFAULTS = (100, 20_000, "linear")  # chains, temperatures and their spacing
TARGETS = (  # by model; what is asked for is one of the numbers that `measured` finds
    ("RBM 784-500", Target(TEST, -86.34, at_least=True)),
    ("RBM 784-500", Target(GAP, 1.0)),
    ("DBN 784-500-2000", Target(TEST_BOUND, -86.2, at_least=True)),
    ("RBM 784-20", Target(OFF, 0.1)),
    ("RBM 784-500", Target(TWO_CORES, 90.0)),
    ("RBM 784-500", Target(ACCELERATOR, 3.0)),
)
ABOUT_TARGETS = f"""\
Bars that this project set itself, in nats and seconds, for pixels of MNIST drawn once: its
{N_TEST:,} test images with log Z forward, and a bound with the exact one too, or else the one from
above, since with one from below it might be none. Directions and times are those of
{DEFAULTS[0]} chains and {DEFAULTS[1]:,} temperatures, {DEFAULTS[2]} spacing; times are of log Z
forward, compilation included."""


def held(sources: list[Source]) -> str:
    """The targets beside the records that they judge, a row for each, or one that says of none."""
    rows = []
    for model, target in TARGETS:
        told = [model, target.what, target.asked().replace("at least", "more than")]
        judged = [
            [*told, *verdict(target, found[target.what], source.record), source.name]
            for source in sources
            if source.record["model"] == model and target.what in (found := measured(source.record))
        ]
        rows += judged or [[*told, NONE, NOT_MEASURED, NONE]]
    return table(["model", "what", "bar", "measured", "verdict", "source"], rows)


def verdict(target: Target, found: dict[str, float], record: dict[str, Any]) -> tuple[str, str]:
    """Returns the numbers that must all reach a target, and whether they do."""
    shown = ", ".join(f"{value:.2f} {name}".rstrip() for name, value in found.items())
    said = target.verdict((min if target.at_least else max)(found.values()))
    return shown, said + (", with warnings" if said == MET and record["warnings"] else "")


def measured(record: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Returns what a record shows of that for which there are targets.

    By the target's name; where there are several numbers, by that of the log Z in them.
    """
    log_z, machine = record["log_z"], record["machine"]
    found: dict[str, dict[str, float]] = {}
    if (record["dataset"], record["binarisation"]) != ("mnist", "fixed"):
        return found
    if (log_z["chains"], log_z["temperatures"], log_z["schedule"]) == DEFAULTS:
        forward = log_z["forward"]["value"]
        found[GAP] = {"": abs(log_z["reverse"]["value"] - forward)}
        if log_z["exact"] is not None:
            found[OFF] = {"": abs(log_z["exact"] - forward)}
        on_cpu = set(machine["devices"]) == {"cpu"}
        if not on_cpu or machine["cores"] == 2:
            found[TWO_CORES if on_cpu else ACCELERATOR] = {"": record["seconds"]["forward"]}
    for row in record["rows"]:
        values = {name: ends[0] for name, ends in row["values"].items()}
        both = (names.FORWARD, names.EXACT if names.EXACT in values else names.REVERSE)
        if (row["images"], row["n"]) != ("test", N_TEST):
            continue
        if row["quantity"] == names.LOG_P and names.FORWARD in values:
            found[TEST] = {"": values[names.FORWARD]}
        if row["quantity"] == names.bound_on(names.LOG_P) and values.keys() >= set(both):
            found[TEST_BOUND] = {name: values[name] for name in both}
    return found
