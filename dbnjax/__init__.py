"""dbnjax: restricted Boltzmann machines and deep belief nets as pure JAX functions."""

from dbnjax import evaluation, inference, learning, models, sampling, units
from dbnjax.evaluation import (
    ais,
    annealing,
    bounds,
    diagnostics,
    exact,
    exact_nets,
    raise_bound,
    schedules,
)
from dbnjax.inference import classify, complete, features, generate, neighbours
from dbnjax.learning import (
    autoencoder,
    averaging,
    backprop,
    conjugate_gradient,
    contrastive_divergence,
    hybrid,
    missing_labels,
    passes,
    persistent,
    phases,
    tempered,
    up_down,
    updates,
    wake_sleep,
)
from dbnjax.models import belief_net, dbn, feedforward, path, rbm, stack
from dbnjax.sampling import gibbs, ladder, tempering

__version__ = "0.1.0"

__all__ = [
    "ais",
    "annealing",
    "autoencoder",
    "averaging",
    "backprop",
    "belief_net",
    "bounds",
    "classify",
    "complete",
    "conjugate_gradient",
    "contrastive_divergence",
    "dbn",
    "diagnostics",
    "evaluation",
    "exact",
    "exact_nets",
    "features",
    "feedforward",
    "generate",
    "gibbs",
    "hybrid",
    "inference",
    "ladder",
    "learning",
    "missing_labels",
    "models",
    "neighbours",
    "passes",
    "path",
    "persistent",
    "phases",
    "raise_bound",
    "rbm",
    "sampling",
    "schedules",
    "stack",
    "tempered",
    "tempering",
    "units",
    "up_down",
    "updates",
    "wake_sleep",
]
