"""The part of RESULTS.md on likelihoods and on learning rules."""

from pathlib import Path

from experiments.common import record_files
from experiments.likelihood.section import LIKELIHOOD_FORM, likelihoods
from experiments.rbm_learning_rules.section import learning_rules, read_rules


def sections(folder: Path) -> list[str]:
    """Returns the parts of the page, none without files.

    Args:
      folder: of all result files.

    Raises:
      InputError: a file is damaged.
    """
    return [
        *likelihoods(record_files.read_folder(folder / "likelihood", LIKELIHOOD_FORM)),
        *learning_rules(read_rules(folder / "rules")),
    ]
