"""What the record of a run of `hybrid` looks like."""

from experiments.common.record_files import MADE
from experiments.common.records import ALL, CHOSEN, NULL, NUMBER
from experiments.hybrid.config import FORMS

START, ALL_START = "start", "start of all cases"  # what nets of `hybrid` began as
CONTRASTIVE, PRETRAINING = FORMS

HYBRID_FORM = MADE | {
    "seed": int,
    "config": {"form": set(FORMS), "weights": [NUMBER]},
    "cases": {"train": int, "validation": int, "all": int, "test": int},
    "errors": {name: {"test": int} for name in (START, CHOSEN, ALL)},
    "wrong": {name: [int] for name in (START, CHOSEN, ALL)},
    "starts": {str: {"command": str, "commit": str}},
    "chosen": {"epoch": int, "weight": (*NUMBER, NULL)},  # null for the net of the start
    "seconds": {str: NUMBER},
}
