"""Learning rules in RESULTS.md, from the `--output` of `experiments.rbm_learning_rules`."""

from pathlib import Path
from typing import Any

from experiments.common.record_files import MADE, Source
from experiments.common.records import KNOWN, NUMBER, check_lengths, require
from experiments.common.statistics import interval
from experiments.common.tables import NONE, duration, made, table, wrap
from experiments.rbm_learning_rules.report import of_rules

LOOKS = ("updates", "seconds", "log_p", "low", "high")  # one value a look
RULE_FORM = {"rate": NUMBER, "doubts": [str], "reverse": [KNOWN]} | {
    name: [int if name == "updates" else KNOWN if name in ("low", "high") else NUMBER]
    for name in LOOKS  # an interval may lack
}
RULES_FORM = MADE | {
    "model": str,
    "below": [int],
    "pixels": str,
    "judged": str,
    "cases": {str: int},
    "rules": {str: RULE_FORM},
}

ABOUT_RULES = """\
One machine learned by each rule, from the same weights, on the same cases in the same order. log p
of images that nothing was learned from, with the 95 % interval of log Z (a forward estimate, or
exact where there is no interval); where log Z was estimated from above too, log p with that one
stands beside it, on average too small. Wall times are those of learning alone."""


def check(path: Path, record: dict[str, Any]) -> None:
    """Checks what the form of a record cannot say: its lists hold one value a look.

    Raises:
      InputError: one is of another length.
    """
    for name, rule in record["rules"].items():
        check_lengths(path, f"rules.{name}", [rule], LOOKS)
        n = len(rule["reverse"])
        require(n in (0, 3), path, f"rules.{name}.reverse", "0 or 3 values", n)


def learning_rules(sources: list[Source]) -> list[str]:
    """A table of each comparison, and its figure where one was copied."""
    parts = ["## Learning rules", ABOUT_RULES] if sources else []
    for source in sources:
        record = source.record
        header = [
            "rule",
            "rate",
            "updates",
            "wall time",
            of_rules(record),
            "log p, log Z from above",
        ]
        rows = [
            [
                name,
                f"{rule['rate']:g}",
                f"{rule['updates'][-1]:,}",
                duration(rule["seconds"][-1]),
                interval([rule[key][-1] for key in ("log_p", "low", "high")]),
                interval(rule["reverse"]) if rule["reverse"] else NONE,
            ]
            for name, rule in record["rules"].items()
        ]
        what = f"{record['model']}, {record['cases']['train']:,} training images; pixels: "
        parts += [f"### {source.name}", *made(record), wrap(f"{what}{record['pixels']}.")]
        if record.get("figure"):
            parts.append(f"![{of_rules(record)} by learning rule]({record['figure']})")
        parts.append(table(header, rows))
        parts += [
            wrap(f"- Warning: {name}: {text}.")
            for name, rule in record["rules"].items()
            for text in rule["doubts"]
        ]
    return parts
