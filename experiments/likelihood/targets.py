"""The bars that this project set itself for likelihoods, and whether they are met."""

from typing import Any, NamedTuple

from experiments.common.record_files import Source
from experiments.common.tables import NONE, table
from experiments.common.targets import MET, NOT_MEASURED, judge
from experiments.likelihood.names import EXACT, FORWARD, LOG_P, REVERSE, bound_on


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

ABOUT_LIKELIHOOD = f"""\
Bars that this project set itself, in nats and seconds, for pixels of MNIST drawn once: its
{N_TEST:,} test images with log Z forward, and a bound with the exact one too, or else the one from
above, since with one from below it might be none. Directions and times are those of
{DEFAULTS[0]} chains and {DEFAULTS[1]:,} temperatures, {DEFAULTS[2]} spacing; times are of log Z
forward, compilation included."""


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
            verdict = judge(max(sign * value for value in found.values()), sign * limit.bar)
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
