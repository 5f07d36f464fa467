"""How each machine of the main job's stack learns, read off the options."""

import dataclasses

from dbnjax.types import Draw
from experiments.mnist_dbn.config import Config


@dataclasses.dataclass(frozen=True)
class Plan:
    """How one machine of the stack learns.

    Attributes:
      rule: "cd" or "pcd".
      features: "mean" or "sample", its data from the layers below.
      n_epochs: epochs.
      rate: learning rate at the start.
      momentum: after the first epochs.
    """

    rule: str
    features: Draw
    n_epochs: int
    rate: float
    momentum: float


def plan(config: Config, level: int) -> Plan:
    """Reads a machine's plan off the options; the top one, the memory, has its own."""
    if level < len(config.layers) - 1:
        return Plan(
            rule="cd",
            features=config.greedy_features,
            n_epochs=config.greedy_epochs,
            rate=config.greedy_rate,
            momentum=config.greedy_momentum,
        )
    return Plan(
        rule=config.memory_rule,
        features=config.memory_features,
        n_epochs=config.memory_epochs,
        rate=config.memory_rate,
        momentum=config.memory_momentum,
    )
