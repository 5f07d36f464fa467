"""Options of `experiments.scaling`."""

import dataclasses

from experiments.common.options import PLACE, Options, option

ROUNDS = 5


@dataclasses.dataclass(frozen=True)
class Config(Options):
    """Options of the run; each is a flag."""

    devices: tuple[int, ...] = option(
        (1, 2, 4, 8), "Simulated devices, rows of each number.", least=1
    )
    time: bool = option(False, f"Time the updates, too: median of {ROUNDS} rounds.")
    output: str | None = option(None, "JSON file to write the table to.", role=PLACE)
