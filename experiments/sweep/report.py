"""A sweep's record and section: its members and, where seeds vary, what they say of settings."""

import itertools
import json
import math
from typing import Any, NamedTuple, TypedDict

from dbnjax.scoring.statistics import Spread
from experiments.common.records import Made, Source
from experiments.common.tables import (
    NONE,
    Headline,
    count,
    duration,
    flags,
    made,
    plain,
    several,
    table,
    wrap,
)

TITLE = "Sweeps, on validation cases"  # of its page of results


class Row(TypedDict):
    """A member."""

    varied: dict[str, Any]
    validation_errors: int | None  # null where the net diverged
    training_errors: int | None
    seconds: float


class Cases(TypedDict):
    train: int
    validation: int


class Record(Made):
    """What the file of a sweep holds."""

    proxy: dict[str, Any]  # the options that all members share
    rows: list[Row]
    cases: Cases


class Setting(NamedTuple):
    """Members that differ in their seed alone.

    Attributes:
      varied: the values of the grid's other flags.
      validation: errors of the members that did not diverge, None if all did.
      training: errors of the same nets in training.
      n_diverged: how many others there are.
    """

    varied: dict[str, Any]
    validation: Spread | None
    training: Spread | None
    n_diverged: int


def headline(sweeps: list[Source]) -> list[Headline]:
    """The fewest validation errors of each sweep."""
    rows = []
    for sweep in sweeps:
        n = sweep.record["cases"]["validation"]
        counts = [r["validation_errors"] for r in sweep.record["rows"]]
        fewest = min((c for c in counts if c is not None), default=None)
        what = f"least validation error of {several(len(counts), 'member')}, {sweep.name}"
        rows.append(Headline(what, count(fewest, n)))
    return rows


def sections(sweeps: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md on sweeps, none without one."""
    return [part for sweep in sweeps for part in one_sweep(sweep)]


def one_sweep(sweep: Source) -> list[str]:
    """Every member, the fewest validation errors first, and the settings over their seeds."""
    parts = members(sweep)
    if not any("seed" in row["varied"] for row in sweep.record["rows"]):
        return parts
    found = settings(sweep.record)
    return [*parts, over_seeds(found), wrap(chosen(found))]


def members(sweep: Source) -> list[str]:
    """What was tried, the fewest validation errors first and what diverged last."""
    record, cases = sweep.record, sweep.record["cases"]
    rows = sorted(record["rows"], key=lambda row: _first(row["validation_errors"]))
    varied = dict.fromkeys(itertools.chain.from_iterable(row["varied"] for row in rows))
    header = [*varied, "validation errors", "training errors", "wall time"]
    cells = [
        [
            *(plain(row["varied"].get(name)) for name in varied),
            count(row["validation_errors"], cases["validation"]),
            count(row["training_errors"], cases["train"]),
            duration(row["seconds"]),
        ]
        for row in rows
    ]
    proxy = f"All with `{flags(record['proxy'])}`, {cases['train']:,} training and "
    proxy += f"{cases['validation']:,} validation cases."
    return [f"## {sweep.name}", *made(record), wrap(proxy), table(header, cells)]


def _first(errors: int | None) -> float:
    return math.inf if errors is None else errors


def settings(record: dict[str, Any]) -> list[Setting]:
    """Gathers the members by setting, the fewest mean validation errors first.

    Settings of which a member diverged stand behind all others: the mean of the rest is that of
    the lucky ones.
    """
    gathered: dict[str, list[dict[str, Any]]] = {}
    for row in record["rows"]:
        gathered.setdefault(json.dumps(_setting(row)), []).append(row)
    found = [
        Setting(
            varied=_setting(rows[0]),
            validation=_spread(rows, "validation_errors", record["cases"]["validation"]),
            training=_spread(rows, "training_errors", record["cases"]["train"]),
            n_diverged=sum(row["validation_errors"] is None for row in rows),
        )
        for rows in gathered.values()
    ]
    return sorted(found, key=_rank)


def _setting(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["varied"].items() if name != "seed"}


def _spread(rows: list[dict[str, Any]], name: str, n: int) -> Spread | None:
    counts = [row[name] for row in rows if row[name] is not None]
    return Spread(counts, n) if counts else None


def _rank(setting: Setting) -> tuple[bool, float]:
    mean = math.inf if setting.validation is None else setting.validation.mean
    return setting.n_diverged > 0, mean


def over_seeds(found: list[Setting]) -> str:
    """Mean and standard deviation of the errors of each setting, and of how many seeds."""
    header = [*found[0].varied, "validation errors", "training errors", "seeds", "diverged"]
    rows = [
        [
            *map(plain, setting.varied.values()),
            share(setting.validation),
            share(setting.training),
            str(len(setting.validation.counts)) if setting.validation else "0",
            str(setting.n_diverged),
        ]
        for setting in found
    ]
    return table(header, rows)


def share(found: Spread | None) -> str:
    """A mean error rate with its standard deviation over seeds, where there are two."""
    if found is None:
        return NONE
    spread = f" ± {found.deviation:.2f}" if len(found.counts) > 1 else ""
    return f"{found.mean:.2f}{spread} %"


def chosen(found: list[Setting]) -> str:
    """Which setting validation chooses, by the mean over its seeds."""
    told = "Errors over seeds: mean ± standard deviation of one seed's."
    best = found[0]
    if best.n_diverged or best.validation is None:
        return f"{told} Validation chooses no setting: some member of each diverged."
    if not best.varied:
        return told
    n = several(len(best.validation.counts), "seed")
    mean = f"{best.validation.mean:.2f} % in the mean of {n}"
    return f"{told} Validation chooses `{flags(best.varied)}`: {mean}."
