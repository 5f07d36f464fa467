"""Options of `experiments.likelihood`."""

import dataclasses

from experiments.common.groups import Binarised
from experiments.common.options import INPUT, PLACE, file_name, option

SPACINGS = ("linear", "piecewise")  # of temperatures, by their names in `evaluation.schedules`


@dataclasses.dataclass(frozen=True)
class Config(Binarised):
    """Options of the run; each is a flag."""

    net: str | None = option(
        None,
        "Saved net; without one, the net that comes with dbnjax.",
        role=INPUT,
        shown=file_name,
    )
    n_chains: int = option(
        100, "Chains of annealed importance sampling, in each direction.", least=2
    )
    n_temperatures: int = option(20_000, "Its temperatures.", least=1)
    schedule: str = option(
        "linear", "Their spacing: even, or piecewise, closer together towards 1.", SPACINGS
    )
    temper_betas: int = option(
        20, "Temperatures of the sampler behind the reverse estimate.", least=2
    )
    temper_steps: int = option(1000, "Its steps, after those that space its temperatures.", least=1)
    n_samples: int = option(20, "Recognition passes of a deep net for each image.", least=2)
    n_subset: int = option(
        500, "First images for RAISE and the pseudo-likelihood; 0: neither.", least=0
    )
    raise_chains: int = option(5, "Chains of RAISE from each of them.", least=1)
    raise_temperatures: int = option(2000, "Temperatures of RAISE.", least=1)
    output: str | None = option(None, "JSON file to write the numbers to.", role=PLACE)
