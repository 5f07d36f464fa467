"""What likelihoods are called, and those of MNIST's test images that others report."""

from typing import Any, NamedTuple

from experiments.common.tables import NONE

FORWARD, REVERSE, EXACT = "log Z forward", "log Z reverse", "log Z exact"  # columns
FREE = "no log Z"  # the column of what needs none
LOG_P, LOG_P_AND_LABEL = "log p(v)", "log p(v, label)"
PSEUDO = "pseudo-log-likelihood"


def bound_on(quantity: str) -> str:
    """Returns what the bound of equation 4.2 is called."""
    return f"bound on {quantity}"


def weighted(quantity: str) -> str:
    """Returns what the estimate by importance weights is called."""
    return f"importance-weighted {quantity}"


RULES = {"cd1": "CD-1", "cd10": "CD-10", "pcd": "PCD", "centred_pcd": "centred PCD"}


def learned_by(record: dict[str, Any]) -> str:
    """Names a model with its learning rule, where that is known."""
    rule = record["net"].get("rule")
    return record["model"] + (f", {RULES.get(rule, rule)}" if rule else "")


def of_net(net: dict[str, Any]) -> str:
    """Tells how a net was made (`common.nets.origin`), but for the command."""
    told = ", ".join(f"{name} {value}" for name, value in net.items() if name != "command")
    return told or "nothing is known of how it was made"


RAISE = f"RAISE {bound_on(LOG_P)}"


class Reported(NamedTuple):
    """A number of others, in nats an image, for test images of MNIST.

    Attributes:
      model: what was trained, and how.
      pixels: the binarisation, as far as it is told.
      quantity: as in our own tables.
      values: by column.
      source: where it is printed, and how sure that is.
    """

    model: str
    pixels: str
    quantity: str
    values: dict[str, float]
    source: str


SECONDARY = "reported by others"
RECALLED = "recalled, not verified"
REPORTED = (
    Reported("mixture of 500 Bernoullis", NONE, LOG_P, {FREE: -137.64}, SECONDARY),
    Reported("RBM 784-500, CD-1", NONE, LOG_P, {FORWARD: -125.5}, RECALLED),
    Reported("RBM 784-500, CD-3", NONE, LOG_P, {FORWARD: -105.5}, RECALLED),
    Reported("RBM 784-500, CD-25", "stochastic", LOG_P, {FORWARD: -86.34}, SECONDARY),
    Reported(
        "RBM 784-500, centred PCD-1, 200 epochs",
        "threshold",
        LOG_P,
        {FORWARD: -84.86, REVERSE: -96.61},
        "released code",
    ),
    Reported("DBN 784-500-2000", NONE, bound_on(LOG_P), {FORWARD: -86.22}, RECALLED),
    Reported("DBN 784-500-2000", NONE, weighted(LOG_P), {FORWARD: -84.55}, SECONDARY),
)


def others(model: str, quantity: str) -> str:
    """Returns what others report of a model, with the rule or the source of each number."""
    return "; ".join(
        f"{one.values[FORWARD]:.2f} ({one.model.removeprefix(model).lstrip(', ') or one.source})"
        for one in REPORTED
        if one.model.startswith(model) and one.quantity == quantity
    )
