"""dbnjax: restricted Boltzmann machines and deep belief nets as pure JAX functions."""

from dbnjax import inference, learning, models, sampling, units
from dbnjax.inference import classify, complete, features, generate
from dbnjax.learning import (
    contrastive_divergence,
    passes,
    persistent,
    phases,
    up_down,
    updates,
    wake_sleep,
)
from dbnjax.models import belief_net, dbn, rbm, stack
from dbnjax.sampling import gibbs

__version__ = "0.1.0"

__all__ = [
    "belief_net",
    "classify",
    "complete",
    "contrastive_divergence",
    "dbn",
    "features",
    "generate",
    "gibbs",
    "inference",
    "learning",
    "models",
    "passes",
    "persistent",
    "phases",
    "rbm",
    "sampling",
    "stack",
    "units",
    "up_down",
    "updates",
    "wake_sleep",
]
