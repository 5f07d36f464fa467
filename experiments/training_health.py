"""What healthy and unhealthy learning of an RBM look like, drawn for docs/training.md.

    python -m experiments.training_health

fits RBMs to the embedded digits, one well and the others each with one thing wrong, prints what was
measured after the last epoch, and draws all epochs. Half a minute on two CPU cores.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from dbnjax import figures, units
from dbnjax.data import preparation, sources
from dbnjax.learning import persistent
from dbnjax.training import fits
from experiments.common import groups, program, tables
from experiments.common.options import PLACE, option

NUMBERS = {
    "reconstruction_error": "reconstruction error (squared, per case)",
    "free_energy_gap": "free-energy gap, held-out less training (nats)",
    "activity": "mean activity of hidden units, on the data",
    "chain_activity": "the same at the end of persistent chains",
    "mean_size_of_weights": "mean size of the weights",
}


@dataclasses.dataclass(frozen=True)
class Config(groups.Seed):
    """Options of the run; each is a flag."""

    output: str = option("docs/images/training.png", "PNG file to write.", role=PLACE)
    n_hidden: int = option(200, "Hidden units.", least=1)
    epochs: int = option(30, "Epochs of each run.", least=1)
    n_few: int = option(200, "Cases of the run that has too few.", least=1)


def run(config: Config) -> dict[str, list[dict[str, Any]]]:
    """Fits the RBMs, prints and draws; returns the histories by name.

    Raises:
      InputError: an option or the place cannot be used.
    """
    config.check_options()
    source = sources.load("mnist5k", None)
    splits = preparation.make_splits(source, 4000, 500, 500, 0)
    parts = (splits.train.pixels, splits.validation.pixels)
    keys = jax.random.split(jax.random.key(config.seed))
    cases, held_out = (
        np.asarray(jax.random.bernoulli(key, preparation.as_unit_interval(pixels)), np.float32)
        for key, pixels in zip(keys, parts, strict=True)
    )
    runs = {name: fit(config, held_out, cases, wrong) for name, wrong in wrongs(config).items()}
    last = [[name, *(f"{h[-1][k]:.3g}" if k in h[-1] else tables.NONE for k in NUMBERS)]
            for name, h in runs.items()]  # fmt: skip
    print(tables.render(tables.Table(["after the last epoch", *NUMBERS], last)))
    title = "Learning of an RBM of digits: well, and with one thing wrong each time"
    figures.save(figures.histories(runs, NUMBERS, title), config.output)
    print(f"\nfigure: {config.output}")
    return runs


def wrongs(config: Config) -> dict[str, dict[str, Any]]:
    """Returns what each run does otherwise than the first one."""
    pcd = persistent.persistent_contrastive_divergence(100)
    return {
        "well: CD-1, rate 0.05": {},
        "rate 0.5, ten times too large": {"rate": 0.5},
        "rate 0.0005, a hundredth": {"rate": 0.0005},
        f"{config.n_few} cases: overfitting": {"n_cases": config.n_few, "batch_size": 10},
        "PCD, rate 0.005: well": {"learner": pcd, "rate": 0.005},
        "PCD, rate 0.05: hidden units die": {"learner": pcd, "rate": 0.05},
    }


def fit(
    config: Config, held_out: np.ndarray, cases: np.ndarray, wrong: dict[str, Any]
) -> list[dict[str, Any]]:
    """Fits one RBM and returns its history."""
    options = dict(wrong)
    few = cases[: options.pop("n_cases", len(cases))]
    return fits.fit_rbm(
        few, units.Bernoulli, config.n_hidden, n_epochs=config.epochs,
        validation=held_out, seed=config.seed, **options,
    ).history  # fmt: skip


if __name__ == "__main__":
    program.launch(run, Config)
