"""The table of what a saved net may be made of.

A new model or unit type is storable by an entry here and a method `check()`, which raises
`InputError` for parameters that do not fit each other. The names are a part of the file format: a
class that is renamed keeps its old name as a further key.
"""

from typing import Any, TypeAlias

from dbnjax import units
from dbnjax.models.belief_net import Layer
from dbnjax.models.dbn import DBN
from dbnjax.models.feedforward import Feedforward
from dbnjax.models.rbm import RBM
from dbnjax.models.stack import Stack

Model: TypeAlias = RBM | Stack | DBN | Feedforward
"""What is saved as a whole."""

CLASSES: dict[str, Any] = {
    "RBM": RBM,
    "Stack": Stack,
    "DBN": DBN,
    "Feedforward": Feedforward,
    "Layer": Layer,
    "Bernoulli": units.Bernoulli,
    "Categorical": units.Categorical,
    "Concat": units.Concat,
    "Gaussian": units.Gaussian,
    "Multinomial": units.Multinomial,
    "NoisyRelu": units.NoisyRelu,
    "Poisson": units.Poisson,
    "Present": units.Present,
    "Rectifier": units.Rectifier,
    "Relu": units.Relu,
}
