"""The tables of README.md, put between the marks that stand there for them."""

import re

from dbnjax import checks
from experiments.common.record_files import Source
from experiments.common.tables import duration, made
from experiments.mnist_dbn import report as dbn_report
from experiments.results import page
from experiments.results.groups import Group


def blocks(groups: list[Group], embedded: list[Source]) -> dict[str, str]:
    """Returns what stands in README by the name of its marks.

    Args:
      groups: runs on the official data, for the headline table.
      embedded: a run of the default job.
    """
    (run,) = embedded
    record = run.record
    total = duration(sum(record["seconds"].values()))
    table = f"```\n{dbn_report.REPORT.text(record)}\n```"
    return {
        "headline": page.headline(groups),
        "embedded": "\n\n".join([*made(record), f"Learning took {total}.", table]),
    }


def splice(text: str, blocks: dict[str, str]) -> str:
    """Puts each block between `<!-- name -->` and `<!-- end of name -->`.

    Raises:
      InputError: a pair of marks is not there exactly once.
    """
    for name, block in blocks.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        pattern = f"(?s){re.escape(begin)}.*?{re.escape(end)}"
        n = len(re.findall(pattern, text))
        checks.require(
            n == 1, f"README: expected the marks {begin} and {end} once, got them {n} times"
        )
        text = re.sub(pattern, lambda _: f"{begin}\n\n{block}\n\n{end}", text)  # noqa: B023
    return text
