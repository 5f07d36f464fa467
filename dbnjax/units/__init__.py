"""Unit types: each owns its energy, cumulant, mean, sampler and sufficient statistics."""

from dbnjax.units.base import Conditional, Tails, Unit
from dbnjax.units.bernoulli import Bernoulli
from dbnjax.units.categorical import Categorical
from dbnjax.units.concat import Concat
from dbnjax.units.gaussian import Gaussian
from dbnjax.units.multinomial import Multinomial
from dbnjax.units.poisson import Poisson
from dbnjax.units.presence import Present, present
from dbnjax.units.rectifier import Rectifier
from dbnjax.units.relu import NoisyRelu, Relu

__all__ = [
    "Bernoulli",
    "Categorical",
    "Concat",
    "Conditional",
    "Gaussian",
    "Multinomial",
    "NoisyRelu",
    "Poisson",
    "Present",
    "Rectifier",
    "Relu",
    "Tails",
    "Unit",
    "present",
]
