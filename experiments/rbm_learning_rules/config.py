"""Options of `experiments.rbm_learning_rules`."""

import dataclasses

from dbnjax import checks
from experiments.common.groups import SCHEDULES, Binarised, Workdir
from experiments.common.options import INPUT, PLACE, file_name, option

# The rate at which each rule learns. Of 0.05, 0.1 and 0.2 the best after five epochs of MNIST, on
# validation images; 0.1 of cd25, as of cd10, without a trial.
RATES = {"cd1": 0.05, "cd10": 0.1, "cd25": 0.1, "pcd": 0.1, "fast_pcd": 0.1, "centred_pcd": 0.2,
         "tempered": 0.05}  # fmt: skip
# Temperatures of the rule `tempered`, spaced evenly in rejected swaps on an RBM 784-500 that had
# learned digits by centred PCD, where neighbours swap with probability 0.4 or more.
BETAS = (1.0, 0.991, 0.981, 0.963, 0.922, 0.83, 0.714, 0.607, 0.518, 0.443, 0.38, 0.322, 0.27,
         0.221, 0.178, 0.138, 0.1, 0.064, 0.031, 0.0)  # fmt: skip
INTERVAL = ("log_p", "low", "high")  # names of what is judged, with the ends of its interval
ABOVE = "reverse_"  # what stands before these names where log Z is estimated from above


@dataclasses.dataclass(frozen=True)
class Config(Workdir, Binarised):
    """Options of the run; each is a flag."""

    binarisation: str = "resampled"
    workdir: str = "runs/rbm_learning_rules"
    rules: tuple[str, ...] = option(
        ("cd1", "cd10", "pcd", "fast_pcd", "centred_pcd", "tempered"),
        f"Learning rules, some of {', '.join(RATES)}.",
        some_of=tuple(RATES),
    )
    below: str | None = option(
        None,
        "Saved machine or stack whose sampled features are learned.",
        role=INPUT,
        shown=file_name,
    )
    tied: bool = option(False, "Start as the machine below turned over, spare units beside it.")
    n_hidden: int = option(500, "Hidden units of the machine that learns.", least=1)
    epochs: int = option(20, "Epochs of each rule.", least=1)
    batch_size: int = option(100, "Cases in a minibatch.", least=1)
    n_chains: int = option(100, "Persistent chains, over all temperatures.", least=1)
    k: int = option(1, "Gibbs steps of persistent chains between updates.", least=1)
    rate: float = option(0.0, "Learning rate at the start; 0: the rule's own.", least=0)
    schedule: str = option("constant", "Rates: constant, or linear to zero.", SCHEDULES)
    momentum: float = option(0.0, "Momentum.", least=0, below=1)
    decay: float = option(0.0, "Weight decay.", least=0)
    averaging: float = option(
        0.002,
        "Least weight of the newest parameters in the average that is judged; 1: no average.",
        above=0,
        most=1,
    )
    points: int = option(
        6, "How often a rule is judged, in even logarithmic steps of epochs.", least=1
    )
    ais_chains: int = option(50, "Chains of annealed importance sampling each time.", least=2)
    n_temperatures: int = option(2000, "Its temperatures.", least=1)
    sample_steps: int = option(
        300, "Steps of the tempered chains behind a reverse estimate.", least=1
    )
    n_samples: int = option(10, "Recognition passes for each case, with --below.", least=1)
    output: str | None = option(None, "File to copy the numbers (rules.json) to.", role=PLACE)
    figure: str | None = option(
        None, "File to copy the figure (learning_rules.png) to.", role=PLACE
    )

    def check_options(self) -> None:
        """Refuses options that cannot be meant, before anything is read, written or learned."""
        super().check_options()
        checks.require(
            not (self.tied and "tempered" in self.rules),
            "--tied: expected rules other than tempered, whose base rates are the biases it starts "
            "from, got tempered among them; take --rules=centred_pcd",
        )
        checks.require(
            self.below is not None or not self.tied,
            "--tied: expected --below too, an RBM that is turned over, got none",
        )

    def rate_of(self, rule: str) -> float:
        """Returns the learning rate at which a rule starts."""
        return self.rate or RATES[rule]


# The smallest run that does all, for tests.
TINY = {"side": 4, "rules": ("cd1", "centred_pcd"), "n_hidden": 3, "epochs": 2, "batch_size": 10,
        "n_chains": 10, "points": 2, "ais_chains": 2, "n_temperatures": 2,
        "sample_steps": 2}  # fmt: skip
