"""What `mnist_dbn` reports: the record of a run, its table, its part of RESULTS.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from dbnjax import checks
from experiments.common import records, resumable
from experiments.common.records import Made, Source, require, require_key
from experiments.common.tables import (
    NONE,
    SPLITS,
    Table,
    Target,
    count,
    duration,
    interval,
    made,
    several,
    table,
    wrap,
)

TITLE = "Deep belief nets with labels"  # of its page of results

STAGES = ("greedy", "up-down", "all cases")  # in the order of learning

TARGET_PRESET = "best"  # whose errors are held against the targets
# Test errors in per cent of one seed.
TARGETS = {
    "greedy": Target("greedy", 1.8),
    "up-down": Target("up-down", 1.45),
    "all cases": Target("all cases", 1.3),
}
ABOUT_TARGETS = (
    f"Bars that this project set itself for one seed of `--preset={TARGET_PRESET}`; of several "
    "seeds the mean\ncounts."
)

Counts = dict[str, int]  # errors by split


class Cases(TypedDict):
    train: int
    validation: int
    test: int
    all: NotRequired[int]  # of a run that went on with all cases
    stream: NotRequired[int]


class Options(TypedDict):
    pixels: str
    n_gibbs: int
    n_passes: int


class Chosen(TypedDict):
    epoch: int
    training_errors: int


class Reached(TypedDict):
    most: int
    errors: int


class Epoch(TypedDict):
    stage: str


class Record(Made):
    """What `result.json` holds; errors by net, read-out and split, wrong test cases by net."""

    preset: str
    seed: int
    config: Options
    cases: Cases
    errors: dict[str, dict[str, Counts]]
    wrong: dict[str, list[int]]
    baselines: dict[str, Counts]
    seconds: dict[str, float]
    epochs: list[Epoch]
    chosen: NotRequired[Chosen]  # of a run with up-down
    target: NotRequired[Reached]  # of a run that went on with all cases


def read_runs(folder: Path) -> list[Source]:
    """Reads the finished runs of a folder, in the order of their names.

    Raises:
      InputError: there are none, or a file is damaged or contradicts itself.
    """
    runs = records.read(folder, "*.json", Record, check, records.OTHERS)
    checks.require(
        bool(runs),
        f"{folder}: expected a folder of result files, got "
        f"{'none in it' if folder.is_dir() else 'no such folder'}; a finished run of "
        "experiments.mnist_dbn leaves result.json in its work directory: copy it here by another "
        "name",
    )
    return runs


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the type of a record cannot say.

    Raises:
      InputError: the record contradicts itself.
    """
    if "target" in record:
        require_key(path, "cases", record["cases"], "all")
    require_key(path, "errors", record["errors"], "greedy")
    _check_counts(path, "baselines", record["baselines"], record["cases"])
    for stage, read_outs in record["errors"].items():
        require_key(path, f"errors.{stage}", read_outs, "deterministic")
        _check_counts(path, f"errors.{stage}", read_outs, record["cases"])
        require_key(path, "wrong", record["wrong"], stage)
        told = (f"errors.{stage}.deterministic.test", read_outs["deterministic"]["test"])
        records.check_wrong(path, f"wrong.{stage}", record["wrong"][stage], told, record["cases"])


def _check_counts(path: Path, where: str, found: dict[str, Counts], cases: dict[str, int]) -> None:
    """Checks errors by name and split: no more than there are cases."""
    for name, counts in found.items():
        require_key(path, f"{where}.{name}", counts, "test")
        for split, n in counts.items():
            here = f"{where}.{name}.{split}"
            require(split in cases, path, here, f"one of {', '.join(cases)}", split)
            require(0 <= n <= cases[split], path, here, f"0 to {cases[split]} errors", n)


def named(record: dict[str, Any]) -> list[tuple[str, Counts]]:
    """Returns all errors by what made them, in the order of learning, and of the baselines."""
    found = [
        (f"{stage}, {read_out}", counts)
        for stage in stages(record)
        for read_out, counts in record["errors"][stage].items()
    ]
    return [*found, *record["baselines"].items()]


