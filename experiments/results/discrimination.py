"""The part of RESULTS.md on nets tuned for discrimination, `hybrid` among them."""

from pathlib import Path

from experiments.common import record_files
from experiments.common.record_files import SHIPPED_CLASSIFIER
from experiments.common.tables import wrap
from experiments.hybrid import report as results_hybrid
from experiments.mnist_classifier.section import of_classifiers
from experiments.results import shipped
from experiments.results import summary as results_summary

ABOUT = """\
Feedforward nets 784-500-500-2000-10: a stack of machines learned without labels, a softmax layer on
top, and backpropagation through all of it (TR 2006-004, Hinton, *To recognize shapes, first learn
to generate images*). Pixels are intensities, in tuning and when a net is asked; its answer is the
softmax. The validation cases chose the epoch of every net; rates and the like were set before. The
test set was looked at once a run, when all learning was over."""


def sections(folder: Path) -> list[str]:
    """Returns the sections of a results folder, none without their files.

    Raises:
      InputError: a file is damaged.
    """
    runs, hybrids = results_summary.read(folder)
    rounded = record_files.read_shipped(folder, SHIPPED_CLASSIFIER)
    if not (runs or hybrids or rounded):
        return []
    parts = ["## Tuned for discrimination", wrap(ABOUT.replace("\n", " "))]
    parts += results_summary.bars(runs, hybrids)
    parts += of_classifiers(runs)
    parts += results_hybrid.sections(hybrids)
    return parts + (shipped.shipped_classifier(rounded) if rounded else [])
