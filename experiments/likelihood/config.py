"""Options of `experiments.likelihood`, and the checks of options, net and images."""

import dataclasses

from dbnjax import checks
from dbnjax.evaluation import schedules
from dbnjax.models import dbn as dbn_lib
from dbnjax.models import stack as stack_lib
from experiments.common import binarised
from experiments.common.binarised import Cases
from experiments.common.groups import Binarised
from experiments.common.nets import Net, alike, has_binary_pixels, learned_from
from experiments.common.options import option

LEAST = {
    "n_chains": 2,
    "n_temperatures": 1,
    "temper_betas": 2,
    "temper_steps": 1,
    "n_samples": 2,
    "n_subset": 0,
    "raise_chains": 1,
    "raise_temperatures": 1,
}
SCHEDULES = {"linear": schedules.linear, "piecewise": schedules.piecewise}


@dataclasses.dataclass(frozen=True)
class Config(Binarised):
    """Options of the run; each is a flag."""

    net: str | None = option(None, "Saved net; without one, the net that comes with dbnjax.")
    n_chains: int = option(100, "Chains of annealed importance sampling, in each direction.")
    n_temperatures: int = option(20_000, "Its temperatures.")
    schedule: str = option(
        "linear", "Their spacing: even, or piecewise, closer together towards 1.", tuple(SCHEDULES)
    )
    temper_betas: int = option(20, "Temperatures of the sampler behind the reverse estimate.")
    temper_steps: int = option(1000, "Its steps, after those that space its temperatures.")
    n_samples: int = option(20, "Recognition passes of a deep net for each image.")
    n_subset: int = option(500, "First images for RAISE and the pseudo-likelihood; 0: neither.")
    raise_chains: int = option(5, "Chains of RAISE from each of them.")
    raise_temperatures: int = option(2000, "Temperatures of RAISE.")
    output: str | None = option(None, "JSON file to write the numbers to.")


def named(config: Config) -> str:
    """Returns what a line calls the net."""
    return config.net or "the shipped net"


def check_options(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read."""
    config.check_options()
    for name, least in LEAST.items():
        checks.check_count(f"--{name}", getattr(config, name), least)


def check_fit(config: Config, net: Net, cases: Cases) -> None:
    """Refuses images and nets that do not fit each other, before anything is computed."""
    memory = net.dbn.memory
    checks.require(
        memory.hidden.size > 0,
        f"{named(config)}: expected a machine with hidden units, got none; there is nothing to sum",
    )
    checks.require(
        cases.shape == net.shape,
        f"{binarised.dataset(config)}: expected images of {net.shape[0]} x {net.shape[1]} "
        f"pixels, which {named(config)} was made for, got {cases.shape[0]} x {cases.shape[1]}; "
        "reduce them with --side or use another net",
    )
    checks.require(
        has_binary_pixels(net.dbn) or config.binarisation == "real",
        f"{named(config)}: expected --binarisation=real for "
        f"{type(dbn_lib.visible_unit(net.dbn)).__name__} pixels, got "
        f"{config.binarisation}; they are not binary",
    )
    group = stack_lib.label_group(memory)
    checks.require(
        group is None or group.size == cases.n_classes,
        f"{named(config)}: expected a data set of as many classes as it has labels, got "
        f"{cases.n_classes} classes; it was made for other data",
    )


def doubts(config: Config, net: Net) -> list[str]:
    """Says in words what the numbers might be mistaken for."""
    found = []
    learned = learned_from(net.metadata)
    if learned is None:
        found.append("the net does not say how its pixels were binarised")
    elif not alike(learned, config.binarisation):
        found.append(
            f"the net learned from pixels of another binarisation ({learned}) than it is scored on "
            f"({config.binarisation})"
        )
    if config.binarisation == "real" and has_binary_pixels(net.dbn):
        found.append("intensities are no states of binary units: these are no log-probabilities")
    if config.net is None and binarised.dataset(config) == "mnist5k":
        found.append(
            "mnist5k is a part of the images that the shipped net learned from; give MNIST's own "
            "test set by --data_dir"
        )
    return found
