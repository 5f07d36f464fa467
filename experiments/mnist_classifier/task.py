"""What all parts of `mnist_classifier` know of one net, and how a net is asked about its cases."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

from dbnjax.training import loop, stages, translations
from dbnjax.types import Key
from experiments.mnist_classifier.config import Config


@dataclasses.dataclass(frozen=True)
class Task:
    """What the stages of one net share.

    Attributes:
      config: the experiment's options.
      number: of this net, from 0.
      key: of this net.
      n_classes: classes.
      shape: height and width of the images.
      data: training cases on the device.
      held_out: validation cases on the device.
      everything: both together and what neither has; None if no stage learns from them.
      place: where this net writes.
      about: what a saved net tells of its images (`common.net_records`).
    """

    config: Config
    number: int
    key: Key
    n_classes: int
    shape: tuple[int, int]
    data: loop.Data
    held_out: loop.Data
    everything: loop.Data | None
    place: stages.Place
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def vary(self) -> Callable[[loop.Prepare], loop.Prepare]:
        """What shifts the images, if they are to be."""
        if not self.config.reach:
            return lambda prepare: prepare
        return functools.partial(
            translations.translating, shape=self.shape, reach=self.config.reach
        )
