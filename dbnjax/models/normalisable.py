"""Whether a Boltzmann machine of real-valued or count units has a finite Z."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from dbnjax import checks
from dbnjax.models.couplings import Coupling
from dbnjax.units.base import BOUNDED, QUADRATIC, X_LOG_X


def check(layers: Sequence[Any], couplings: Sequence[Coupling]) -> None:
    """Raises `InputError` for a model whose energy provably has no finite Z.

    As `rbm.check_normalisable`, of all layers together. Among real-valued units the largest
    eigenvalue of sigma M sigma must stay below 1, where M holds all couplings: exactly then
    is the precision diag(1 / sigma^2) - M positive definite. With one-sided units the directions
    tried prove, and a model that passes is not proven normalisable.
    """
    tails = [unit.tails() for unit in layers]
    order = np.concatenate([tail.order for tail in tails])
    if (order == BOUNDED).sum() > order.size - 1:
        return
    matrix = _joint(layers, couplings)
    one_sided = np.concatenate([tail.one_sided for tail in tails])
    scale = np.concatenate([tail.scale for tail in tails])
    unbounded = (order[:, None] != BOUNDED) & (order[None] != BOUNDED)
    counts = unbounded & ((order[:, None] == X_LOG_X) | (order[None] == X_LOG_X))
    harmful = counts & np.where(one_sided[:, None] & one_sided[None], matrix > 0, matrix != 0)
    checks.require(
        not harmful.any(),
        f"this model cannot be normalised: {int(harmful.sum()) // 2} couplings join counts "
        "(Poisson) to unbounded units and outgrow x log x; make one layer binary, or keep these "
        "weights at or below zero where neither side is negative, at zero elsewhere",
    )
    real = order == QUADRATIC
    scaled = (scale[:, None] * matrix * scale[None])[np.ix_(real, real)]
    reach = _steepest_direction(scaled, one_sided[real]) if real.any() else 0.0
    checks.require(
        reach < 1.0,
        "this model cannot be normalised: expected a positive definite precision of the real "
        f"units, sigma M sigma below 1 in every direction, got {reach:.3g}; use smaller couplings "
        "between real units, or smaller variances",
    )


def _joint(layers: Sequence[Any], couplings: Sequence[Coupling]) -> np.ndarray:
    """Returns all couplings as one symmetric matrix over all units, on the host."""
    ends = np.cumsum([0, *(unit.size for unit in layers)])
    places = [slice(a, b) for a, b in itertools.pairwise(ends)]
    matrix = np.zeros((ends[-1], ends[-1]), np.float64)
    for coupling in couplings:
        weights = np.asarray(coupling.weights, np.float64)
        matrix[places[coupling.first], places[coupling.second]] = weights
        matrix[places[coupling.second], places[coupling.first]] = weights.T
    return matrix


def _steepest_direction(scaled: np.ndarray, one_sided: np.ndarray) -> float:
    """Returns the largest z S z found over unit vectors that are not negative where one-sided.

    Exact where nothing is one-sided; else a lower bound from pairs of units and from the leading
    eigenvectors of S and of its positive part, with forbidden signs cut off.
    """
    both = one_sided[:, None] & one_sided[None]
    found = [float(np.where(both, scaled, np.abs(scaled)).max())]
    for matrix in (scaled, np.maximum(scaled, 0.0)):
        top = np.linalg.eigh(matrix)[1][:, -1]
        for z in (top, -top):
            z = np.where(one_sided, np.maximum(z, 0.0), z)
            length = float(z @ z)
            if length > 0:
                found.append(float(z @ scaled @ z) / length)
    return max(found)
