"""The part of RESULTS.md on likelihoods and on learning rules."""

from pathlib import Path

from experiments.common import record_files
from experiments.likelihood import report as likelihood
from experiments.rbm_learning_rules import report as rules


def sections(folder: Path) -> list[str]:
    """Returns the parts of the page, none without files.

    Args:
      folder: of all result files.

    Raises:
      InputError: a file is damaged.
    """
    compared = record_files.read_folder(folder / "rules", rules.Record)
    for source in compared:
        rules.check(folder / "rules" / f"{source.name}.json", source.record)
    return [
        *likelihood.sections(record_files.read_folder(folder / "likelihood", likelihood.Record)),
        *rules.sections(compared),
    ]
