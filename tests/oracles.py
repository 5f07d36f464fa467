"""Exact answers by enumeration and quadrature, in float64 NumPy, for machines of a few units.

Every layer is reduced to one thing, a finite table of states with energies and weights, so that
one formula serves all: a sum over binary, one-of-K or counted states has weights of one (counts
are cut where the tail is below rounding), and an integral has Gauss-Legendre weights. An RBM of
two such tables is one matrix. Nothing here imports the library under test.

Dimensions: S states, n units, Sv and Sh the states of a visible and a hidden layer.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, logsumexp

REACH = 16.0
N_NODES = 120
LARGEST_COUNT = 60
LOG_VARIANCE_LIMIT = 6.0


class Layer(NamedTuple):
    """The states of a layer of units.

    Attributes:
      states: `[S, n]`.
      energy: `[S]` E(x), without any input from other layers.
      log_weight: `[S]` log of the state's weight in the sum or integral.
    """

    states: np.ndarray
    energy: np.ndarray
    log_weight: np.ndarray


def binary_states(n: int) -> np.ndarray:
    """All 0/1 vectors, `[2^n, n]`."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=n))).reshape(-1, n)


def one_hot_states(n_groups: int, n_categories: int) -> np.ndarray:
    """All joint states of one-of-K groups, `[K^groups, groups * K]`."""
    chosen = itertools.product(np.eye(n_categories), repeat=n_groups)
    return np.array([np.concatenate(groups) for groups in chosen])


_leggauss = functools.cache(np.polynomial.legendre.leggauss)


