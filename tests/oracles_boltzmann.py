"""Exact answers about Boltzmann machines of a few units, in float64 NumPy.

A machine is a table: every joint state of all its layers, laid side by side, with an energy.
Nothing here imports the library under test.

Dimensions: S joint states, N units of all layers together.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import oracles
from scipy.special import logsumexp


class Table(NamedTuple):
    """A Boltzmann machine as one table.

    Attributes:
      states: one `[S, n_l]` a layer.
      energy: `[S]`.
      log_weight: `[S]` of the sum or integral.
      log_z: log of the sum over all states.
      probability: `[S]`, for integrals times the weight; it sums to one.
    """

    states: tuple[np.ndarray, ...]
    energy: np.ndarray
    log_weight: np.ndarray
    log_z: float
    probability: np.ndarray


def table(
    layers: Sequence[oracles.Layer], couplings: Mapping[tuple[int, int], np.ndarray]
) -> Table:
    """The table of a machine, by the energy as it is written, pair of units by pair of units.

    Args:
      layers: states and energies of each layer.
      couplings: `[n_l, n_m]` for layers l and m; symmetric where they are one.
    """
    joined = oracles.product(layers)
    ends = np.cumsum([0, *(layer.states.shape[1] for layer in layers)])
    n = ends[-1]
    pairs = np.zeros((n, n))
    for (first, second), weights in couplings.items():
        rows, columns = np.indices(weights.shape)
        pairs[ends[first] + rows, ends[second] + columns] = weights
    energy = joined.energy.copy()
    for i in range(n):
        for j in range(i + 1, n):
            energy -= pairs[i, j] * joined.states[:, i] * joined.states[:, j]
    exponent = joined.log_weight - energy
    log_z = float(logsumexp(exponent))
    states = tuple(np.split(joined.states, ends[1:-1], axis=1))
    return Table(states, energy, joined.log_weight, log_z, np.exp(exponent - log_z))


def conditioned(whole: Table, held: Mapping[int, np.ndarray]) -> Table:
    """The machine given states of some layers: the rows that agree, renormalised.

    Args:
      whole: a machine.
      held: `[n_l]` the state of each layer that is held.
    """
    agrees = np.ones(len(whole.energy), bool)
    for layer, state in held.items():
        agrees &= (whole.states[layer] == state).all(1)
    kept = Table(
        tuple(states[agrees] for states in whole.states),
        whole.energy[agrees],
        whole.log_weight[agrees],
        float(logsumexp(whole.log_weight[agrees] - whole.energy[agrees])),
        whole.probability[agrees] / whole.probability[agrees].sum(),
    )
    return kept


def means(whole: Table) -> tuple[np.ndarray, ...]:
    """The mean state of each layer, `[n_l]`."""
    return tuple(whole.probability @ states for states in whole.states)


def correlations(whole: Table, first: int, second: int) -> np.ndarray:
    """The mean of x y^T of two layers, `[n_first, n_second]`."""
    return (whole.probability[:, None] * whole.states[first]).T @ whole.states[second]
