"""What `hybrid` learns: its options as the plan of `dbnjax.training.hybrid_tuning`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from dbnjax.learning import hybrid
from dbnjax.training import loop, stages
from dbnjax.training import task as training_task
from dbnjax.training.fitting import schedule
from dbnjax.training.hybrid_tuning import HybridPlan
from experiments.hybrid.config import PRETRAINING, Config


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(training_task.Task):
    """What both stages share, beside the run's key, cases and place.

    Attributes:
      config: the experiment's options.
      everything: all cases that are not test cases, on the device.
      about: what a saved net tells of its images (`common.nets`).
    """

    config: Config
    place: stages.Place
    everything: loop.Data
    about: Mapping[str, Any]


def plan(config: Config) -> HybridPlan:
    """Returns how the net, or the tied stack, is tuned."""
    if config.form == PRETRAINING:
        learner = hybrid.pretraining(config.k, config.pixels, config.features)
    else:
        learner = hybrid.contrastive(config.n_steps, statistics=config.statistics)
    return HybridPlan(
        learner=learner,
        weight=config.weight,
        rate=schedule(config.schedule, config.rate, config.n_epochs),
        n_epochs=config.n_epochs,
        batch_size=config.batch_size,
        pixels=config.pixels,
        momentum=config.momentum,
        decay=config.decay,
    )
