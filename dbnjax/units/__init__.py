"""Unit types: each owns its energy, cumulant, mean, sampler and sufficient statistics."""

from dbnjax.units.base import Conditional, Tails, Unit
from dbnjax.units.bernoulli import Bernoulli
from dbnjax.units.categorical import Categorical
from dbnjax.units.concat import Concat
from dbnjax.units.gaussian import Gaussian
from dbnjax.units.poisson import Poisson
from dbnjax.units.rectifier import Rectifier
from dbnjax.units.relu import NoisyRelu, Relu

__all__ = [
    "Bernoulli",
    "Categorical",
    "Concat",
    "Conditional",
    "Gaussian",
    "NoisyRelu",
    "Poisson",
    "Rectifier",
    "Relu",
    "Tails",
    "Unit",
]
