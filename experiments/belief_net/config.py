"""Options of `experiments.belief_net`."""

import dataclasses

from experiments.common import groups
from experiments.common.options import PLACE, option

PARTS = ("modes", "speed")


@dataclasses.dataclass(frozen=True)
class Config(groups.Workdir, groups.Seed):
    """Options of the run; each is a flag."""

    workdir: str = "runs/belief_net"
    parts: tuple[str, ...] = option(PARTS, f"Some of {', '.join(PARTS)}.", some_of=PARTS)
    mode_updates: int = option(2000, "Updates of each rule that may average modes.", least=1)
    mode_rate: float = option(0.1, "Their learning rate.", above=0)
    mode_cases: int = option(200, "Cases in a batch, and persistent chains.", least=2)
    iterations: tuple[int, ...] = option(
        (1, 10, 100), "Gibbs iterations of up-down's dreams.", least=1
    )
    speed_updates: int = option(1000, "Updates by the exact gradient.", least=1)
    rates: tuple[float, ...] = option(
        (0.1, 0.3, 1.0, 3.0, 10.0),
        "Its rates, of which each model has its best.",
        above=0,
        distinct=True,
    )
    seeds: int = option(3, "First weights of each model.", least=1)
    layers: tuple[int, ...] = option((5, 2), "Hidden units of both models, from below.", least=1)
    points: int = option(50, "How often learning is looked at.", least=1)
    output: str | None = option(None, "File to copy the numbers (result.json) to.", role=PLACE)
    figures: str | None = option(None, "Folder to copy the figures to.", role=PLACE)


# The smallest run that does all, for tests.
TINY = {"mode_updates": 4, "mode_cases": 4, "iterations": (1,), "speed_updates": 4,
        "rates": (0.3, 1.0), "seeds": 2, "layers": (2, 1), "points": 2}  # fmt: skip
