"""Options of `experiments.rbm_learning_rules`, and their checks."""

import dataclasses

from dbnjax import checks
from dbnjax.data import binarisation
from experiments.common.groups import SCHEDULES, Binarised
from experiments.common.options import option
from experiments.rbm_learning_rules.rules import RULES

LEAST = {
    "n_hidden": 1,
    "epochs": 1,
    "batch_size": 1,
    "n_chains": 1,
    "k": 1,
    "points": 1,
    "ais_chains": 2,
    "n_temperatures": 1,
    "sample_steps": 1,
    "n_samples": 1,
}
FREE = ("workdir", "output", "figure")  # what a resumed run may change


@dataclasses.dataclass(frozen=True)
class Config(Binarised):
    """Options of the run; each is a flag."""

    binarisation: str = option(
        "resampled", "How intensities become binary pixels.", binarisation.WAYS
    )
    workdir: str = option("runs/rbm_learning_rules", "Folder for all that the run writes.")
    rules: tuple[str, ...] = option(
        ("cd1", "cd10", "pcd", "fast_pcd", "centred_pcd", "tempered"),
        f"Learning rules, some of {', '.join(RULES)}.",
    )
    below: str | None = option(None, "Saved machine or stack whose sampled features are learned.")
    tied: bool = option(False, "Start as the machine below turned over, spare units beside it.")
    n_hidden: int = option(500, "Hidden units of the machine that learns.")
    epochs: int = option(20, "Epochs of each rule.")
    batch_size: int = option(100, "Cases in a minibatch.")
    n_chains: int = option(100, "Persistent chains, over all temperatures.")
    k: int = option(1, "Gibbs steps of persistent chains between updates.")
    rate: float = option(0.0, "Learning rate at the start; 0: the rule's own.")
    schedule: str = option("constant", "Rates: constant, or linear to zero.", SCHEDULES)
    momentum: float = option(0.0, "Momentum.")
    decay: float = option(0.0, "Weight decay.")
    averaging: float = option(
        0.002, "Least weight of the newest parameters in the average that is judged; 1: no average."
    )
    points: int = option(6, "How often a rule is judged, in even logarithmic steps of epochs.")
    ais_chains: int = option(50, "Chains of annealed importance sampling each time.")
    n_temperatures: int = option(2000, "Its temperatures.")
    sample_steps: int = option(300, "Steps of the tempered chains behind a reverse estimate.")
    n_samples: int = option(10, "Recognition passes for each case, with --below.")
    output: str | None = option(None, "File to copy the numbers (rules.json) to.")
    figure: str | None = option(None, "File to copy the figure (learning_rules.png) to.")


def check(config: Config) -> None:
    """Refuses options that cannot be meant, before anything is read, written or learned."""
    config.check_options()
    for name, least in LEAST.items():
        checks.check_count(f"--{name}", getattr(config, name), least)
    for name in ("rate", "decay"):
        checks.check_at_least(f"--{name}", getattr(config, name), 0.0)
    checks.require(
        0 <= config.momentum < 1,
        f"--momentum: expected 0 or more and less than 1, got {config.momentum}",
    )
    checks.require(
        0 < config.averaging <= 1,
        f"--averaging: expected more than 0 and at most 1, got {config.averaging}",
    )
    checks.require(
        not (config.tied and "tempered" in config.rules),
        "--tied: expected rules other than tempered, whose base rates are the biases it starts "
        "from; take --rules=centred_pcd",
    )
    unknown = [name for name in config.rules if name not in RULES]
    checks.require(
        bool(config.rules) and not unknown and len(set(config.rules)) == len(config.rules),
        f"--rules: expected some of {', '.join(RULES)}, each once, got "
        f"{', '.join(config.rules) or 'none'}",
    )