def stages(record: dict[str, Any]) -> list[str]:
    """Returns the stages of a run in the order of learning; others than the paper's stand last."""
    return sorted(record["errors"], key=(*STAGES, *record["errors"]).index)


def lay_out(record: dict[str, Any]) -> Table:
    """Lays out the errors, counts and per cent."""
    rows = named(record)
    used = {split for _, counts in rows for split in counts}
    cases = {split: n for split, n in record["cases"].items() if split in used}
    return Table(
        ["errors", *(f"{split} ({n})" for split, n in cases.items())],
        [
            [name, *(count(counts[s], n) if s in counts else "" for s, n in cases.items())]
            for name, counts in rows
        ],
    )


def note(record: dict[str, Any]) -> str:
    """Says why there are no errors of a net without labels."""
    return "" if record["errors"] else "(a net without labels has no read-out of a class)"


REPORT = resumable.Report(Record, lay_out, note, leaves="net, figures and metrics")


def targets(means: Mapping[str, Mapping[str, float]], names: Mapping[str, str]) -> list[str]:
    """Test errors beside what is asked of them; nothing without a run of the preset.

    Args:
      means: per cent by stage of each configuration with the preset, by what it is called.
      names: of the stages, as tables show them.
    """
    rows = [
        [
            names[stage],
            f"{target.limit:.2f} %",
            *(_judged(found, stage) for found in means.values()),
        ]
        for stage, target in TARGETS.items()
    ]
    header = ["", "at most", *(f"`{label}`" for label in means)]
    return [ABOUT_TARGETS, table(header, rows)] if means else []


def _judged(found: Mapping[str, float], stage: str) -> str:
    if stage not in found:
        return NONE
    return f"{found[stage]:.2f} %: {TARGETS[stage].verdict(found[stage])}"


def sections(runs: list[Source]) -> list[str]:
    """Returns the part of RESULTS.md on single runs, none without one."""
    return (["## Runs"] if runs else []) + [part for run in runs for part in one_run(run)]


def one_run(run: Source) -> list[str]:
    """All that a run counted, and what it took."""
    record = run.record
    parts = [f"### {run.name}", *made(record), errors(record), read_outs(record["config"])]
    if "chosen" in record:
        parts.append(chosen(record))
    return [*parts, times(record)]


def errors(record: dict[str, Any]) -> str:
    """Errors by stage, read-out and split, training beside test, and of the baselines."""
    cases = record["cases"]
    rows = named(record)
    splits = [split for split in SPLITS if any(split in counts for _, counts in rows)]
    header = ["errors", *(f"{SPLITS[split]} ({cases[split]:,})" for split in splits), "test, 95 %"]
    cells = [
        [
            name,
            *(count(counts[split], cases[split]) if split in counts else NONE for split in splits),
            interval(counts["test"], cases["test"]),
        ]
        for name, counts in rows
    ]
    return table(header, cells)


def read_outs(config: dict[str, Any]) -> str:
    """What the read-outs that draw were allowed."""
    gibbs, passes = config["n_gibbs"], config["n_passes"]
    return wrap(f"Iterations of the Gibbs read-out: {gibbs}; up-passes of the averaged: {passes}.")


def chosen(record: dict[str, Any]) -> str:
    """Which net validation chose, and whether learning on all cases got as far."""
    selected, cases = record["chosen"], record["cases"]
    text = (
        f"Validation chose epoch {selected['epoch']} of up-down, whose net has "
        f"{count(selected['training_errors'], cases['train'])} training errors."
    )
    if "target" in record:
        target = record["target"]
        n = several(sum(epoch["stage"] == "all_cases" for epoch in record["epochs"]), "epoch")
        verb = "reached" if target["errors"] <= target["most"] else "did not reach"
        text += f" On all {cases['all']:,} cases it {verb} that training error again in {n}."
    return wrap(text)


def times(record: dict[str, Any]) -> str:
    """Epochs and wall time of each stage and in all."""
    epochs = [epoch["stage"] for epoch in record["epochs"]]
    seconds = record["seconds"]
    rows = [[stage, str(epochs.count(stage)), duration(s)] for stage, s in seconds.items()]
    rows.append(["in all", str(len(epochs)), duration(sum(seconds.values()))])
    return table(["stage", "epochs", "wall time"], rows)
