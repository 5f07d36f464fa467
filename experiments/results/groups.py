"""Runs that differ in their seed alone are one group; nets are compared within and between."""

import itertools
import json
import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

from dbnjax import checks
from dbnjax.scoring import statistics
from dbnjax.scoring.statistics import Spread
from experiments.common.records import Source

MEMBERS_DIFFER = ("seed", "workdir", "data_dir", "tensorboard")  # flags, within a group


class Group(NamedTuple):
    """Runs with the same flags.

    Attributes:
      label: those flags, as far as the command shows them.
      runs: in the order of their seeds.
    """

    label: str
    runs: list[Source]

    @property
    def cases(self) -> dict[str, int]:
        """The sizes of the sets of cases, the same in every run."""
        cases: dict[str, int] = self.runs[0].record["cases"]
        return cases


class Comparison(NamedTuple):
    """An exact McNemar test of two nets, each named by its run and its stage."""

    first: str
    second: str
    test: statistics.McNemar


def gather(runs: list[Source]) -> list[Group]:
    """Gathers the runs of one configuration, in the order of the first run's name.

    Raises:
      InputError: two runs of a group have the same seed: they are no independent samples.
    """
    gathered: dict[str, list[Source]] = {}
    for run in runs:
        gathered.setdefault(_configuration(run.record), []).append(run)
    groups: list[Group] = []
    for members in gathered.values():
        members.sort(key=lambda run: run.record["seed"])
        for first, second in itertools.pairwise(members):
            checks.require(
                first.record["seed"] != second.record["seed"],
                f"{first.name}.json and {second.name}.json: expected one run a seed, got two with "
                f"the same flags and seed {first.record['seed']}; keep one of them",
            )
        name = label(members[0].record["command"])
        if name in {group.label for group in groups}:  # defaults that changed between commits
            name = f"{name}, as in {members[0].name}"
        groups.append(Group(name, members))
    return groups


def _configuration(record: dict[str, Any]) -> str:
    """Returns what the runs of a group have in common, to be compared."""
    config = {k: v for k, v in record["config"].items() if k not in MEMBERS_DIFFER}
    return json.dumps([record["preset"], config, record["cases"]], sort_keys=True)


def label(command: str) -> str:
    """Returns the flags of a command that all runs of its group share."""
    given = [word for word in shlex.split(command) if word.startswith("--")]
    shared = [w for w in given if w.removeprefix("--").partition("=")[0] not in MEMBERS_DIFFER]
    return " ".join(shared) or "default flags"


def spread(group: Group, stage: str, read_out: str = "deterministic") -> Spread | None:
    """Returns the test errors of a stage, or None if no run has it."""
    errors = [run.record["errors"].get(stage, {}) for run in group.runs]
    counts = [found[read_out]["test"] for found in errors if read_out in found]
    return Spread(counts, group.cases["test"]) if counts else None


def compare(groups: list[Group], stages: Callable[[dict[str, Any]], list[str]]) -> list[Comparison]:
    """Tests each stage of a run against the next, and the last nets of groups by pairs.

    Between groups it pairs the runs of equal seeds, or else the first of each.

    Args:
      groups: the runs.
      stages: names the stages of a record in the order of learning.

    Raises:
      InputError: two nets to be compared were tested on different cases.
    """
    found = [
        _compare(run, stage, run, following)
        for members in groups
        for run in members.runs
        for stage, following in itertools.pairwise(stages(run.record))
    ]
    for first, second in itertools.combinations(groups, 2):
        others = {run.record["seed"]: run for run in second.runs}
        same = [(r, others[r.record["seed"]]) for r in first.runs if r.record["seed"] in others]
        found += [
            _compare(one, stages(one.record)[-1], other, stages(other.record)[-1])
            for one, other in same or [(first.runs[0], second.runs[0])]
        ]
    return found


def _compare(one: Source, stage: str, other: Source, other_stage: str) -> Comparison:
    sets = [(r.record["config"].get("dataset"), r.record["cases"]["test"]) for r in (one, other)]
    checks.require(
        sets[0] == sets[1],
        f"{one.name}.json and {other.name}.json: expected the same test set for McNemar's test, "
        f"got {sets[0][1]} cases of {sets[0][0]} and {sets[1][1]} of {sets[1][0]}; keep the "
        "results of another data set in another folder",
    )
    test = statistics.mcnemar(one.record["wrong"][stage], other.record["wrong"][other_stage])
    return Comparison(f"{one.name}, {stage}", f"{other.name}, {other_stage}", test)
