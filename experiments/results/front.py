"""The front of RESULTS.md: the paper beside `mnist_dbn`, tests between nets, run by run.

Runs that differ in their seed alone are one group; nets are compared within and between groups.
"""

import itertools
import json
import shlex
from typing import Any, NamedTuple

import numpy as np

from dbnjax import checks
from dbnjax.scoring.statistics import Spread
from experiments.common.records import Source
from experiments.common.tables import (
    NONE,
    TESTS,
    Headline,
    duration,
    interval,
    mcnemar,
    several,
    table,
    wrap,
)
from experiments.mnist_dbn import report as dbn_report

# What the 2006 paper prints (sections 6.1 and 6.2): test errors in per cent, and the read-outs.
PAPER_ERRORS = {"greedy": 2.49, "up-down": 1.39, "all cases": 1.25}
PAPER_CASES = {"train": 44_000, "validation": 10_000, "all": 60_000, "test": 10_000}
PAPER_TIME = "about a week"
PAPER_READ_OUTS = {
    "gibbs": "almost +1",
    "stochastic": "+0.5",
    "deterministic": "the reported errors",
    "averaged probabilities": "as deterministic",
    "averaged log probabilities": "as deterministic",
}
STAGE_NAMES = {
    "greedy": "greedy, on the training cases",
    "up-down": "up-down, on the training cases",
    "all cases": "up-down, then on all cases",
}
BINARISATION = {
    "sample": "binary samples of the intensities in training, intensities in the read-outs",
    "mean": "intensities in training and in the read-outs",
}

HEAD = """\
The 2006 paper is Hinton, Osindero and Teh, *A fast learning algorithm for deep belief nets*.
Where nothing else is said an error is a test error under the deterministic read-out: an up-pass of
probabilities, then the exact free energy of every label. The up-down net is the one with the
fewest errors on the validation cases, which also chose the recipes. The test set was
looked at once a run, when all learning was over."""
ERRORS = """\
In brackets: the error count and Wilson's 95 % interval in per cent. With more than one seed: mean
± standard deviation over seeds, the least and the most errors, and the interval of the mean count,
which says what another test set might give, not what another seed might. Times are means too."""
READ_OUTS = """\
The last net of each run: points of test error above the deterministic read-out's, whose error is
given itself; means over seeds."""
COMPARISONS = """\
Exact McNemar tests, two-sided, on the same test cases under the deterministic read-out. b: cases
that only the first net gets wrong; c: only the second. p is not corrected for the number of
tests."""
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


def lay_out(groups: list[Group], shipped: list[str]) -> list[str]:
    """Returns the front of the page.

    Args:
      groups: runs of `mnist_dbn`.
      shipped: what is said of the net that comes with the package.

    Raises:
      InputError: nets to be compared were tested on different cases.
    """
    comparisons = compare(groups)
    parts = [HEAD, "## Test errors", headline(groups), ERRORS, binarisations(groups)]
    parts += [*dbn_report.targets(means(groups), STAGE_NAMES), *shipped]
    parts += ["## Read-outs", read_outs(groups), READ_OUTS]
    if comparisons:
        header = ["first net", "second net", *TESTS]
        parts += ["## Nets compared", table(header, comparisons), COMPARISONS]
    return parts + dbn_report.sections([run for group in groups for run in group.runs])


def means(groups: list[Group]) -> dict[str, dict[str, float]]:
    """Returns test errors in per cent by group and stage, of those that targets are about."""
    found = {
        group.label: {stage: spread(group, stage) for stage in dbn_report.TARGETS}
        for group in groups
        if group.runs[0].record["preset"] == dbn_report.TARGET_PRESET
    }
    return {
        label: {stage: spread.mean for stage, spread in spreads.items() if spread}
        for label, spreads in found.items()
    }


def header(groups: list[Group]) -> list[str]:
    """The paper and the groups, as columns."""
    return ["", "2006 paper", *(f"`{g.label}`, {several(len(g.runs), 'seed')}" for g in groups)]


