"""The sections of RESULTS.md on the hybrid gradient, from the `result.json` of its runs."""

from typing import Any

from experiments.results_files import Source
from experiments.results_markdown import NONE, count, duration, interval, made, table, wrap
from experiments.results_summary import ALL, CHOSEN
from experiments.results_table_1 import TESTS, mcnemar

ABOUT = """\
A deep belief net with labels after up-down, tuned by a weighted average of the gradients of
backpropagation through the read-out and of contrastive wake-sleep (the report's last experiment,
0.97 % there). The read-out is the deterministic one: an up-pass of probabilities from intensities,
then the free energy of every label. The weight of the gradient by backpropagation rises;
the validation cases chose weight and epoch, and a net that had learned from all cases then went the
same way. b are the test cases that only the net of the row gets wrong, c those that only the net
of the start does, p is McNemar's exact one."""
STARTS = {"net": "The net of the start", "all_net": "What went on with all cases began as the net"}


def sections(runs: list[Source]) -> list[str]:
    """Returns the sections of all runs, none without one."""
    if not runs:
        return []
    parts = ["### Two gradients", wrap(ABOUT.replace("\n", " "))]
    for run in runs:
        parts += [f"#### {run.name}", *made(run.record), *starts(run.record)]
        parts += [errors(run.record), chosen(run.record)]
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
    """Errors of the nets by split, and beside the net of the start what began as it."""
    cases, wrong = record["cases"], record["wrong"]
    splits = ("validation", "all", "test")
    header = ["net", *(f"{split} ({cases[split]:,})" for split in splits), "test, 95 %", *TESTS]
    rows = []
    for name in ("start", CHOSEN, ALL):
        counts = record["errors"][name]
        told = [count(counts[s], cases[s]) if s in counts else NONE for s in splits]
        began = name == CHOSEN or (name == ALL and "all_net" not in record["starts"])
        test = mcnemar(wrong[name], wrong["start"]) if began else [NONE] * len(TESTS)
        rows.append([name, *told, interval(counts["test"], cases["test"]), *test])
    return table(header, rows)


def chosen(record: dict[str, Any]) -> str:
    """What validation chose, and how long it all took."""
    epoch, weight = record["chosen"]["epoch"], record["chosen"]["weight"]
    text = (
        f"Seed {record['seed']}. Validation chose "
        + (f"epoch {epoch}, at the weight {weight:g}" if epoch else "the net of the start")
        + f". Learning took {duration(sum(record['seconds'].values()))}."
    )
    return wrap(text)
