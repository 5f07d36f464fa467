"""dbnjax: restricted Boltzmann machines and deep belief nets as pure JAX functions.

A module of the library is imported when it is first asked for, so that a command's `--help` and
its checks of options need not wait for JAX.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from dbnjax.models import (
        belief_net,
        boltzmann,
        conditional,
        couplings,
        dbn,
        feedforward,
        path,
        rbm,
        stack,
    )
    from dbnjax.sampling import gibbs, ladder, tempering

__version__ = "0.1.0"

__all__ = [
    "ais",
    "annealing",
    "autoencoder",
    "averaging",
    "backprop",
    "belief_net",
    "boltzmann",
    "bounds",
    "classify",
    "complete",
    "conditional",
    "conjugate_gradient",
    "contrastive_divergence",
    "couplings",
    "dbn",
    "diagnostics",
    "evaluation",
    "exact",
    "exact_nets",
    "features",
    "feedforward",
    "fits",
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

_FOLDERS = ("models", "sampling", "learning", "inference", "evaluation", "training")


def __getattr__(name: str) -> Any:
    """Returns the module of that name, wherever in the library it lies."""
    if name in __all__:
        for parent in (__name__, *(f"{__name__}.{folder}" for folder in _FOLDERS)):
            if importlib.util.find_spec(f"{parent}.{name}") is not None:
                return globals().setdefault(name, importlib.import_module(f"{parent}.{name}"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Returns the names that may be imported, loaded or not."""
    return [*globals(), *__all__]
