"""The bars that this project set itself, and whether the results meet them."""

from typing import Any, NamedTuple

from experiments import results_groups
from experiments.likelihood_words import EXACT, FORWARD, LOG_P, REVERSE, bound_on
from experiments.results_files import Source
from experiments.results_groups import Group, Spread
from experiments.results_markdown import NONE, table

PRESET = "best"  # whose errors are held against the bars
# Test errors in per cent of one seed, at most.
ERRORS = {"greedy": 1.8, "up-down": 1.45, "all cases": 1.3}


class Bar(NamedTuple):
    """How a row of the benchmark must compare with something else.

    Attributes:
      row: of the benchmark.
      beside: the column that has the ratio of their times, or the other row.
      bar: the largest ratio that is good enough, or how many times as fast the row must be.
      faster: whether it is the latter.
    """

    row: str
    beside: str
    bar: float
    faster: bool = False


CD, BACKPROP = "CD-1 epoch, 784-500", "backprop epoch"
PEERS = {"PyTorch": 1.2, "scikit-learn": 2.2, "learnergy": 2.2, "rbms": 2.2}
SPEED = (
    Bar(CD, "time / products", 1.0),
    *(Bar(CD, f"CD-1 epoch in {peer}", bar, faster=True) for peer, bar in PEERS.items()),
    *(Bar(f"up-down epoch, {n} iterations", "time / products", 1.2) for n in (3, 6, 10)),
    Bar(f"{CD}, streamed from a folder", f"{CD}, in memory", 1.1),
    Bar(BACKPROP, "time / products", 1.3),
    Bar(BACKPROP, f"{BACKPROP} in PyTorch", 1.0, faster=True),
)
TIME = "ms a unit"  # the column by which two rows are compared
MET, NOT_MEASURED = "met", "not measured"


class Limit(NamedTuple):
    """What a number of a model's likelihood must reach.

    Attributes:
      model: that is judged.
      what: number of it, one of those that `_numbers` finds.
      bar: the largest one that is good enough, or the least.
      better_above: whether it is the least.
    """

    model: str
    what: str
    bar: float
    better_above: bool = False


TEST, TEST_BOUND = (f"{quantity}, test images" for quantity in (LOG_P, bound_on(LOG_P)))
GAP, OFF = "log Z, reverse from forward", "log Z, forward from exact"
TWO_CORES, ACCELERATOR = "seconds of log Z, two cores", "seconds of log Z, an accelerator"
N_TEST = 10_000  # MNIST's official test images
DEFAULTS = (100, 20_000, "linear")  # chains, temperatures and their spacing
LIKELIHOOD = (
    Limit("RBM 784-500", TEST, -86.34, better_above=True),
    Limit("RBM 784-500", GAP, 1.0),
    Limit("DBN 784-500-2000", TEST_BOUND, -86.2, better_above=True),
    Limit("RBM 784-20", OFF, 0.1),
    Limit("RBM 784-500", TWO_CORES, 90.0),
    Limit("RBM 784-500", ACCELERATOR, 3.0),
)

ABOUT_ERRORS = f"""\
Bars that this project set itself for one seed of `--preset={PRESET}`; of several seeds the mean
counts."""
ABOUT_LIKELIHOOD = f"""\
Bars that this project set itself, in nats and seconds, for pixels of MNIST drawn once: its
{N_TEST:,} test images with log Z forward, and a bound with the exact one too, or else the one from
above, since with one from below it might be none. Directions and times are those of
{DEFAULTS[0]} chains and {DEFAULTS[1]:,} temperatures, {DEFAULTS[2]} spacing; times are of log Z
forward, compilation included."""
ABOUT_SPEED = """\
Bars that this project set itself for two CPU cores: a row's time over that of what stands beside
it, or how many times as fast it is."""