def gauss_legendre(low: float, high: float, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and log weights of an integral over [low, high]."""
    nodes, weights = _leggauss(n_nodes)
    half = 0.5 * (high - low)
    return low + half * (nodes + 1.0), np.log(half * weights)


def _grid(n: int, low: float, high: float, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, log_weights = gauss_legendre(low, high, n_nodes)
    states = np.array(list(itertools.product(nodes, repeat=n)))
    return states, np.array(list(itertools.product(log_weights, repeat=n))).sum(-1)


def bounded_log_variance(raw: np.ndarray) -> np.ndarray:
    """The log variance of a real unit from its unbounded parameter."""
    return LOG_VARIANCE_LIMIT * np.tanh(raw / LOG_VARIANCE_LIMIT)


def bernoulli(bias: np.ndarray) -> Layer:
    """Binary units, E = -b x."""
    states = binary_states(len(bias))
    return Layer(states, -states @ bias, np.zeros(len(states)))


def categorical(bias: np.ndarray, n_categories: int) -> Layer:
    """Softmax groups, E = -b x on one-of-K states."""
    states = one_hot_states(len(bias) // n_categories, n_categories)
    return Layer(states, -states @ bias, np.zeros(len(states)))


def multinomial(bias: np.ndarray, n_draws: int) -> Layer:
    """Counts of draws from one softmax, E = -b n; one state for each sequence of the draws."""
    sequences = np.array(list(itertools.product(range(len(bias)), repeat=n_draws)), int)
    states = np.eye(len(bias))[sequences.reshape(len(bias) ** n_draws, n_draws)].sum(1)
    return Layer(states, -states @ bias, np.zeros(len(states)))


def absent(n: int) -> Layer:
    """Units that are not there: one state, zeros, without an energy."""
    return Layer(np.zeros((1, n)), np.zeros(1), np.zeros(1))


def poisson(bias: np.ndarray) -> Layer:
    """Counts 0 .. LARGEST_COUNT, E = log x! - b x."""
    counts = itertools.product(np.arange(LARGEST_COUNT + 1.0), repeat=len(bias))
    states = np.array(list(counts))
    return Layer(states, gammaln(states + 1).sum(-1) - states @ bias, np.zeros(len(states)))


def gaussian(bias: np.ndarray, raw_log_variance: np.ndarray) -> Layer:
    """Real units on [-REACH, REACH], E = (x - b)^2 / 2 sigma^2."""
    states, log_weight = _grid(len(bias), -REACH, REACH, N_NODES)
    variance = np.exp(bounded_log_variance(raw_log_variance))
    return Layer(states, (0.5 * (states - bias) ** 2 / variance).sum(-1), log_weight)


def relu(bias: np.ndarray, raw_log_variance: np.ndarray) -> Layer:
    """Real units on [0, REACH], E = x^2 / 2 sigma^2 - b x."""
    states, log_weight = _grid(len(bias), 0.0, REACH, N_NODES // 2)
    variance = np.exp(bounded_log_variance(raw_log_variance))
    return Layer(states, (0.5 * states**2 / variance - bias * states).sum(-1), log_weight)


def product(layers: Sequence[Layer]) -> Layer:
    """Independent layers side by side: the product of their states."""
    joined = layers[0]
    for layer in layers[1:]:
        left = np.repeat(np.arange(len(joined.states)), len(layer.states))
        right = np.tile(np.arange(len(layer.states)), len(joined.states))
        joined = Layer(
            np.concatenate([joined.states[left], layer.states[right]], axis=-1),
            joined.energy[left] + layer.energy[right],
            joined.log_weight[left] + layer.log_weight[right],
        )
    return joined


def log_partition(layer: Layer, field: np.ndarray) -> np.ndarray:
    """log sum_x exp(-E(x) + x . f), `[...]` for fields `[..., n]`."""
    return logsumexp(field @ layer.states.T - layer.energy + layer.log_weight, axis=-1)


def probabilities(layer: Layer, field: np.ndarray) -> np.ndarray:
    """The probability of each state (for an integral, density times weight), `[..., S]`."""
    exponent = field @ layer.states.T - layer.energy + layer.log_weight
    return np.exp(exponent - logsumexp(exponent, axis=-1, keepdims=True))


def negative_slope(energy: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """-dE/dparameter of each state by central differences.

    Args:
      energy: from a parameter `[n]` to energies `[S]`.
      at: the parameter `[n]`.

    Returns:
      `[S, n]`, good to about 1e-9 for energies of order one.
    """
    steps = 1e-5 * np.eye(len(at))
    return np.stack([(energy(at - step) - energy(at + step)) / 2e-5 for step in steps], axis=-1)


class Joint(NamedTuple):
    """An RBM as one table.

    Attributes:
      visible: its visible layer.
      hidden: its hidden layer.
      energy: `[Sv, Sh]` E(v, h) = E_v + E_h - v W h.
      log_z: log of the sum over all states.
      probability: `[Sv, Sh]` p(v, h), for integrals times both weights; it sums to one.
    """

    visible: Layer
    hidden: Layer
    energy: np.ndarray
    log_z: float
    probability: np.ndarray

    @property
    def visible_marginal(self) -> np.ndarray:
        """p(v), `[Sv]`."""
        return self.probability.sum(1)

    @property
    def hidden_marginal(self) -> np.ndarray:
        """p(h), `[Sh]`."""
        return self.probability.sum(0)

    @property
    def free_energy(self) -> np.ndarray:
        """-log sum_h exp(-E(v, h)), `[Sv]`."""
        return -logsumexp(self.hidden.log_weight - self.energy, axis=1)

    @property
    def hidden_free_energy(self) -> np.ndarray:
        """-log sum_v exp(-E(v, h)), `[Sh]`."""
        return -logsumexp(self.visible.log_weight[:, None] - self.energy, axis=0)

    @property
    def log_hidden_given_visible(self) -> np.ndarray:
        """log p(h | v), `[Sv, Sh]`; a log density where hidden units are real."""
        return self.free_energy[:, None] - self.energy

    @property
    def log_visible_given_hidden(self) -> np.ndarray:
        """log p(v | h), `[Sv, Sh]`; a log density where visible units are real."""
        return self.hidden_free_energy - self.energy


def rbm_joint(visible: Layer, hidden: Layer, weights: np.ndarray) -> Joint:
    """The table of a machine of two layers and weights `[n_visible, n_hidden]`."""
    coupling = visible.states @ weights @ hidden.states.T
    energy = visible.energy[:, None] + hidden.energy - coupling
    exponent = visible.log_weight[:, None] + hidden.log_weight - energy
    log_z = float(logsumexp(exponent))
    return Joint(visible, hidden, energy, log_z, np.exp(exponent - log_z))


def coupling_gradient(joint: Joint, data: np.ndarray) -> np.ndarray:
    """d/dW of the expected log p(v): <v h> under the data less <v h> under the model.

    Args:
      joint: a machine.
      data: `[Sv]` the data's distribution over the visible states.

    Returns:
      `[n_visible, n_hidden]`.
    """
    clamped = data[:, None] * joint.probability / joint.visible_marginal[:, None]
    return joint.visible.states.T @ (clamped - joint.probability) @ joint.hidden.states


def asymmetric_rbm(
    seed: int, n_visible: int, n_hidden: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strong couplings without any symmetry, so that a wrong sign or half-step shows.

    Returns:
      Visible bias `[n_visible]`, hidden bias `[n_hidden]` and weights, of order 1 to 2 and
      exact in float32.
    """
    generator = np.random.default_rng(seed)
    shapes = ((n_visible,), (n_hidden,), (n_visible, n_hidden))
    drawn = [generator.normal(0.4, 1.3, shape) for shape in shapes]
    visible_bias, hidden_bias, weights = (x.astype(np.float32).astype(float) for x in drawn)
    return visible_bias, hidden_bias, weights


def draw_states(
    generator: np.random.Generator, states: np.ndarray, probability: np.ndarray, n: int
) -> np.ndarray:
    """Exact draws from an enumerated distribution, `[n, n_units]`."""
    return states[generator.choice(len(states), size=n, p=probability)]


def frequencies(states: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """The share of samples `[..., n]` in each of the states `[S, n]`; every one must be there."""
    rows = np.asarray(samples, float).reshape(-1, states.shape[1])
    numbers, drawn = np.zeros(len(states), int), np.zeros(len(rows), int)
    for own, seen in zip(states.T, rows.T, strict=True):  # the digits of a state's number
        values = np.unique(own)
        numbers = len(values) * numbers + np.searchsorted(values, own)
        drawn = len(values) * drawn + np.searchsorted(values, seen)
    order = np.argsort(numbers)
    place = order[np.searchsorted(numbers[order], drawn)]
    assert np.array_equal(states[place], rows)
    return np.bincount(place, minlength=len(states)) / len(rows)


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Half the sum of absolute differences of two distributions."""
    return 0.5 * float(np.abs(p - q).sum())


def total_variation_floor(p: np.ndarray, n: int, failure: float = 1e-6) -> float:
    """What the distance from p to the frequencies of n exact, independent draws stays below.

    The expectation is at most sum sqrt(p (1 - p) / n) / 2 (Jensen), and one draw moves the
    distance by at most 1/n, so McDiarmid's inequality adds sqrt(log(1 / failure) / 2n).
    """
    expected = 0.5 * float(np.sqrt(p * (1 - p) / n).sum())
    return expected + math.sqrt(math.log(1 / failure) / (2 * n))
