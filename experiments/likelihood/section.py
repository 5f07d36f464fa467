"""The likelihood tables and the learning rules of RESULTS.md.

They come from `results/likelihood/*.json` (`--output` of `experiments.likelihood`) and
`results/rules/*.json` (`--output` of `experiments.rbm_learning_rules`); without such a file its
section is absent.
"""

from typing import Any

from experiments.common.record_files import MADE, Source
from experiments.common.records import KNOWN, NULL, NUMBER
from experiments.common.statistics import interval
from experiments.common.tables import NONE, made, table, wrap
from experiments.likelihood import targets
from experiments.likelihood.names import (
    COLUMNS,
    ERROR,
    cells,
    number,
    of_net,
    of_samples,
    of_seconds,
    of_weights,
)
from experiments.likelihood.reported import REPORTED

ESTIMATE = {"value": NUMBER, "low": KNOWN, "high": KNOWN, "effective_sample_size": NUMBER}
SAMPLES = {
    **dict.fromkeys(("temperatures", "pilot_steps", "steps", "every"), int),
    **dict.fromkeys(("least_acceptance", "round_trips"), NUMBER),
    **dict.fromkeys(("r_hat", "effective_sample_size", "autocorrelation_time"), KNOWN),
    **dict.fromkeys(("class_switches", "classes"), KNOWN),
    **dict.fromkeys(("classes_by", "unknown"), (str, NULL)),
}
LIKELIHOOD_FORM = MADE | {
    "model": str,
    "net": {str: (str, *NUMBER)},
    "dataset": str,
    "pixels": str,
    "binarisation": str,
    "precision": str,
    "log_z": {
        "chains": int,
        "temperatures": int,
        "schedule": str,
        "forward": ESTIMATE,
        "reverse": ESTIMATE,
        "exact": KNOWN,
        "samples": SAMPLES,
    },
    "rows": [
        {
            "quantity": str,
            "images": str,
            "n": int,
            "values": {str: [KNOWN] * 3},
            "standard_error": KNOWN,
            "weights": (int, NULL),
            "effective_sample_size": KNOWN,
        }
    ],
    "warnings": [str],
    "seconds": {str: NUMBER},
}


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


def likelihoods(sources: list[Source]) -> list[str]:
    """Everybody's numbers in one table, then how each of ours was made."""
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
        for found in REPORTED
    ]
    for source in sources:
        record = source.record
        for row in record["rows"]:
            images = f"{row['n']:,} {record['dataset']} {row['images']}"
            told = (record["model"], record["pixels"], row["quantity"], images)
            error = number(row["standard_error"], 2, NONE)
            rows.append([*told, *cells(row, COLUMNS, NONE), error, source.name])
    parts = ["## Likelihood", ABOUT, table(header, rows), *targets.likelihood(sources)]
    for source in sources:
        parts += [f"### {source.name}", *made(source.record), *learned(source.record["net"])]
        parts += estimates(source.record)
    return parts


def learned(net: dict[str, Any]) -> list[str]:
    """By what the scored net was made, as far as it says."""
    parts = [wrap(f"The net: {of_net(net)}.")]
    return [*parts, f"```sh\n{net['command']}\n```"] if "command" in net else parts


def estimates(record: dict[str, Any]) -> list[str]:
    """How log Z was estimated, what speaks against it, and what took how long."""
    log_z = record["log_z"]
    told = (
        f"{name} {interval([log_z[name][key] for key in ('value', 'low', 'high')])}, effective "
        f"sample size {log_z[name]['effective_sample_size']:.0f}"
        for name in ("forward", "reverse")
    )
    exact = "" if log_z["exact"] is None else f"; exact {log_z['exact']:.2f}"
    text = (
        f"log Z in nats with {log_z['chains']} chains and {log_z['temperatures']:,} temperatures, "
        f"{log_z['schedule']} spacing: {'; '.join(told)}{exact}. In {record['precision']}."
    )
    weights = of_weights(record["rows"])
    return [
        wrap(text),
        *([wrap(f"Weights of an image that count, on average: {weights}.")] if weights else []),
        wrap(f"Samples of the reverse estimate: {of_samples(log_z['samples'])}."),
        wrap(f"{of_seconds(record['seconds'])}."),
        *(wrap(f"- Warning: {warning}.") for warning in record["warnings"]),
    ]