def errors(groups: list[Group], names: dict[str, str]) -> list[str]:
    """The bars of errors beside each group of the preset; nothing without such a group.

    Args:
      groups: all groups.
      names: of the stages, as tables show them.
    """
    judged = [group for group in groups if group.runs[0].record["preset"] == PRESET]
    rows = [
        [
            names[stage],
            f"{at_most:.2f} %",
            *(_error(results_groups.spread(group, stage), at_most) for group in judged),
        ]
        for stage, at_most in ERRORS.items()
    ]
    header = ["", "at most", *(f"`{group.label}`" for group in judged)]
    return [ABOUT_ERRORS, table(header, rows)] if judged else []


def _error(found: Spread | None, at_most: float) -> str:
    return NONE if found is None else f"{found.mean:.2f} %: {_verdict(found.mean, at_most)}"


def speed(benchmark: dict[str, Any]) -> list[str]:
    """The bars of speed beside what a benchmark measured."""
    numbers = {
        (str(row[0]), column): cell
        for row in benchmark["rows"]
        for column, cell in zip(benchmark["columns"], row, strict=True)
        if isinstance(cell, int | float)
    }
    rows = [[bar.row, bar.beside, _told(bar), *_judge(bar, numbers)] for bar in SPEED]
    return [ABOUT_SPEED, table(["row", "beside", "bar", "measured", "verdict"], rows)]


def likelihood(sources: list[Source]) -> list[str]:
    """The bars of likelihoods beside the records of `experiments.likelihood` that they judge.

    Args:
      sources: all such records.
    """
    rows = [row for limit in LIKELIHOOD for row in _held(limit, sources)]
    header = ["model", "what", "bar", "measured", "verdict", "source"]
    return [ABOUT_LIKELIHOOD, table(header, rows)]


def _held(limit: Limit, sources: list[Source]) -> list[list[str]]:
    """Returns the rows of a bar: one for each record that it judges, or one that says of none."""
    told = [limit.model, limit.what]
    told.append(f"{'more than' if limit.better_above else 'at most'} {limit.bar:g}")
    sign, rows = -1.0 if limit.better_above else 1.0, []
    for source in sources:
        numbers = _numbers(source.record) if source.record["model"] == limit.model else {}
        if limit.what in numbers:
            found = numbers[limit.what]
            shown = ", ".join(f"{value:.2f} {name}".rstrip() for name, value in found.items())
            verdict = _verdict(max(sign * value for value in found.values()), sign * limit.bar)
            doubted = verdict == MET and source.record["warnings"]
            verdict += ", with warnings" if doubted else ""
            rows.append([*told, shown, verdict, source.name])
    return rows or [[*told, NONE, NOT_MEASURED, NONE]]


def _numbers(record: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Returns what a record shows of that for which there are bars, all of which must meet them.

    By the bar's name; where there are several numbers, by that of the log Z in them.
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
        if (row["images"], row["n"]) == ("test", N_TEST):
            found |= _reached(row)
    return found


def _reached(row: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Returns what a row of the official test images shows of that for which there are bars."""
    values = {name: ends[0] for name, ends in row["values"].items()}
    both = (FORWARD, EXACT if EXACT in values else REVERSE)
    if row["quantity"] == LOG_P and FORWARD in values:
        return {TEST: {"": values[FORWARD]}}
    if row["quantity"] == bound_on(LOG_P) and values.keys() >= set(both):
        return {TEST_BOUND: {name: values[name] for name in both}}
    return {}


def _told(bar: Bar) -> str:
    return f"at least {bar.bar:.1f} times as fast" if bar.faster else f"at most {bar.bar:.2f}"


def _judge(bar: Bar, numbers: dict[tuple[str, str], float]) -> tuple[str, str]:
    """Returns what was measured of what a bar is about, and whether it is met."""
    ratio = numbers.get((bar.row, bar.beside))
    own, other = numbers.get((bar.row, TIME)), numbers.get((bar.beside, TIME))
    if own and other:
        ratio = own / other
    if ratio is None:
        return NONE, NOT_MEASURED
    if bar.faster:
        return f"{1 / ratio:.3f} times as fast", _verdict(bar.bar, 1 / ratio)
    return f"{ratio:.3f}", _verdict(ratio, bar.bar)


def _verdict(value: float, at_most: float) -> str:
    return MET if value <= at_most else "missed"
