"""What all parts of `mnist_classifier` know of one net, and how a net is asked about its cases."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dbnjax.models.feedforward import Feedforward
from dbnjax.training import evaluate, loop, stages, translations
from dbnjax.types import Array, Key
from experiments.classifier_config import Config


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
      about: what a saved net tells of its images (`net_records`).
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


class Measured(NamedTuple):
    """How a net does on some cases.

    Attributes:
      cost: cross-entropy in nats, mean over cases.
      wrong: the cases that it puts into a wrong class.
    """

    cost: float
    wrong: np.ndarray


def measure(net: Feedforward, data: loop.Data) -> Measured:
    """Asks a net about every case."""
    return judge(log_probabilities(net, data), data)


def log_probabilities(net: Feedforward, data: loop.Data) -> Array:
    """Returns log p(class) of every case, `[n_cases, n_classes]`."""
    unused = jax.random.key(0)  # the read-out draws nothing
    found: Array = evaluate.scores(evaluate.softmax, unused, net, data.pixels)
    return found


def judge(log_p: Array, data: loop.Data) -> Measured:
    """Compares what was said of every case with its label."""
    own = jnp.take_along_axis(log_p, data.labels[:, None], axis=-1)
    wrong = np.flatnonzero(np.asarray(log_p.argmax(-1) != data.labels))
    return Measured(-float(own.mean()), wrong)