def headline(groups: list[Group]) -> str:
    """The paper beside each group, stage by stage."""
    own = [stage for group in groups for stage in dbn_report.stages(group.runs[0].record)]
    rows = [["cases: training, all, test", *map(sizes, (PAPER_CASES, *(g.cases for g in groups)))]]
    for stage in dict.fromkeys((*PAPER_ERRORS, *own)):
        spreads = [paper(stage), *(spread(group, stage) for group in groups)]
        rows.append([STAGE_NAMES.get(stage, stage), *map(error, spreads)])
    totals = [np.mean([sum(run.record["seconds"].values()) for run in g.runs]) for g in groups]
    rows.append(["wall time of learning", PAPER_TIME, *map(duration, map(float, totals))])
    return table(header(groups), rows)


def rows(groups: list[Group]) -> list[Headline]:
    """The last net of each group beside the paper's."""
    paper_error = f"{error(paper('all cases'))} (2006 paper)"
    found = [(g, spread(g, dbn_report.stages(g.runs[0].record)[-1])) for g in groups]
    return [
        Headline(f"test error, `{group.label}`", error(errors), paper_error)
        for group, errors in found
    ]


def sizes(cases: dict[str, int]) -> str:
    """The numbers of training, all and test cases."""
    return ", ".join(
        f"{cases[split]:,}" if split in cases else NONE for split in ("train", "all", "test")
    )


def paper(stage: str) -> Spread | None:
    """The paper's error as a count of its test cases."""
    n = PAPER_CASES["test"]
    return Spread([round(PAPER_ERRORS[stage] * n / 100)], n) if stage in PAPER_ERRORS else None


def error(found: Spread | None) -> str:
    """An error rate with its counts and its interval."""
    if found is None:
        return NONE
    limits = interval(round(float(np.mean(found.counts))), found.n)
    if len(found.counts) == 1:
        return f"{found.mean:.2f} % ({found.counts[0]}; {limits})"
    counts = f"{min(found.counts)} to {max(found.counts)}"
    return f"{found.mean:.2f} ± {found.deviation:.2f} % ({counts}; {limits})"


def binarisations(groups: list[Group]) -> str:
    """What the pixels were, group by group."""
    pixels = [(group.label, group.runs[0].record["config"]["pixels"]) for group in groups]
    return "\n".join(
        wrap(f"- Pixels of `{label}`: {BINARISATION.get(how, how)}.") for label, how in pixels
    )


def read_outs(groups: list[Group]) -> str:
    """The paper's order of the read-outs beside each group's."""
    rows = [
        [read_out, told, *(above(group, read_out) for group in groups)]
        for read_out, told in PAPER_READ_OUTS.items()
    ]
    return table(header(groups), rows)


def above(group: Group, read_out: str) -> str:
    """A read-out's error less the deterministic one's, which is given itself."""
    stage = dbn_report.stages(group.runs[0].record)[-1]
    found = spread(group, stage, read_out)
    base = spread(group, stage)
    if found is None or base is None:
        return NONE
    return f"{base.mean:.2f} %" if read_out == "deterministic" else f"{found.mean - base.mean:+.2f}"


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


def compare(groups: list[Group]) -> list[list[str]]:
    """Tests each stage of a run against the next, and the last nets of groups by pairs.

    Between groups it pairs the runs of equal seeds, or else the first of each.

    Raises:
      InputError: two nets to be compared were tested on different cases.
    """
    found = [
        _compare(run, stage, run, following)
        for members in groups
        for run in members.runs
        for stage, following in itertools.pairwise(dbn_report.stages(run.record))
    ]
    for first, second in itertools.combinations(groups, 2):
        others = {run.record["seed"]: run for run in second.runs}
        same = [(r, others[r.record["seed"]]) for r in first.runs if r.record["seed"] in others]
        for one, other in same or [(first.runs[0], second.runs[0])]:
            last, other_last = (dbn_report.stages(run.record)[-1] for run in (one, other))
            found.append(_compare(one, last, other, other_last))
    return found


def _compare(one: Source, stage: str, other: Source, other_stage: str) -> list[str]:
    sets = [(r.record["config"].get("dataset"), r.record["cases"]["test"]) for r in (one, other)]
    checks.require(
        sets[0] == sets[1],
        f"{one.name}.json and {other.name}.json: expected the same test set for McNemar's test, "
        f"got {sets[0][1]} cases of {sets[0][0]} and {sets[1][1]} of {sets[1][0]}; keep the "
        "results of another data set in another folder",
    )
    test = mcnemar(one.record["wrong"][stage], other.record["wrong"][other_stage])
    return [f"{one.name}, {stage}", f"{other.name}, {other_stage}", *test]
