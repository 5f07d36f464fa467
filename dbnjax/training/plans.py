"""How a net learns, in plain numbers: a plan for each RBM of a stack, and one for up-down.

The recipe is that of section 6.1 of the 2006 paper (Hinton, Osindero and Teh); rates, momentum and
decay, which it does not print, have no defaults of its own.
"""

import dataclasses

from dbnjax.types import Draw


@dataclasses.dataclass(frozen=True)
class LayerPlan:
    """How one RBM of a stack learns.

    Attributes:
      n_hidden: hidden units.
      n_epochs: epochs.
      rate: learning rate at the start.
      rule: "cd", or "pcd" with persistent chains.
      k: Gibbs steps between updates.
      n_chains: persistent chains, with pcd.
      features: its data from the layers below: their probabilities, "mean", or draws, "sample".
      schedule: of the rate: "constant", or "linear" to zero.
      early_momentum: momentum in the first `fitting.EARLY_EPOCHS` epochs.
      momentum: after them.
      decay: weight decay.
    """

    n_hidden: int
    n_epochs: int
    rate: float = 0.1
    rule: str = "cd"
    k: int = 1
    n_chains: int = 100
    features: Draw = "mean"
    schedule: str = "constant"
    early_momentum: float = 0.5
    momentum: float = 0.9
    decay: float = 0.0


@dataclasses.dataclass(frozen=True)
class StackPlan:
    """How a stack learns.

    Attributes:
      layers: plans of its RBMs from the bottom up.
      batch_size: cases in a minibatch.
      pixels: visible units of the lowest: intensities, "mean", or binary draws, "sample".
      data_biases: whether their biases start at log p / (1 - p) of the data.
    """

    layers: tuple[LayerPlan, ...]
    batch_size: int = 100
    pixels: Draw = "mean"
    data_biases: bool = False


@dataclasses.dataclass(frozen=True)
class UpDownPlan:
    """How a net is fine-tuned by up-down, in phases of growing numbers of Gibbs iterations.

    Attributes:
      n_epochs: epochs of each phase.
      n_steps: Gibbs iterations of each phase.
      rate: learning rate at the start.
      schedule: of the rate over all phases: "constant", or "linear" to zero.
      momentum: of every epoch.
      decay: weight decay.
      labels: label states in the memory's chain, as of `up_down.up_down`.
      statistics: top units in the memory's statistics, as of `up_down.up_down`.
      batch_size: cases in a minibatch.
      pixels: visible units: intensities, "mean", or binary draws, "sample".
    """

    n_epochs: tuple[int, ...]
    n_steps: tuple[int, ...]
    rate: float
    schedule: str = "constant"
    momentum: float = 0.0
    decay: float = 0.0
    labels: Draw = "mean"
    statistics: Draw = "sample"
    batch_size: int = 100
    pixels: Draw = "mean"
