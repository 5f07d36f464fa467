"""Figure 2 of the 2006 paper: two rare causes of one event that explain each other away.

Command: python -m experiments.explaining_away
Machine: anything; 2 seconds on one CPU core, no files are written.
Expected: given that the house jumped, p(truck hit) = p(earthquake) = 0.5000; given the truck
as well, the earthquake falls back to 0.0001; the two causes' correlation is -0.9998.

The net is small enough for its posterior to be enumerated, so nothing here is estimated.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from dbnjax import units
from dbnjax.evaluation import belief_nets
from dbnjax.models.belief_net import BeliefNet, Layer
from experiments.common import options, program


@dataclasses.dataclass(frozen=True)
class Config(options.Options):
    """The numbers of the figure."""

    cause_bias: float = options.option(-10.0, "Bias of the truck and of the earthquake.")
    jump_bias: float = options.option(-20.0, "Bias of the jumping house.")
    weight: float = options.option(20.0, "Weight from each cause to the house.")


class Result(NamedTuple):
    """Probabilities given that the house jumped.

    Attributes:
      posterior: `[4]` of (truck, earthquake) = 00, 01, 10, 11.
      earthquake: p(earthquake).
      earthquake_given_truck: p(earthquake) once the truck is known to have hit the house.
      correlation: of the two causes; they are independent before the observation.
    """

    posterior: np.ndarray
    earthquake: float
    earthquake_given_truck: float
    correlation: float


def make_net(config: Config) -> BeliefNet:
    """Makes the net: a truck and an earthquake above a jumping house."""
    causes = units.Bernoulli(jnp.full(2, config.cause_bias))
    jump = Layer(units.Bernoulli(jnp.array([config.jump_bias])), jnp.full((2, 1), config.weight))
    return BeliefNet(prior=causes, layers=(jump,))


def summarise(states: np.ndarray, posterior: np.ndarray) -> Result:
    """Reads the figure's point off the posterior over (truck, earthquake)."""
    truck, earthquake = posterior @ states
    both = posterior[states.all(-1)].sum()
    spread = np.sqrt(truck * (1 - truck) * earthquake * (1 - earthquake))
    return Result(
        posterior=posterior,
        earthquake=float(earthquake),
        earthquake_given_truck=float(both / truck),
        correlation=float((both - truck * earthquake) / spread),
    )


def run(config: Config) -> Result:
    """Prints the exact posterior and returns it.

    Raises:
      InputError: an option is no number.
    """
    config.check_options()
    (causes,), posterior = belief_nets.posterior(make_net(config), jnp.ones(1))
    states = np.asarray(causes, np.float64)
    result = summarise(states, np.asarray(posterior, np.float64))
    print("The house jumped. What happened?")
    print("truck  earthquake  probability")
    for (truck, earthquake), p in zip(np.asarray(states, int), result.posterior, strict=True):
        print(f"{truck:5d}  {earthquake:10d}  {p:.6f}")
    print(f"p(earthquake)                 {result.earthquake:.4f}")
    print(f"p(earthquake | truck as well) {result.earthquake_given_truck:.4f}")
    print(f"correlation of the causes     {result.correlation:.4f} (0 before the jump)")
    return result


if __name__ == "__main__":
    program.launch(run, Config)
