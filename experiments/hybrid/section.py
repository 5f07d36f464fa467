"""The sections of RESULTS.md on the hybrid gradient, from the `result.json` of its runs."""

from typing import Any

from experiments.common.record_files import Source
from experiments.common.records import ALL, CHOSEN
from experiments.common.tables import (
    NONE,
    TESTS,
    count,
    duration,
    interval,
    made,
    mcnemar,
    table,
    wrap,
)
from experiments.hybrid.record import ALL_START, CONTRASTIVE, PRETRAINING, START

ABOUT = """\
A deep belief net with labels, tuned by a weighted average of the gradient of backpropagation
through the read-out and of a generative one. The read-out is the deterministic one: an up-pass of
probabilities from intensities, then the free energy of every label. The weight of the gradient by
backpropagation rises and the rate falls, so that what a weight does and what a rate does are not
told apart; the validation cases chose the epoch, and with it the weight. b are the test cases that
only the net of the row gets wrong, c those that only the net does that it began as, p is McNemar's
exact one."""
FORMS = {
    CONTRASTIVE: "The generative gradient is that of contrastive wake-sleep, and the start a net "
    "after up-down: the report's last experiment, 0.97 % there.",
    PRETRAINING: "The generative gradient is that of pretraining, contrastive divergence in every "
    "machine: the cheaper form, which the report says does not do as well.",
}
STARTS = {"net": "The net of the start", "all_net": "What went on with all cases began as the net"}


def sections(runs: list[Source]) -> list[str]:
    """Returns the sections of all runs, none without one."""
    if not runs:
        return []
    parts = ["### Two gradients", wrap(ABOUT.replace("\n", " "))]
    for run in runs:
        parts += [f"#### {run.name}", wrap(FORMS[run.record["config"]["form"]]), *made(run.record)]
        parts += [*starts(run.record), errors(run.record), chosen(run.record)]
    return parts


def starts(record: dict[str, Any]) -> list[str]:
    """By what the nets were made that a run started from."""
    found = [(words, record["starts"].get(name)) for name, words in STARTS.items()]
    return [
        f"{words} from commit {net['commit'] or 'unknown'}:\n\n```sh\n{net['command']}\n```"
        for words, net in found
        if net
    ]


def errors(record: dict[str, Any]) -> str:
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
    return table(header, rows)


def chosen(record: dict[str, Any]) -> str:
    """What validation chose, and how long it all took."""
    epoch, weight = record["chosen"]["epoch"], record["chosen"]["weight"]
    weights = record["config"]["weights"]
    largest = ", the largest one" if weight == max(weights) and len(weights) > 1 else ""
    text = (
        f"Seed {record['seed']}. Validation chose "
        + (f"epoch {epoch}, at the weight {weight:g}{largest}" if epoch else "the net of the start")
        + f". Learning took {duration(sum(record['seconds'].values()))}."
    )
    return wrap(text)
